import { createHash, randomBytes } from 'node:crypto';
import type { Connector, ConnectorField, ConnectorKind, GoodsNews, UpstreamAccount } from '#server/connectors/connector.ts';
import { isId } from '#server/platform/ids.ts';
import {
  type CurrencyCode,
  compareMoney,
  type Decimal4,
  decimal4,
  decimal4Text,
  type Money,
  money,
  moneyOf,
  roundedQuotient,
  scaleMoney,
  subtractMoney,
} from '#server/platform/money.ts';
import type { Vault, WrappedKey } from '#server/platform/vault.ts';

// Which offer fills an order (domain §3, §6; issue of supply, point 6). Pure: what an offer is, was and has left today is read
// by `loadCandidates`; chance is handed in.

/** How the offer of a SKU is chosen among those that can fill an order; the owner sets it for each SKU. */
export type RoutingPolicy = 'CHEAPEST' | 'FASTEST' | 'MOST_RELIABLE' | 'WEIGHTED';

/** Every routing policy. */
export const routingPolicies: readonly RoutingPolicy[] = ['CHEAPEST', 'FASTEST', 'MOST_RELIABLE', 'WEIGHTED'];

/**
 * An offer that is switched on, of an account that is, as routing sees it. Costs are for `unitSize` units of the SKU, as every unit
 * price is (§3): `unitCost` in the network's currency, `upstreamUnitCost` (four decimals) in the account's, `rate` (eight) between them.
 */
export type OfferCandidate = {
  readonly offerId: string;
  readonly skuId: string;
  readonly ownerId: string;
  readonly supplierId: string;
  readonly accountId: string;
  readonly connectorKind: ConnectorKind;
  readonly terms: 'CONSIGNMENT' | 'OWN';
  readonly unitCost: Money;
  readonly upstreamCurrency: string;
  readonly upstreamUnitCost: string;
  readonly rate: string;
  /** the goods in the upstream's words */
  readonly goods: Readonly<Record<string, string>>;
  readonly minQuantity: number;
  readonly maxQuantity: number;
  readonly leadTimeSeconds: number;
  /** the smaller goes first where the policy finds two alike */
  readonly priority: number;
  /** share of the orders under WEIGHTED; 0 takes part only while all are 0 */
  readonly weight: number;
  /** units that today's cap still allows; null without a cap */
  readonly capLeft: number | null;
  /** the account's circuit breaker lets nothing through now */
  readonly isBroken: boolean;
  /** units that the upstream is known to have; null: it does not say, or said it too long ago */
  readonly stockCount: number | null;
  /** deliveries among the settled attempts of the last 7 days, in basis points; null without any */
  readonly successBps: number | null;
  /** median time to deliver of the last 7 days; null without any delivery */
  readonly medianSeconds: number | null;
};

/** What is to be bought. `costLimit`: the most that all of it may cost; null where the owner bears losses. */
export type RoutingQuestion = {
  readonly policy: RoutingPolicy;
  readonly quantity: number;
  readonly unitSize: number;
  readonly costLimit: Money | null;
  /** offers that were tried for this line already */
  readonly excluded: ReadonlySet<string>;
  /** a number from 0 up to (not with) 1, for WEIGHTED */
  readonly chance: number;
};

/**
 * Why no offer fills an order, the reason nearest to success of all offers: NONE there is no offer (left), QUANTITY none sells so
 * many or so few, CAPPED today's cap is used up, BROKEN the supplier does not answer, OUT_OF_STOCK, TOO_DEAR.
 */
export type NoOfferReason = 'NONE' | 'QUANTITY' | 'CAPPED' | 'BROKEN' | 'OUT_OF_STOCK' | 'TOO_DEAR';

/**
 * The chosen offer. `quotedCost`: what all of it will cost at most, in the network's currency; `upstreamMaxCost`: the same in the
 * upstream's (a decimal text), never more than the first after conversion and rounding.
 */
export type OfferChoice =
  | { readonly kind: 'CHOSEN'; readonly offer: OfferCandidate; readonly quotedCost: Money; readonly upstreamMaxCost: string }
  | { readonly kind: 'NO_OFFER'; readonly reason: NoOfferReason };

/** What a quantity of an offer costs at most. */
export type OfferCost = { readonly quotedCost: Money; readonly upstreamMaxCost: string };

// in the order of nearness to success
const REASONS: readonly NoOfferReason[] = ['NONE', 'QUANTITY', 'CAPPED', 'BROKEN', 'OUT_OF_STOCK', 'TOO_DEAR'];

/** An offer nobody has bought from for a week is taken to be so reliable: below a good record, above a bad one. */
const UNPROVEN_BPS = 9_500;

/**
 * Chooses the offer that fills an order by the SKU's policy: the cheapest, the fastest (by its record, else by the lead time that was
 * told), the most reliable (by its record), or by chance in proportion to the weights. Two alike: the smaller priority, then the
 * elder offer. Never one that is excluded, sells no such quantity, is capped, broken, sold out, or dearer than the limit.
 */
export function chooseOffer(candidates: readonly OfferCandidate[], question: RoutingQuestion): OfferChoice {
  const fitting: { readonly offer: OfferCandidate; readonly cost: OfferCost }[] = [];
  let nearest = 0;
  for (const offer of candidates) {
    const reason = skipReason(offer, question);
    if (reason === null) fitting.push({ offer, cost: offerCost(offer, question.quantity, question.unitSize) });
    else nearest = Math.max(nearest, REASONS.indexOf(reason));
  }
  fitting.sort(
    (a, b) => byPolicy(question.policy, a, b) || a.offer.priority - b.offer.priority || (a.offer.offerId < b.offer.offerId ? -1 : 1),
  );
  const chosen = question.policy === 'WEIGHTED' ? drawn(fitting, question.chance) : fitting[0];
  return chosen ? { kind: 'CHOSEN', offer: chosen.offer, ...chosen.cost } : { kind: 'NO_OFFER', reason: REASONS[nearest] ?? 'NONE' };
}

/** Why this offer does not fill the order; null when it can. NONE: it was tried already. */
export function skipReason(offer: OfferCandidate, question: Omit<RoutingQuestion, 'policy' | 'chance'>): NoOfferReason | null {
  const { quantity, unitSize, costLimit, excluded } = question;
  if (excluded.has(offer.offerId)) return 'NONE';
  if (quantity < offer.minQuantity || quantity > offer.maxQuantity) return 'QUANTITY';
  if (offer.capLeft !== null && offer.capLeft < quantity) return 'CAPPED';
  if (offer.isBroken) return 'BROKEN';
  if (offer.stockCount !== null && offer.stockCount < quantity) return 'OUT_OF_STOCK';
  if (costLimit !== null && compareMoney(offerCost(offer, quantity, unitSize).quotedCost, costLimit) > 0) return 'TOO_DEAR';
  return null;
}

/**
 * What a quantity costs at most. Upstreams round a total to cents or do not round at all, so the larger of the two is what is
 * allowed; the network's cost is that amount converted and rounded: whatever is charged within the one is within the other.
 */
export function offerCost(
  { upstreamUnitCost, rate, unitCost: { currency } }: Pick<OfferCandidate, 'upstreamUnitCost' | 'rate' | 'unitCost'>,
  quantity: number,
  unitSize: number,
): OfferCost {
  const total = decimal4(upstreamUnitCost) * BigInt(quantity);
  const exact = roundedQuotient(total, BigInt(unitSize));
  const cents = roundedQuotient(total, BigInt(unitSize) * CENT) * CENT;
  const most = exact > cents ? exact : cents;
  return { quotedCost: converted(most, rate, currency, 'AMOUNT'), upstreamMaxCost: decimal4Text(most) };
}

const CENT = 100n;
const RATE_DECIMALS = 8;
const RATE_TEXT = /^(\d{1,10})(?:\.(\d{1,8})0*)?$/;
const WHOLE_RATE = 10n ** BigInt(RATE_DECIMALS);

/** Reads a rate: a number above zero with at most eight decimals, in hundred-millionths; null for any other text. */
export function rateOf(text: string): bigint | null {
  const parts = RATE_TEXT.exec(text);
  const rate = parts ? BigInt((parts[1] ?? '') + (parts[2] ?? '').padEnd(RATE_DECIMALS, '0')) : 0n;
  return rate > 0n ? rate : null;
}

/** An amount of an upstream's currency (a decimal text) in the network's: × rate, rounded once (§3), to a unit price or an amount. */
export function convertedCost(amount: string, rate: string, currency: Money['currency'], precision: 'AMOUNT' | 'UNIT_PRICE'): Money {
  return converted(decimal4(amount), rate, currency, precision);
}

function converted(amount: Decimal4, rateText: string, currency: Money['currency'], precision: 'AMOUNT' | 'UNIT_PRICE'): Money {
  const rate = rateOf(rateText);
  if (rate === null) throw new Error(`not a rate: ${rateText}`);
  return scaleMoney(moneyOf(amount, currency), rate, WHOLE_RATE, precision);
}

type Fitting = { readonly offer: OfferCandidate; readonly cost: OfferCost };

function byPolicy(policy: RoutingPolicy, a: Fitting, b: Fitting): number {
  switch (policy) {
    case 'CHEAPEST':
      return compareMoney(a.cost.quotedCost, b.cost.quotedCost) || compareMoney(a.offer.unitCost, b.offer.unitCost);
    case 'FASTEST':
      return secondsOf(a.offer) - secondsOf(b.offer);
    case 'MOST_RELIABLE':
      return (b.offer.successBps ?? UNPROVEN_BPS) - (a.offer.successBps ?? UNPROVEN_BPS);
    case 'WEIGHTED':
      return 0;
  }
}

function secondsOf({ medianSeconds, leadTimeSeconds }: OfferCandidate): number {
  return medianSeconds ?? leadTimeSeconds;
}

/** One of them by chance, in proportion to the weights; where all are 0, the first. */
function drawn(fitting: readonly Fitting[], chance: number): Fitting | undefined {
  const whole = fitting.reduce((sum, { offer }) => sum + offer.weight, 0);
  let place = chance * whole;
  for (const each of fitting) {
    if (place < each.offer.weight) return each;
    place -= each.offer.weight;
  }
  return fitting[0];
}

// ---- accounts at suppliers' systems ----

/** An account as an owner describes it. `settings` holds the secret ones too, by the names of the connector's `accountFields`. */
export type AccountInput = {
  readonly name: string;
  readonly kind: ConnectorKind;
  /** where the upstream is; empty for MANUAL */
  readonly baseUrl: string;
  /** ISO 4217 code of the money that the upstream speaks of */
  readonly currency: string;
  readonly settings: Readonly<Record<string, string>>;
  /** calls under way at once, over all processes */
  readonly callsAtOnce: number;
};

/** A field that cannot be as it is, said in one English sentence. */
export type InvalidInput = { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string };

const NAME_LENGTH_MAX = 100;
const CURRENCY = /^[A-Z]{3}$/;

/** What is wrong with an account before anybody is asked; `urlProblem` is what the client for outgoing calls says of its address. */
export function accountProblem(input: AccountInput, connector: Connector, urlProblem: string | null): InvalidInput | null {
  const { name, kind, baseUrl, currency, settings, callsAtOnce } = input;
  const { callsAtOnceMax } = connector.abilities;
  if (!isName(name)) return invalid('name', `A name has 1 to ${NAME_LENGTH_MAX} characters.`);
  if (!CURRENCY.test(currency)) return invalid('currency', 'A currency is a code of three capitals, such as CNY.');
  if (kind === 'MANUAL' && baseUrl !== '') return invalid('baseUrl', 'A supplier that a person buys from has no address.');
  if (kind !== 'MANUAL' && urlProblem !== null) return invalid('baseUrl', urlProblem);
  if (!Number.isInteger(callsAtOnce) || callsAtOnce < 1 || callsAtOnce > callsAtOnceMax)
    return invalid('callsAtOnce', `This kind of upstream takes 1 to ${callsAtOnceMax} calls at once.`);
  return fieldsProblem('settings', connector.accountFields, settings);
}

/** What is wrong with texts that a connector asks for: one that is missing, unknown or too long. */
export function fieldsProblem(
  field: 'settings' | 'goods',
  fields: readonly ConnectorField[],
  given: Readonly<Record<string, string>>,
): InvalidInput | null {
  const unknown = Object.keys(given).find((name) => !fields.some((each) => each.name === name));
  if (unknown !== undefined) return invalid(field, `There is no ${JSON.stringify(unknown)} here.`);
  for (const { name, isRequired, maxLength } of fields) {
    const value = given[name] ?? '';
    if (isRequired && value === '') return invalid(field, `${name} is missing.`);
    if (value.length > maxLength || /\p{Cc}/u.test(value)) return invalid(field, `${name}: one line of at most ${maxLength} characters.`);
  }
  return null;
}

/** A text without blanks around it, of 1 to 100 characters. */
function isName(text: string): boolean {
  return text.trim() === text && text !== '' && text.length <= NAME_LENGTH_MAX;
}

function invalid(field: string, message: string): InvalidInput {
  return { kind: 'INVALID_INPUT', field, message };
}

/** What of an account is sealed: its secret settings, and the token by which the upstream calls back. */
export type AccountSecrets = { readonly settings: Readonly<Record<string, string>>; readonly callbackToken: string };

/** Settings parted into those that may be shown and those that go into the vault. */
export function partSettings(
  fields: readonly ConnectorField[],
  settings: Readonly<Record<string, string>>,
): { readonly open: Record<string, string>; readonly secret: Record<string, string> } {
  const secret = new Set(fields.filter(({ isSecret }) => isSecret).map(({ name }) => name));
  const given = Object.entries(settings).filter(([, value]) => value !== '');
  return {
    open: Object.fromEntries(given.filter(([name]) => !secret.has(name))),
    secret: Object.fromEntries(given.filter(([name]) => secret.has(name))),
  };
}

/** An account's row as far as opening it needs. */
export type SealedAccount = {
  readonly network_id: string;
  readonly id: string;
  readonly base_url: string;
  readonly currency: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly secrets: Uint8Array | null;
  readonly data_key: Buffer;
  readonly vault_key_id: string;
};

/** What an account's data key is bound to. */
export function accountContext(networkId: string, accountId: string): string[] {
  return [networkId, accountId, 'supply account'];
}

/** Seals an account's secrets for its row, under its own data key. */
export function sealAccount(
  vault: Vault,
  { networkId, accountId, wrapped }: { readonly networkId: string; readonly accountId: string; readonly wrapped: WrappedKey },
  secrets: AccountSecrets,
): Buffer {
  const context = accountContext(networkId, accountId);
  return vault.seal(wrapped, context, [...context, 'secrets'], JSON.stringify(secrets));
}

/** An account's secrets; throws when the row is not the one that they were sealed for. Not within a transaction. */
export function openSecrets(vault: Vault, row: SealedAccount): AccountSecrets {
  if (row.secrets === null) throw new Error(`the account ${row.id} has no secrets`);
  const context = accountContext(row.network_id, row.id);
  const wrapped = { dataKey: row.data_key, vaultKeyId: row.vault_key_id };
  return JSON.parse(vault.open(wrapped, context, [...context, 'secrets'], row.secrets)) as AccountSecrets;
}

/**
 * An account as its connector takes it, for one call: never logged, never kept, never opened within a transaction. `publicUrl` is
 * where the deployment is reached from outside; null: upstreams cannot call back.
 */
export function openAccount(vault: Vault, row: SealedAccount, publicUrl: string | null): UpstreamAccount {
  const secrets = openSecrets(vault, row);
  return {
    baseUrl: row.base_url,
    settings: { ...row.settings, ...secrets.settings },
    currency: row.currency,
    callbackUrl: publicUrl && callbackUrl(publicUrl, { networkId: row.network_id, accountId: row.id, token: secrets.callbackToken }),
  };
}

/** What an upstream's address for calling back names. */
export type CallbackAddress = { readonly networkId: string; readonly accountId: string; readonly token: string };

/** Below this path upstreams call back: /supply/callbacks/<network>/<account>/<token>. */
export const CALLBACK_PATH = '/supply/callbacks/';

/** Where an upstream calls back, with its token: shown when it is made, and sent along with purchases. */
export function callbackUrl(publicUrl: string, { networkId, accountId, token }: CallbackAddress): string {
  return `${publicUrl.replace(/\/$/, '')}${CALLBACK_PATH}${networkId}/${accountId}/${token}`;
}

/** Reads the path of a callback; null for any text of another form. Whether the token is right: `sameHash` with `hashCallbackToken`. */
export function parseCallbackPath(path: string): CallbackAddress | null {
  if (!path.startsWith(CALLBACK_PATH)) return null;
  const [networkId = '', accountId = '', token = '', ...rest] = path.slice(CALLBACK_PATH.length).split('/');
  return rest.length === 0 && isId(networkId) && isId(accountId) && /^[\w-]{43}$/.test(token) ? { networkId, accountId, token } : null;
}

/** A new token for calling back: 256 random bits. */
export function newCallbackToken(): string {
  return randomBytes(32).toString('base64url');
}

/** What is kept of a token to compare with. */
export function hashCallbackToken(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

// ---- offers ----

/** What a unit costs. In another currency than the network's: with a rate, where it comes from and when it was so. */
export type CostInput = {
  /** a decimal text of the account's currency, for `unitSize` units of the SKU; null: what the upstream asks now */
  readonly upstreamUnitCost: string | null;
  readonly rate: string | null;
  readonly rateSource: string | null;
  readonly rateAt: Date | null;
};

/** An offer as its owner describes it. */
export type OfferInput = {
  readonly terms: OfferCandidate['terms'];
  readonly goods: Readonly<Record<string, string>>;
  readonly cost: CostInput;
  /** 最低价保障: the most that was agreed for a unit, in the network's currency; null without such an agreement */
  readonly agreedUnitCost: string | null;
  readonly minQuantity: number;
  readonly maxQuantity: number;
  readonly leadTimeSeconds: number;
  readonly priority: number;
  readonly weight: number;
  readonly dailyCap: number | null;
  readonly isEnabled: boolean;
};

/** A cost as it is kept. */
export type SettledCost = {
  readonly upstreamUnitCost: string;
  readonly rate: string;
  readonly rateSource: string;
  readonly rateAt: Date | null;
  readonly unitCost: Money;
};

/** A rate older than this is warned of: the owner's margin is a guess. */
export const RATE_STALE_HOURS = 72;
const RATE_SOURCE_MAX = 100;
const UNIT_COST = /^\d{1,14}(\.\d{1,4})?$/;
const SHARE_MAX = 1_000_000;
const LEAD_TIME_MAX = 30 * 86_400;

/** The cost in the network's currency, to four decimals; or why it cannot be told. */
export function settleCost(
  { upstreamUnitCost, rate, rateSource, rateAt }: CostInput,
  { upstreamCurrency, currency, now }: { readonly upstreamCurrency: string; readonly currency: CurrencyCode; readonly now: Date },
): SettledCost | InvalidInput {
  if (upstreamUnitCost === null || !UNIT_COST.test(upstreamUnitCost))
    return invalid('unitCost', 'A unit cost is a decimal text with at most four decimals, such as 46.00.');
  const upstream = decimal4Text(decimal4(upstreamUnitCost));
  if (upstreamCurrency === currency) {
    if (rate !== null) return invalid('rate', `The account is in ${currency} already: there is nothing to convert.`);
    return { upstreamUnitCost: upstream, rate: '1', rateSource: '', rateAt: null, unitCost: money(upstream, currency) };
  }
  if (rate === null || rateOf(rate) === null)
    return invalid('rate', `One ${upstreamCurrency} in ${currency}: a decimal text above zero with at most eight decimals.`);
  const source = rateSource?.trim() ?? '';
  if (source === '' || source.length > RATE_SOURCE_MAX)
    return invalid('rateSource', `Where the rate comes from, in 1 to ${RATE_SOURCE_MAX} characters.`);
  if (rateAt === null || rateAt > now) return invalid('rateAt', 'When the rate was so: an instant that has been.');
  return { upstreamUnitCost: upstream, rate, rateSource: source, rateAt, unitCost: convertedCost(upstream, rate, currency, 'UNIT_PRICE') };
}

// ---- what upstreams tell by themselves, or are asked for ----

/** A cost for a SKU's unitSize units, in the upstream's money and in ours; or why there is none. */
export type ReadCost =
  | { readonly kind: 'COST'; readonly upstreamUnitCost: string; readonly unitCost: Money }
  | { readonly kind: 'BAD_COST' | 'COST_TOO_FINE' };

const COST_OF_ONE = /^(\d{1,14})(?:\.(\d+))?$/;
const TEN_THOUSANDTHS_MAX = 10n ** 16n;

/** What an upstream asks for one unit, as the cost of `unitSize` units: above zero, exact to four decimals, and so in our money too. */
export function readUnitCost(
  text: string,
  unitSize: number,
  { currency, rate }: { readonly currency: CurrencyCode; readonly rate: string },
): ReadCost {
  const parts = COST_OF_ONE.exec(text);
  if (parts === null) return { kind: 'BAD_COST' };
  const decimals = (parts[2] ?? '').replace(/0+$/, '');
  const shift = String(unitSize).length - 1;
  if (decimals.length > 4 + shift) return { kind: 'COST_TOO_FINE' };
  const upstream = BigInt(`${parts[1]}${decimals.padEnd(4 + shift, '0')}`);
  if (upstream <= 0n || upstream >= TEN_THOUSANDTHS_MAX) return { kind: 'BAD_COST' };
  const upstreamUnitCost = decimal4Text(upstream);
  const unitCost = convertedCost(upstreamUnitCost, rate, currency, 'UNIT_PRICE');
  const isPrice = unitCost.tenThousandths > 0n && unitCost.tenThousandths < TEN_THOUSANDTHS_MAX;
  return isPrice ? { kind: 'COST', upstreamUnitCost, unitCost } : { kind: 'BAD_COST' };
}

/** An offer as far as news of its upstream concern it. */
export type ToldOffer = {
  readonly offerId: string;
  readonly unitSize: number;
  readonly minQuantity: number;
  readonly currency: CurrencyCode;
  readonly upstreamUnitCost: string;
  readonly rate: string;
  readonly stockCount: number | null;
  readonly stockAt: Date | null;
};

/** News of an offer: a connector's of its goods, or the answer to a question. */
export type OfferNews =
  | Pick<GoodsNews, 'unitCost' | 'stockCount' | 'stockBesidePrice'>
  /** `cost`: of the offer's smallest quantity; null where it is sold out, and nobody says what it would cost */
  | { readonly cost: string | null; readonly stockCount: number | null };

/** What news make of an offer. `cost` null: it stays. */
export type ToldChange = {
  readonly offerId: string;
  readonly cost: { readonly upstreamUnitCost: string; readonly unitCost: Money } | null;
  readonly stockCount: number | null;
  /** whether there are more or fewer than before, or it is another question whether somebody knows */
  readonly isStockOther: boolean;
};

/** An upstream's word is written down anew when half of the time for which it stands is over. */
const STOCK_RENEWED_MILLISECONDS = 30 * 60_000;

/**
 * What news make of an offer: another cost, at the rate that it has, another stock; null: nothing. A cost that is none (0, or finer than
 * four decimals) changes nothing, and a total that the offer's cost explains, rounded, is no other cost.
 */
export function toldChange(offer: ToldOffer, news: OfferNews, now: Date): ToldChange | null {
  const cost = 'cost' in news ? askedCost(offer, news.cost) : toldCost(offer, news.unitCost);
  const stockCount = toldStock(offer, news);
  const isStockOther = stockCount !== offer.stockCount;
  const isOld = stockCount !== null && now.getTime() - (offer.stockAt?.getTime() ?? 0) >= STOCK_RENEWED_MILLISECONDS;
  return cost !== null || isStockOther || isOld ? { offerId: offer.offerId, cost, stockCount, isStockOther } : null;
}

function toldStock({ stockCount }: ToldOffer, news: OfferNews): number | null {
  const told = news.stockCount === undefined ? stockCount : news.stockCount;
  const isBeside = 'stockBesidePrice' in news && news.stockBesidePrice !== undefined && told === 0;
  return isBeside ? (news.stockBesidePrice ?? null) : told;
}

function toldCost(offer: ToldOffer, unitCost: string | undefined): ToldChange['cost'] {
  if (unitCost === undefined) return null;
  const read = readUnitCost(unitCost, offer.unitSize, offer);
  return read.kind === 'COST' && decimal4(read.upstreamUnitCost) !== decimal4(offer.upstreamUnitCost) ? read : null;
}

function askedCost(offer: ToldOffer, total: string | null): ToldChange['cost'] {
  if (total === null || isExplained(total, offer)) return null;
  const read = readUnitCost(unitCostOf(total, offer.minQuantity, offer.unitSize), 1, offer);
  return read.kind === 'COST' && decimal4(read.upstreamUnitCost) !== decimal4(offer.upstreamUnitCost) ? read : null;
}

/** Whether a total is what the offer's cost comes to, exactly or rounded to cents. */
function isExplained(total: string, { upstreamUnitCost, minQuantity, unitSize }: ToldOffer): boolean {
  const [asked, own] = [decimal4(total), decimal4(upstreamUnitCost) * BigInt(minQuantity)];
  return asked === roundedQuotient(own, BigInt(unitSize)) || asked === roundedQuotient(own, BigInt(unitSize) * CENT) * CENT;
}

/** Whether a rate is so old that its owner is warned; one that is none never is. */
export function isRateStale(rateAt: Date | null, now: Date): boolean {
  return rateAt !== null && now.getTime() - rateAt.getTime() > RATE_STALE_HOURS * 3_600_000;
}

/** What is wrong with the numbers and goods of an offer; its cost is `settleCost`'s. */
export function offerProblem(input: OfferInput, connector: Connector): InvalidInput | null {
  const { minQuantity, maxQuantity, leadTimeSeconds, priority, weight, dailyCap, agreedUnitCost } = input;
  if (minQuantity < 1) return invalid('minQuantity', 'The smallest quantity is at least 1.');
  if (maxQuantity < minQuantity) return invalid('maxQuantity', 'The largest quantity is not below the smallest.');
  if (leadTimeSeconds < 0 || leadTimeSeconds > LEAD_TIME_MAX) return invalid('leadTimeSeconds', 'A lead time is 0 seconds to 30 days.');
  if (priority < 0 || priority > SHARE_MAX) return invalid('priority', `A priority is 0 to ${SHARE_MAX}.`);
  if (weight < 0 || weight > SHARE_MAX) return invalid('weight', `A weight is 0 to ${SHARE_MAX}.`);
  if (dailyCap !== null && dailyCap < 1) return invalid('dailyCap', 'A cap is at least 1; without one leave it out.');
  if (agreedUnitCost !== null && !UNIT_COST.test(agreedUnitCost))
    return invalid('agreedUnitCost', 'An agreed cost is a decimal text with at most four decimals, such as 46.00.');
  return fieldsProblem('goods', connector.goodsFields, input.goods);
}

/** What an upstream asks for a quantity, as the cost of `unitSize` units; four decimals. */
export function unitCostOf(total: string, quantity: number, unitSize: number): string {
  return decimal4Text(roundedQuotient(decimal4(total) * BigInt(unitSize), BigInt(quantity)));
}

/** Whether an upstream asks more for a quantity than an offer of this unit cost lets anybody pay: such purchases would all be refused. */
export function isAskedMore(
  asked: string,
  offer: Pick<OfferCandidate, 'upstreamUnitCost' | 'rate' | 'unitCost'>,
  quantity: number,
  unitSize: number,
): boolean {
  return decimal4(asked) > decimal4(offerCost(offer, quantity, unitSize).upstreamMaxCost);
}

/** By how much a unit costs more than was agreed; null when it does not, or nothing was agreed. */
export function aboveAgreed(unitCost: Money, agreed: Money | null): Money | null {
  return agreed !== null && compareMoney(unitCost, agreed) > 0 ? subtractMoney(unitCost, agreed) : null;
}

/** One supplier's part of a SKU's volume above this is warned of (domain §7), once there is enough to speak of. */
export const SHARE_WARNING_BPS = 8_000;
/** Fewer deliveries in that time say nothing. */
export const SHARE_DELIVERIES_MIN = 10;

/** A part of a whole in basis points, rounded down; 0 of nothing. */
export function shareOf(part: bigint, whole: bigint): number {
  return whole > 0n ? Number((part * 10_000n) / whole) : 0;
}

/** Days over which it is looked at. */
export const SHARE_DAYS = 30;
