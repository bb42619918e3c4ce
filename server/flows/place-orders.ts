import { actingStationWith, type Viewer } from '#server/accounts/rules.ts';
import { type AccountBook, accountKey, type LedgerOf, movePostings, openAccountBook, writeTransferRows } from '#server/ledger/commands.ts';
import { dueOn } from '#server/ledger/rules.ts';
import { decideOrders, type OrderDecision, type OrderRefusal, type OrderRequest } from '#server/orders/rules.ts';
import {
  awaitTurn,
  insertHops,
  insertKeys,
  insertLines,
  insertOrders,
  markFirstOrder,
  type SeenOrderRow,
  seenByBuyer,
} from '#server/orders/sql.ts';
import { CommitUnknown, type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { isId } from '#server/platform/ids.ts';
import { decimal4, decimal4Text, isAmountText, money } from '#server/platform/money.ts';
import { hashInput, isRequestKey } from '#server/platform/request-keys.ts';
import { together } from '#server/platform/together.ts';
import { planAttempts } from '#server/purchases/commands.ts';
import { insertSales, takeKeys } from '#server/stock/sql.ts';
import { type ClaimMode, KeysHeldElsewhere, loadOrderFacts, loadOrderGround, type OrderGround } from './order-facts.ts';
import type { SealedOrderInput } from './order-input.ts';
import { attemptsOf, eventsOf, hopRows, lineRows, orderRow, type PlacedOrder, placedBy, saleRows } from './order-rows.ts';

/** One order as a viewer asks for it. `maxTotal` is a decimal text in the network's currency; `groupId` an id of the caller's own. */
export type PlaceOrderRequest = {
  readonly viewer: Viewer;
  readonly channel: 'CONSOLE' | 'API' | 'DEMO';
  readonly requestKey: string;
  readonly skuId: string;
  readonly quantity: number;
  readonly maxTotal: string;
  readonly externalRef: string | null;
  readonly groupId: string | null;
  /** what the buyer typed for a direct top-up, sealed; left out where nothing is asked for */
  readonly input?: SealedOrderInput | null;
};

/**
 * What became of one request. ORDER_PLACED names the order; `replayed`: an earlier call placed it; `order`, of one that this
 * call placed: as its buyer sees it, so that nobody has to read it again. All others changed nothing.
 */
export type PlaceOrderOutcome =
  | { readonly kind: 'ORDER_PLACED'; readonly orderId: string; readonly replayed: boolean; readonly order?: SeenOrderRow }
  | Exclude<OrderRefusal, { kind: 'EXTERNAL_REF_TAKEN' | 'INPUT_REFUSED' }>
  | { readonly kind: 'NOT_FOUND' }
  | InvalidOrder;

/** A request that makes no sense; `field` is the contract's name for what is wrong. */
export type InvalidOrder = { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string };

/** A list holds at most so many orders, and so many keys (architecture §2). */
export const LIST_ORDERS_MAX = 250;
/** See `LIST_ORDERS_MAX`. */
export const LIST_KEYS_MAX = 5_000;
const COMMIT_ATTEMPTS = 3;
/** Several lists' time: a process that holds its turn for longer is stuck, and nobody is to wait for it. */
const TURN_MILLISECONDS = 250;

/**
 * Places a list of orders of one network, in one transaction: facts → decision → effects (architecture §2). What lies in stock is
 * delivered; for what has to be bought the money is held and the purchase planned. Each request is refused or placed by itself; nothing is answered before COMMIT has returned. When the connection
 * breaks while committing, the list is run again: its request keys tell what had been done.
 */
export async function placeOrders(db: Database, requests: readonly PlaceOrderRequest[]): Promise<PlaceOrderOutcome[]> {
  const list = readList(requests);
  if (list.asked.length === 0) return list.outcomes(() => undefined);
  return placeRead(db, list.networkId, (tx) => Promise.resolve({ tx, list }));
}

/**
 * The same, for a list that is made up by `take` when no other process has its turn with a list of the network: what has arrived
 * by then is in it. Locks nothing that orders need, so a turn that does not come (`TURN_MILLISECONDS`) only throws, before `take`.
 */
export function placeInTurn(db: Database, networkId: string, take: () => readonly PlaceOrderRequest[]): Promise<PlaceOrderOutcome[]> {
  let list: List | undefined;
  return placeRead(db, networkId, async (tx) => {
    if (list !== undefined) return { tx, list };
    await awaitTurn(tx, networkId, TURN_MILLISECONDS);
    list = readList(take());
    // some of the orders were not there when the transaction began
    return { tx: { ...tx, now: db.clock() }, list };
  });
}

type ReadList = (tx: Transaction) => Promise<{ readonly tx: Transaction; readonly list: List }>;

async function placeRead(db: Database, networkId: string, readIn: ReadList): Promise<PlaceOrderOutcome[]> {
  const mine = new Set<string>();
  let mode: ClaimMode = 'AT_ONCE';
  for (let attempt = 1; ; attempt += 1) {
    const accounts = accountsKnownTo(db, networkId);
    const work = async (begun: Transaction) => {
      const { tx, list } = await readIn(begun);
      return { list, ...(await placeList(tx, list, { mode, mine, accounts })) };
    };
    try {
      const { list, outcomes, book } = await inTransaction(db, work, { settledPlans: true });
      for (const [key, id] of book) accounts.set(key, id);
      return list.outcomes((index) => outcomes[index]);
    } catch (error) {
      accounts.clear();
      if (error instanceof KeysHeldElsewhere) mode = 'WAITING';
      else if (!(error instanceof CommitUnknown) || attempt === COMMIT_ATTEMPTS) throw error;
    }
  }
}

/** A list with its own limits checked; why it is not one, or null. */
export function orderListProblem(requests: readonly Pick<PlaceOrderRequest, 'quantity'>[]): InvalidOrder | null {
  const keys = requests.reduce((sum, { quantity }) => sum + Math.max(0, quantity), 0);
  if (requests.length > LIST_ORDERS_MAX) return invalid('orders', `at most ${LIST_ORDERS_MAX} orders in a list`);
  return keys > LIST_KEYS_MAX ? invalid('quantity', `at most ${LIST_KEYS_MAX} card keys in a list`) : null;
}

type Asked = PlaceOrderRequest & { readonly buyerId: string; readonly inputHash: Buffer };
type List = {
  readonly networkId: string;
  readonly asked: readonly Asked[];
  /** The outcomes of all requests, given those of the ones that were asked. */
  outcomes(of: (index: number) => PlaceOrderOutcome | undefined): PlaceOrderOutcome[];
};

/** Sets aside what needs no database to be refused. */
function readList(requests: readonly PlaceOrderRequest[]): List {
  const problem = orderListProblem(requests);
  if (problem) throw new RangeError(problem.message);
  const networkId = requests[0]?.viewer.networkId ?? '';
  const asked: Asked[] = [];
  const places = requests.map((request): PlaceOrderOutcome | number => {
    if (request.viewer.networkId !== networkId) throw new Error('a list is of one network');
    const buyerId = actingStationWith(request.viewer, 'ORDERS_PLACE');
    return requestProblem(request) ?? asked.push({ ...request, buyerId, inputHash: inputHash(request) }) - 1;
  });
  return {
    networkId,
    asked,
    outcomes: (of) =>
      places.map((place) => {
        const outcome = typeof place === 'number' ? of(place) : place;
        if (!outcome) throw new Error('a request without an outcome');
        return outcome;
      }),
  };
}

function requestProblem(request: PlaceOrderRequest): PlaceOrderOutcome | null {
  const { requestKey, externalRef, groupId, maxTotal, skuId } = request;
  if (!isRequestKey(requestKey)) return invalid('requestKey', 'a request key has 1 to 255 characters');
  if (externalRef !== null && !isRequestKey(externalRef)) return invalid('externalRef', 'an external reference has 1 to 255 characters');
  if (groupId !== null && !isId(groupId)) return invalid('groupId', 'a group id is a UUID');
  if (!/^\d{1,14}(\.\d{1,4})?$/.test(maxTotal)) return invalid('maxTotal', 'an amount is a decimal text such as 12.30');
  return isId(skuId) ? null : { kind: 'NOT_FOUND' };
}

type Attempt = {
  readonly mode: ClaimMode;
  /** ids of the orders that earlier attempts may have committed */
  readonly mine: Set<string>;
  readonly accounts: AccountBook;
};

/** Decides and writes a list. `book`: accounts that were looked up or opened, good to remember once it is committed. */
async function placeList(
  tx: Transaction,
  list: List,
  { mode, mine, accounts }: Attempt,
): Promise<{ outcomes: PlaceOrderOutcome[]; book: AccountBook }> {
  if (list.asked.length === 0) return { outcomes: [], book: new Map() };
  const ground = await loadOrderGround(tx, list.networkId, list.asked);
  const outcomes: PlaceOrderOutcome[] = [];
  const sound: { place: number; asked: Asked; request: OrderRequest }[] = [];
  for (const [place, asked] of list.asked.entries()) {
    // how many decimals an amount may have is a matter of the network's currency, known only now
    if (isAmountText(asked.maxTotal, ground.currency)) sound.push({ place, asked, request: orderRequest(asked, ground) });
    else outcomes[place] = invalid('maxTotal', `${asked.maxTotal} is finer than ${ground.currency}`);
  }
  const requests = sound.map(({ request }) => request);
  const facts = await loadOrderFacts(tx, ground, requests, mode);
  const { decisions } = decideOrders(facts, requests);
  const accepted = decisions.flatMap((decision, index) => {
    const asked = sound[index]?.asked;
    return decision.kind === 'ACCEPTED' && asked ? [{ order: decision, asked, id: tx.newId(), index }] : [];
  });
  const orderIds = new Map(accepted.map(({ index, id }) => [index, id]));
  for (const id of orderIds.values()) mine.add(id);
  const { seen, book } = await writeOrders(tx, ground, accepted, accounts);
  for (const [index, { place, asked }] of sound.entries())
    outcomes[place] = outcomeOf(decisions[index], { index, asked, ground, orderIds, mine, seen });
  return { outcomes, book };
}

function orderRequest(asked: Asked, ground: OrderGround): OrderRequest {
  return {
    buyerId: asked.buyerId,
    skuId: asked.skuId,
    quantity: asked.quantity,
    maxTotal: money(asked.maxTotal, ground.currency),
    requestKey: asked.requestKey,
    inputHash: asked.inputHash.toString('hex'),
    externalRef: asked.externalRef,
    input: asked.input?.fields ?? {},
  };
}

/** 12.3 and 12.30 are one input. */
function inputHash({ skuId, quantity, maxTotal, externalRef, groupId, input }: PlaceOrderRequest): Buffer {
  const typed = !input ? [] : [input.fingerprint.toString('base64')];
  return hashInput([skuId, quantity, decimal4Text(decimal4(maxTotal)), externalRef, groupId, ...typed]);
}

type Placing = {
  index: number;
  asked: Asked;
  ground: OrderGround;
  orderIds: ReadonlyMap<number, string>;
  mine: ReadonlySet<string>;
  seen: ReadonlyMap<string, SeenOrderRow>;
};

function outcomeOf(decision: OrderDecision | undefined, { index, asked, ground, orderIds, mine, seen }: Placing): PlaceOrderOutcome {
  if (!decision) throw new Error('a request without a decision');
  if (decision.kind === 'ACCEPTED') {
    const orderId = orderIds.get(index) ?? '';
    const order = seen.get(orderId);
    return { kind: 'ORDER_PLACED', orderId, replayed: false, ...(order && { order }) };
  }
  // an order that this very call wrote before its connection broke is not a replay
  if (decision.kind === 'REPLAYED') return { kind: 'ORDER_PLACED', orderId: decision.orderId, replayed: !mine.has(decision.orderId) };
  if (decision.kind === 'REPLAYED_IN_LIST') return { kind: 'ORDER_PLACED', orderId: orderIds.get(decision.index) ?? '', replayed: true };
  const { refusal } = decision;
  if (refusal.kind === 'INPUT_REFUSED') return invalid(`input.${refusal.field}`, refusal.message);
  if (refusal.kind === 'EXTERNAL_REF_TAKEN') return invalid('externalRef', 'an order of this station has this external reference already');
  return isHidden(asked, ground) && refusal.kind === 'NOT_SELLABLE' ? { kind: 'NOT_FOUND' } : refusal;
}

/** A SKU that is none, or belongs to nobody above the buyer, is not even told to exist. */
function isHidden({ skuId, buyerId }: Asked, ground: OrderGround): boolean {
  const ownerId = ground.skus.get(skuId)?.ownerId;
  return !ground.lines.get(buyerId)?.some(({ id }) => id === ownerId);
}

type Written = { readonly seen: ReadonlyMap<string, SeenOrderRow>; readonly book: AccountBook };

/** Writes accepted orders, whatever their number in two round trips at most, and concludes the transaction. Answers them as their buyers see them. */
async function writeOrders(tx: Transaction, ground: OrderGround, placed: readonly PlacedOrder[], accounts: AccountBook): Promise<Written> {
  if (placed.length === 0) return { seen: new Map(), book: new Map() };
  const { networkId, currency, terms } = ground;
  const ledger = { networkId, currency };
  const due = dueOn(tx.now, terms.time_zone, terms.settlement_days);
  const list = {
    networkId,
    currency,
    settlementDays: terms.settlement_days,
    dueOn: due,
    commissionLevelsMax: terms.commission_levels_max,
  };
  const orders = placed.map((each) => orderRow(each, ground));
  const hops = placed.map((each) => hopRows(tx, each));
  const lines = placed.map((each) => lineRows(tx, each));
  const transfers = placed.map(({ id, asked, order }) => ({
    id: tx.newId(),
    kind: order.state === 'HELD' ? ('HOLD' as const) : ('ORDER' as const),
    orderId: id,
    actorId: placedBy(asked).id,
    postings: order.postings.map((posting) => ({ ...posting, dueOn: posting.accountKind.endsWith('PENDING') ? due : null })),
  }));
  const book = await bookOf(tx, ledger, placed, accounts);
  const rows = together(tx, (gathering) =>
    Promise.all([
      insertOrders(gathering, list, orders),
      insertHops(gathering, networkId, hops.flat()),
      insertLines(gathering, networkId, lines.flat()),
      takeKeys(
        gathering,
        networkId,
        placed.flatMap(({ order }) => order.lines.flatMap(({ keys }) => keys.map(({ id }) => id))),
        'SOLD',
      ),
      insertSales(
        gathering,
        networkId,
        placed.flatMap((each, index) => saleRows(tx, each, lines[index] ?? [])),
      ),
      insertKeys(
        gathering,
        networkId,
        placed.map(({ id, asked }) => ({
          stationId: asked.buyerId,
          requestKey: asked.requestKey,
          inputHash: asked.inputHash,
          orderId: id,
        })),
      ),
      planAttempts(
        gathering,
        networkId,
        placed.flatMap((each, index) => attemptsOf(tx, each, lines[index] ?? [])),
      ),
      terms.first_order_at === null ? markFirstOrder(gathering, networkId) : null,
      writeEvents(gathering, eventsOf(ground, placed)),
      writeTransferRows(gathering, ledger, transfers),
    ]),
  );
  // the balances that every order shares come last, and COMMIT right behind them: they are held for the shortest time
  tx.conclude(Promise.all([rows, movePostings(tx, ledger, book, transfers)]));
  const seen = orders.flatMap((order, index) => {
    const own = hops[index]?.find(({ distance }) => distance === 0);
    return own ? [[order.id, seenByBuyer(order, own, { ...list, placedAt: tx.now })] as const] : [];
  });
  return { seen: new Map(seen), book };
}

const ACCOUNTS_REMEMBERED_MAX = 200_000;
const knownAccounts = new WeakMap<Database, Map<string, Map<string, string>>>();

/**
 * The accounts of a network whose ids this process has seen committed: an id never changes and an account never goes, so what is
 * remembered saves a statement and a round trip. After any error it is forgotten, and read anew.
 */
function accountsKnownTo(db: Database, networkId: string): Map<string, string> {
  const networks = knownAccounts.get(db) ?? new Map<string, Map<string, string>>();
  knownAccounts.set(db, networks);
  let accounts = networks.get(networkId);
  if (accounts === undefined || accounts.size > ACCOUNTS_REMEMBERED_MAX) {
    accounts = new Map();
    networks.set(networkId, accounts);
  }
  return accounts;
}

/** The ids of all accounts that the orders' postings name. */
async function bookOf(tx: Transaction, ledger: LedgerOf, placed: readonly PlacedOrder[], known: AccountBook): Promise<AccountBook> {
  const names = new Map(placed.flatMap(({ order }) => order.postings.map((posting) => [accountKey(posting), posting] as const)));
  const book = new Map<string, string>();
  for (const key of names.keys()) {
    const id = known.get(key);
    if (id === undefined) continue;
    book.set(key, id);
    names.delete(key);
  }
  if (names.size === 0) return book;
  return new Map([...book, ...(await openAccountBook(tx, ledger, [...names.values()]))]);
}

function invalid(field: string, message: string): InvalidOrder {
  return { kind: 'INVALID_INPUT', field, message };
}
