import type { ConnectorGround, GoodsNews, Listening, NewsEnd, UpstreamAccount } from './connector.ts';
import { PRICES_DOCUMENT, STOCK_DOCUMENT } from './fenzhan-documents.ts';
import { costOfOne } from './goods.ts';
import { listenBySocket, type SocketEnd, type SocketResult } from './graphql-socket.ts';
import { amountOf, countOf, fieldOf, itemsOf, type JsonValue, parseJson, textOf } from './json.ts';

// What another Fenzhan tells of prices and stock by itself (connectors.md F): two subscriptions on one socket, each of which goes on
// after its own last event.

/** The cursors of both subscriptions. */
type Place = { readonly prices: string; readonly stock: string };

const REFUSED_CODES = ['UNAUTHENTICATED', 'FORBIDDEN'];
/** The place is too old, or of another database than the one that answers now. */
const LOST_PLACE_CODES = ['CURSOR_EXPIRED', 'BAD_USER_INPUT'];
/** Close codes of a key that was revoked, or may not be used from here. */
const REFUSED_CLOSES = [4401, 4403];
const MESSAGE_CHARACTERS = 200;

/** The place of both subscriptions at a cursor that is good for any. */
export function placeAt(cursor: string): string {
  return placeText({ prices: cursor, stock: cursor });
}

/** Listens from a place until it ends. */
export async function listenToFenzhan(ground: ConnectorGround, account: UpstreamAccount, listening: Listening): Promise<NewsEnd> {
  const begun = readPlace(listening.place);
  if (begun === null) return { kind: 'READ_AGAIN' };
  let place = begun;
  const ended = await listenBySocket<'READ_AGAIN' | 'NO_NEWS'>(ground, {
    url: `${account.baseUrl}/graphql`,
    connectionParams: { authorization: `Bearer ${account.settings['api_key'] ?? ''}` },
    subscriptions: [
      { id: 'prices', query: PRICES_DOCUMENT, variables: { after: place.prices } },
      { id: 'stock', query: STOCK_DOCUMENT, variables: { after: place.stock } },
    ],
    hear: async (results) => {
      const readings = results.map((result) => readResult(result, account.currency));
      const end = readings.find((reading) => typeof reading === 'string');
      if (end !== undefined) return end;
      const told = readings.filter((reading) => typeof reading !== 'string');
      for (const { cursors } of told) place = { ...place, ...cursors };
      await listening.hear(mergeNews(told.flatMap(({ news }) => news)), placeText(place));
      return null;
    },
    onLive: listening.onLive,
    stopping: listening.stopping,
  });
  return meaningOf(ended);
}

function meaningOf(ended: SocketEnd<'READ_AGAIN' | 'NO_NEWS'>): NewsEnd {
  switch (ended.kind) {
    case 'STOPPED':
      return ended;
    case 'DONE':
      return ended.done === 'READ_AGAIN' ? { kind: 'READ_AGAIN' } : { kind: 'CUT', message: 'What it tells is not of the contract.' };
    case 'CUT':
      return { kind: 'CUT', message: shortened(ended.message) };
    case 'CLOSED':
      return { kind: REFUSED_CLOSES.includes(ended.code) ? 'REFUSED' : 'CUT', message: shortened(`${ended.code} ${ended.reason}`) };
    case 'ERRORS': {
      const code = codeOf(itemsOf(ended.errors)?.[0]);
      if (LOST_PLACE_CODES.includes(code)) return { kind: 'READ_AGAIN' };
      return { kind: REFUSED_CODES.includes(code) ? 'REFUSED' : 'CUT', message: shortened(code) };
    }
  }
}

type Told = { readonly cursors: Partial<Place>; readonly news: readonly GoodsNews[] };

/** What one result says; or how the listening has to end. */
function readResult({ id, payload }: SocketResult, currency: string): Told | 'READ_AGAIN' | 'NO_NEWS' {
  const data = fieldOf(payload, 'data');
  const [prices, stock] = [fieldOf(data, 'priceChanged'), fieldOf(data, 'stockUpdated')];
  const cursor = textOf(fieldOf(id === 'prices' ? prices : stock, 'cursor'));
  if (cursor === null) return LOST_PLACE_CODES.includes(codeOf(itemsOf(fieldOf(payload, 'errors'))?.[0])) ? 'READ_AGAIN' : 'NO_NEWS';
  if (id === 'stock') return { cursors: { stock: cursor }, news: stockNews(stock) };
  if (fieldOf(prices, 'hasMore') !== false) return 'READ_AGAIN';
  const changes = itemsOf(fieldOf(prices, 'changes'));
  return changes === null ? 'NO_NEWS' : { cursors: { prices: cursor }, news: changes.flatMap((change) => priceNews(change, currency)) };
}

function stockNews(stock: JsonValue | undefined): GoodsNews[] {
  const id = textOf(fieldOf(fieldOf(stock, 'sku'), 'id'));
  return id === null ? [] : [{ goods: { sku_id: id }, stockCount: countOf(fieldOf(fieldOf(stock, 'stock'), 'availableCount')) }];
}

/** What has no price for this station, or one in other money, is not for sale to it. */
function priceNews(change: JsonValue, currency: string): GoodsNews[] {
  const id = textOf(fieldOf(change, 'skuId'));
  if (id === null) return [];
  const offer = fieldOf(change, 'offer');
  const price = amountOf(fieldOf(fieldOf(offer, 'unitPrice'), 'amount'));
  const goods = { sku_id: id };
  if (price === null || textOf(fieldOf(fieldOf(offer, 'unitPrice'), 'currency')) !== currency) return [{ goods, stockCount: 0 }];
  const unitCost = costOfOne(price, countOf(fieldOf(fieldOf(change, 'sku'), 'unitSize')) ?? 1);
  return [{ goods, unitCost, stockBesidePrice: countOf(fieldOf(fieldOf(offer, 'stock'), 'availableCount')) }];
}

/** The newest of each of the goods: each says how things are, so what came before it says no more. */
function mergeNews(news: readonly GoodsNews[]): GoodsNews[] {
  const merged = new Map<string, GoodsNews>();
  for (const each of news) {
    const key = each.goods['sku_id'] ?? '';
    const { stockBesidePrice, ...before } = merged.get(key) ?? each;
    const isKept = stockBesidePrice !== undefined && each.stockCount === undefined;
    merged.set(key, { ...before, ...(isKept ? { stockBesidePrice } : {}), ...each });
  }
  return [...merged.values()];
}

function codeOf(error: JsonValue | undefined): string {
  return textOf(fieldOf(fieldOf(error, 'extensions'), 'code')) ?? '';
}

function readPlace(text: string): Place | null {
  const json = parseJson(text);
  const [prices, stock] = [textOf(fieldOf(json, 'prices')), textOf(fieldOf(json, 'stock'))];
  return prices === null || stock === null ? null : { prices, stock };
}

function placeText({ prices, stock }: Place): string {
  return JSON.stringify({ prices, stock });
}

/** One readable line: the other side's words are shown to people. */
function shortened(message: string): string {
  return message
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, MESSAGE_CHARACTERS);
}
