import type { Connector, UpstreamGoods, UpstreamInputField, UpstreamResult, WireRecord } from './connector.ts';
import { codeOf, countOf, fieldOf, itemsOf, type JsonValue, textOf } from './json.ts';
import type { KasushouSend } from './kasushou.ts';
import { CATALOGUE_ANSWER_BYTES, failedResult, type WireDocument } from './wire.ts';

const PAGE_ROWS = 100;
/** 50,000 goods or so; the shop answers one page at a time. */
const CALLS_MOST = 500;
/** So many top-ups are asked for their fields; of the others only the account itself is known. */
const TEMPLATES_MOST = 200;
const ACCOUNT_FIELD: UpstreamInputField = { name: 'recharge_account', label: '充值账号', isRequired: true };

type Refuse = (reply: WireDocument, wire: readonly WireRecord[]) => UpstreamResult<never>;
type Shelf = { readonly id: number; readonly path: readonly string[] };

/** Everything that is for sale, shelf by shelf: the list itself does not say where its goods stand. */
export async function listKasushou(send: KasushouSend, refused: Refuse): ReturnType<Connector['listGoods']> {
  const shelves = await send('goods/cate', {}, CATALOGUE_ANSWER_BYTES);
  if (shelves.kind === 'FAILED') return failedResult(shelves);
  const categories = itemsOf(fieldOf(shelves.json, 'data'));
  if (codeOf(fieldOf(shelves.json, 'code')) !== 200 || categories === null) return refused(shelves, [shelves.wire]);
  const goods = new Map<string, UpstreamGoods>();
  let [calls, wire] = [0, [shelves.wire] as readonly WireRecord[]];
  // the last shelf is all of them: what stands nowhere is found there
  for (const { id, path } of [...categories.flatMap((each) => shelvesOf(each, [])), { id: 0, path: [] }]) {
    for (let page = 1, isLast = false; !isLast; page += 1) {
      calls += 1;
      if (calls > CALLS_MOST) return { kind: 'FAILED', reason: 'ANSWER_TOO_LONG', message: 'Its catalogue is too long to be read.', wire };
      const reply = await send('goods/list', { cate_id: id, keyword: '', limit: PAGE_ROWS, page }, CATALOGUE_ANSWER_BYTES);
      if (reply.kind === 'FAILED') return failedResult(reply, wire);
      // how it began and how it ended are worth keeping
      wire = [shelves.wire, reply.wire];
      const rows = itemsOf(fieldOf(fieldOf(reply.json, 'data'), 'list'));
      if (codeOf(fieldOf(reply.json, 'code')) !== 200 || rows === null) return refused(reply, wire);
      for (const row of rows.filter((each) => codeOf(fieldOf(each, 'status')) === 1)) {
        const key = textOf(fieldOf(row, 'id')) ?? '';
        if (!goods.has(key)) goods.set(key, goodsOf(row, path));
      }
      isLast = rows.length < PAGE_ROWS;
    }
  }
  return { kind: 'ANSWERED', value: await withTemplates(send, [...goods.values()]), wire };
}

/** Three levels at most, each with goods of its own. */
function shelvesOf(category: JsonValue, above: readonly string[]): Shelf[] {
  const path = [...above, textOf(fieldOf(category, 'name')) ?? ''].filter((name) => name !== '');
  const id = countOf(fieldOf(category, 'id'));
  const below = (itemsOf(fieldOf(category, 'children')) ?? []).flatMap((child) => shelvesOf(child, path));
  // the lowest first: goods are listed under what stands above it as well
  return id === null ? below : [...below, { id, path }];
}

function goodsOf(row: JsonValue, categoryPath: readonly string[]): UpstreamGoods {
  const name = textOf(fieldOf(row, 'goods_name')) ?? '';
  const isTopUp = codeOf(fieldOf(row, 'goods_type')) !== 1;
  return {
    goods: { id: textOf(fieldOf(row, 'id')) ?? '' },
    categoryPath,
    productName: name,
    skuName: name,
    // what is no amount stays as it came: whoever imports it refuses it by name
    unitCost: textOf(fieldOf(row, 'goods_price')) ?? '',
    stockCount: countOf(fieldOf(row, 'stock_num')),
    minQuantity: null,
    maxQuantity: null,
    goodsKind: isTopUp ? 'TOP_UP' : 'CARD_KEY',
    inputFields: isTopUp ? [ACCOUNT_FIELD] : [],
  };
}

async function withTemplates(send: KasushouSend, goods: readonly UpstreamGoods[]): Promise<UpstreamGoods[]> {
  const asked = new Set(goods.filter(({ goodsKind }) => goodsKind === 'TOP_UP').slice(0, TEMPLATES_MOST));
  const filled: UpstreamGoods[] = [];
  for (const each of goods) {
    if (!asked.has(each)) filled.push(each);
    else {
      const reply = await send('goods/attach', { goods_id: each.goods['id'] ?? '' });
      const fields = reply.kind === 'JSON' ? fieldsOf(fieldOf(reply.json, 'data')) : [];
      filled.push(fields.length === 0 ? each : { ...each, inputFields: fields });
    }
  }
  return filled;
}

function fieldsOf(template: JsonValue | undefined): UpstreamInputField[] {
  return (itemsOf(template) ?? []).flatMap((field) => {
    const name = textOf(fieldOf(field, 'key')) ?? '';
    return name === '' ? [] : [{ name, label: textOf(fieldOf(field, 'name')) ?? name, isRequired: true }];
  });
}
