import { setTimeout as wait } from 'node:timers/promises';
import type {
  Connector,
  ConnectorGround,
  GoodsNews,
  NewsFeed,
  UpstreamAccount,
  UpstreamGoods,
  UpstreamInputField,
  UpstreamResult,
  WireRecord,
} from './connector.ts';
import { CATALOGUE_DOCUMENT, PLACE_DOCUMENT } from './fenzhan-documents.ts';
import { placeAt } from './fenzhan-news.ts';
import { dataOf, errorIn, sendToFenzhan, unanswered } from './fenzhan-wire.ts';
import { costOfOne } from './goods.ts';
import { amountOf, countOf, fieldOf, itemsOf, type JsonValue, textOf } from './json.ts';
import { CATALOGUE_ANSWER_BYTES, failedResult, refusedResult, type WireReply } from './wire.ts';

// The catalogue of another Fenzhan, read page by page: all of it, or a failure.

/** 20,000 SKUs. */
const PAGES_MAX = 200;
/** Records of a long listing that are worth keeping: how it ended. */
const RECORDS_KEPT = 3;
/** A listing that has used up its points waits for more of them: the other side gives them back by the second. */
const THROTTLED_WAIT_MILLISECONDS = 1_000;
const THROTTLED_WAITS_MAX = 60;

/** What it sells to this account, as it can be imported. */
export async function listGoods(ground: ConnectorGround, account: UpstreamAccount): ReturnType<Connector['listGoods']> {
  const read = await readCatalogue(ground, account);
  return read.kind === 'FAILED' ? read : { ...read, value: read.value.flatMap((offered) => goodsOf(offered) ?? []) };
}

/** How all that is for sale to this account is now, also what cannot be imported, with the place from before it was read. */
export async function readAll(ground: ConnectorGround, account: UpstreamAccount): ReturnType<NewsFeed['readAll']> {
  const place = await placeNow(ground, account);
  if (place.kind === 'FAILED') return place;
  const read = await readCatalogue(ground, account);
  return read.kind === 'FAILED' ? read : { ...read, value: { place: place.value, news: read.value.map(newsOf) } };
}

async function placeNow(ground: ConnectorGround, account: UpstreamAccount): Promise<UpstreamResult<string>> {
  const reply = await sendToFenzhan(ground, account, PLACE_DOCUMENT, {});
  if (reply.kind === 'FAILED') return failedResult(reply);
  const cursor = textOf(dataOf(reply, 'eventCursor'));
  return cursor === null ? unanswered(reply, [reply.wire]) : { kind: 'ANSWERED', value: placeAt(cursor), wire: [reply.wire] };
}

/** A SKU that has a price for the account, in its money. */
type Offered = { readonly id: string; readonly unitCost: string; readonly stockCount: number | null; readonly sku: JsonValue };

/** Every page of it. One that breaks off, or of which a part could not be answered, is no catalogue: what it lacks may be there. */
async function readCatalogue(ground: ConnectorGround, account: UpstreamAccount): Promise<UpstreamResult<readonly Offered[]>> {
  const goods = new Map<string, Offered>();
  let wire: readonly WireRecord[] = [];
  let after: string | null = null;
  let waitsLeft = THROTTLED_WAITS_MAX;
  for (let page = 1; page <= PAGES_MAX; ) {
    const reply: WireReply = await sendToFenzhan(ground, account, CATALOGUE_DOCUMENT, { after }, CATALOGUE_ANSWER_BYTES);
    wire = [...wire, reply.wire].slice(-RECORDS_KEPT);
    if (reply.kind === 'FAILED') return failedResult(reply, wire.slice(0, -1));
    if (errorIn(reply)?.code === 'THROTTLED' && waitsLeft > 0) {
      waitsLeft -= 1;
      await wait(THROTTLED_WAIT_MILLISECONDS);
      continue;
    }
    const catalogue = dataOf(reply, 'catalogue');
    const rows = itemsOf(fieldOf(catalogue, 'edges'));
    if (rows === null || errorIn(reply) !== null) return unanswered(reply, wire);
    for (const row of rows) {
      const offered = offeredIn(fieldOf(row, 'node'), account.currency);
      if (offered !== null) goods.set(offered.id, offered);
    }
    const more = fieldOf(catalogue, 'pageInfo');
    if (fieldOf(more, 'hasNextPage') === false) return { kind: 'ANSWERED', value: [...goods.values()], wire };
    const next = textOf(fieldOf(more, 'endCursor'));
    if (next === null || next === after) return refusedResult('CONTRADICTION', 'The catalogue does not say where it goes on.', wire);
    after = next;
    page += 1;
  }
  return refusedResult('ANSWER_TOO_LONG', `It lists more than ${PAGES_MAX * 100} SKUs.`, wire);
}

/** What has no price for this station, or one in other money, is not for sale to it. */
function offeredIn(sku: JsonValue | undefined, currency: string): Offered | null {
  const offer = fieldOf(sku, 'offer');
  const unitPrice = fieldOf(offer, 'unitPrice');
  const [id, price] = [textOf(fieldOf(sku, 'id')), amountOf(fieldOf(unitPrice, 'amount'))];
  if (sku === undefined || id === null || price === null || textOf(fieldOf(unitPrice, 'currency')) !== currency) return null;
  const unitCost = costOfOne(price, countOf(fieldOf(sku, 'unitSize')) ?? 1);
  return { id, unitCost, stockCount: countOf(fieldOf(fieldOf(offer, 'stock'), 'availableCount')), sku };
}

function newsOf({ id, unitCost, stockCount }: Offered): GoodsNews {
  return { goods: { sku_id: id }, unitCost, stockCount };
}

function goodsOf({ id, unitCost, stockCount, sku }: Offered): UpstreamGoods | null {
  // what a bundle delivers cannot be counted from here
  if (textOf(fieldOf(sku, 'deliveryKind')) === 'BUNDLE') return null;
  const product = fieldOf(sku, 'product');
  const productName = textOf(fieldOf(product, 'name')) ?? '';
  return {
    goods: { sku_id: id },
    categoryPath: categoryPathOf(fieldOf(product, 'category')),
    productName,
    skuName: textOf(fieldOf(sku, 'name')) ?? productName,
    unitCost,
    stockCount,
    minQuantity: countOf(fieldOf(sku, 'minQuantity')),
    maxQuantity: countOf(fieldOf(sku, 'maxQuantity')),
    goodsKind: textOf(fieldOf(sku, 'goodsKind')) === 'TOP_UP' ? 'TOP_UP' : 'CARD_KEY',
    inputFields: (itemsOf(fieldOf(sku, 'inputFields')) ?? []).flatMap(inputFieldOf),
  };
}

function inputFieldOf(field: JsonValue): UpstreamInputField[] {
  const name = textOf(fieldOf(field, 'name'));
  return name === null ? [] : [{ name, label: textOf(fieldOf(field, 'label')) ?? name, isRequired: fieldOf(field, 'isRequired') === true }];
}

function categoryPathOf(category: JsonValue | undefined): readonly string[] {
  const name = textOf(fieldOf(category, 'name'));
  return name === null ? [] : [...categoryPathOf(fieldOf(category, 'parent')), name];
}
