import type { Outgoing } from '#server/platform/outgoing.ts';

// What the outside world's protocols have in common (connectors.md). A connector speaks to one kind of upstream over HTTP and
// turns what it says into these few words. It knows no table and opens no transaction, decides nothing about money, and tells
// UNKNOWN whenever the other side may have sold: only a plain refusal is REJECTED (domain §6).

/** The protocols there are. MANUAL has no wire: a person in the console delivers. */
export const CONNECTOR_KINDS = ['ACG_FAKA', 'KASUSHOU_V2', 'DUJIAO_NEXT', 'FENZHAN', 'MANUAL'] as const;
/** See `CONNECTOR_KINDS`. */
export type ConnectorKind = (typeof CONNECTOR_KINDS)[number];

/** What a kind of upstream can do; the purchase worker goes by it. */
export interface ConnectorAbilities {
  /** Whether an order can be asked for by our own key, so that an unknown outcome can be settled without buying again. */
  readonly canQuery: boolean;
  /** Whether the same purchase may be sent again under the same key without being charged twice: this too settles an unknown outcome. */
  readonly resendIsSafe: boolean;
  /** Whether a resend brings the goods of the first one. Without it, a refused resend proves that the first was bought, and no more. */
  readonly resendBringsGoods: boolean;
  /** The longest key that the upstream keeps whole. */
  readonly requestKeyLengthMax: number;
  /** Calls that one account may have under way at once. */
  readonly callsAtOnceMax: number;
  /** "Not found" is believed only when so much time has passed since the purchase was sent, and twice (domain §6). */
  readonly notFoundAfterSeconds: number;
  /** Whether the upstream tells by a callback that an order has changed. */
  readonly callsBack: boolean;
}

/** One setting that an account or an offer of this kind has. */
export interface ConnectorField {
  readonly name: string;
  /** Kept in the vault and never shown again. */
  readonly isSecret: boolean;
  readonly isRequired: boolean;
  readonly maxLength: number;
}

/** An account at an upstream, opened for one call: never logged, never kept. */
export interface UpstreamAccount {
  /** Where the upstream is, without a trailing slash. */
  readonly baseUrl: string;
  /** Settings and secrets by the names of `accountFields`. */
  readonly settings: Readonly<Record<string, string>>;
  /** ISO 4217 code of the money that the upstream speaks of. */
  readonly currency: string;
  /** Where the upstream may tell of changes; null when the deployment has no public address. */
  readonly callbackUrl: string | null;
}

/** One purchase from an upstream, the same at every try. */
export interface UpstreamPurchase {
  /** Our own key, committed before anything was sent: unique for ever, at most `requestKeyLengthMax` of [a-z0-9]. */
  readonly requestKey: string;
  /** The goods in the upstream's words, by the names of `goodsFields`. */
  readonly goods: Readonly<Record<string, string>>;
  readonly quantity: number;
  /** What was quoted for all of it: the most that we are willing to pay, a decimal text in the account's currency. */
  readonly maxCost: string;
  /** What the buyer typed, for a direct top-up, by the names of the SKU's fields; empty for card keys. */
  readonly inputFields: Readonly<Record<string, string>>;
  /** Whether card keys are to come back, or the goods go straight into the customer's account. */
  readonly goodsKind: 'CARD_KEY' | 'TOP_UP';
  /**
   * When an earlier try under this key was sent; null for the very first. Only there is a call that never left a refusal (NOT_SENT):
   * of a repeat it says nothing about the one before.
   */
  readonly sentAt: Date | null;
  /** The upstream's own order number where it told one. */
  readonly upstreamRef: string | null;
}

/** A card key as an upstream delivered it: `number` null when it sent a secret alone. */
export type UpstreamCardKey = { readonly number: string | null; readonly secret: string };

/**
 * What an upstream said of a purchase.
 * - SUCCEEDED: sold. `cost` is what it says that it took (null: it does not say). The connector has parsed `cardKeys` and judged nothing: fewer or
 *   more than were ordered, a wrong format, a dearer cost are the worker's to find.
 * - PENDING: accepted, not delivered yet.
 * - REJECTED: it refused, and nothing was charged.
 * - NOT_FOUND: a query knows no such order. Not yet a refusal (domain §6).
 * - ALREADY_SENT: a resend was refused because the key was used: the first one went through, its goods cannot be had this way.
 * - UNKNOWN: anything else. `reason` is a word of ours (see `UnknownReason`).
 */
export type UpstreamOutcome =
  | {
      readonly kind: 'SUCCEEDED';
      readonly upstreamRef: string | null;
      readonly cost: string | null;
      readonly cardKeys: readonly UpstreamCardKey[];
    }
  | { readonly kind: 'PENDING'; readonly upstreamRef: string | null }
  | { readonly kind: 'REJECTED'; readonly reason: RejectedReason; readonly message: string; readonly upstreamRef: string | null }
  | { readonly kind: 'NOT_FOUND' }
  | { readonly kind: 'ALREADY_SENT' }
  | { readonly kind: 'UNKNOWN'; readonly reason: UnknownReason; readonly message: string };

/** Why an upstream refused, as far as it said. */
export type RejectedReason =
  | 'OUT_OF_STOCK'
  | 'INSUFFICIENT_BALANCE'
  | 'PRICE_ABOVE_LIMIT'
  | 'GOODS_NOT_FOUND'
  | 'GOODS_PAUSED'
  | 'QUANTITY'
  | 'ACCOUNT_REFUSED'
  | 'INPUT_REFUSED'
  | 'CANCELLED'
  | 'REFUNDED'
  /** the call never left: the address is not allowed, its name does not exist, or no connection stood */
  | 'NOT_SENT'
  | 'OTHER';

/** Why an outcome is not known. */
export type UnknownReason =
  | 'TIMEOUT'
  | 'CONNECTION_FAILED'
  | 'TLS_FAILED'
  | 'HTTP_STATUS'
  | 'REDIRECT'
  | 'ANSWER_TOO_LONG'
  | 'WRONG_CONTENT_TYPE'
  | 'NOT_READABLE'
  | 'CONTRADICTION';

/** One call as it went over the wire, for the attempt's log. Secrets of the account are taken out; the answer may hold card keys and is sealed before it is kept. */
export interface WireRecord {
  readonly url: string;
  readonly request: string;
  /** null when no answer came. */
  readonly status: number | null;
  /** The first `WIRE_ANSWER_CHARACTERS` of it, decoded; empty when none came. */
  readonly answer: string;
  readonly durationMs: number;
}

/** So much of an answer is kept for a person to read. */
export const WIRE_ANSWER_CHARACTERS = 16_384;

/** An outcome with what went over the wire for it, oldest first. */
export type UpstreamReply = { readonly outcome: UpstreamOutcome; readonly wire: readonly WireRecord[] };

/** Goods as an upstream lists them. `unitCost` is a decimal text of the account's currency for one unit. */
export interface UpstreamGoods {
  /** What an offer's settings have to be to buy exactly this. */
  readonly goods: Readonly<Record<string, string>>;
  /** From the top category down; may be empty. */
  readonly categoryPath: readonly string[];
  readonly productName: string;
  /** The denomination; the product's name again where the upstream has no such level. */
  readonly skuName: string;
  readonly unitCost: string;
  /** null: it does not say */
  readonly stockCount: number | null;
  readonly minQuantity: number | null;
  readonly maxQuantity: number | null;
  readonly goodsKind: 'CARD_KEY' | 'TOP_UP';
  /** What the buyer has to type. */
  readonly inputFields: readonly UpstreamInputField[];
}

/** A field that the upstream wants from the buyer. */
export type UpstreamInputField = { readonly name: string; readonly label: string; readonly isRequired: boolean };

/** What a call about the account or the catalogue brought, or why it brought nothing. */
export type UpstreamResult<Value> =
  | { readonly kind: 'ANSWERED'; readonly value: Value; readonly wire: readonly WireRecord[] }
  | {
      readonly kind: 'FAILED';
      readonly reason: RejectedReason | UnknownReason;
      readonly message: string;
      readonly wire: readonly WireRecord[];
    };

/** A message that an upstream sent by itself. It is never believed: it names an order to ask for (domain §6). */
export interface UpstreamCallback {
  readonly requestKey: string | null;
  readonly upstreamRef: string | null;
}

/** What a callback is answered with, as the protocol wants, and what it names. null: nothing that can be asked for. */
export interface CallbackReading {
  readonly callback: UpstreamCallback | null;
  readonly status: number;
  readonly contentType: string;
  readonly answer: string;
}

/** A callback as it came in. The body is bounded by whoever received it. */
export interface CallbackRequest {
  readonly method: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What a connector stands on. */
export interface ConnectorGround {
  readonly outgoing: Outgoing;
  readonly clock: () => Date;
}

/** What an upstream says of some goods by itself: how they are now. What is left out it did not speak of. */
export interface GoodsNews {
  /** By the names of `goodsFields`. */
  readonly goods: Readonly<Record<string, string>>;
  /** For one unit, a decimal text of the account's currency. */
  readonly unitCost?: string;
  /** How many there are; null: it does not say. */
  readonly stockCount?: number | null;
  /** The same, told beside a price: holds only of goods of which none were known to be there, since they may not have been for sale. */
  readonly stockBesidePrice?: number | null;
}

/**
 * Why an upstream is not listened to any more. READ_AGAIN: it does not know the place any more, or more has changed than it lists. REFUSED: it
 * does not take the account. CUT: the connection broke, fell silent, or spoke another protocol. STOPPED: nobody wants to hear more.
 */
export type NewsEnd = { readonly kind: 'READ_AGAIN' | 'STOPPED' } | { readonly kind: 'REFUSED' | 'CUT'; readonly message: string };

/** Who listens, and from where on. */
export interface Listening {
  /** A place that `readAll` or earlier news told. */
  readonly place: string;
  /** Takes news in, with the place behind them; the next are read when it is done. What it throws ends the listening. */
  readonly hear: (news: readonly GoodsNews[], place: string) => Promise<void>;
  /** The upstream has taken the account: from now on it tells. */
  readonly onLive: () => void;
  readonly stopping: AbortSignal;
}

/** How an upstream tells of prices and stock by itself. Bounded in memory and, when nothing comes, in time; never throws for what it does. */
export interface NewsFeed {
  /**
   * All that is for sale to the account, and the place in what it tells: whoever listens from it misses nothing. FAILED unless all of it
   * was read: what is not listed is not to be had.
   */
  readAll(account: UpstreamAccount): Promise<UpstreamResult<{ readonly place: string; readonly news: readonly GoodsNews[] }>>;
  /** Listens until it ends. */
  listen(account: UpstreamAccount, listening: Listening): Promise<NewsEnd>;
}

/** One protocol. None of its functions throws for what an upstream does; every call is bounded in time and size by `outgoing`. */
export interface Connector {
  readonly kind: ConnectorKind;
  readonly abilities: ConnectorAbilities;
  /** What an account needs beside its address. */
  readonly accountFields: readonly ConnectorField[];
  /** What an offer needs to name the goods. */
  readonly goodsFields: readonly ConnectorField[];
  /** A dry run: the address answers, the secrets are right. Refuses settings that cannot work when they are saved. */
  checkAccount(account: UpstreamAccount): Promise<UpstreamResult<{ readonly shopName: string | null; readonly balance: string | null }>>;
  /** What the goods cost and how many there are, now: a decimal text for `quantity` of them. A dry run of an offer. */
  quote(
    account: UpstreamAccount,
    goods: Readonly<Record<string, string>>,
    quantity: number,
  ): Promise<UpstreamResult<{ readonly cost: string; readonly stockCount: number | null }>>;
  /** Everything that the upstream sells to this account. */
  listGoods(account: UpstreamAccount): Promise<UpstreamResult<readonly UpstreamGoods[]>>;
  /** Buys. Called once for a key, and again only where `resendIsSafe`. */
  purchase(account: UpstreamAccount, purchase: UpstreamPurchase): Promise<UpstreamReply>;
  /** Asks what became of a purchase, by our key or the upstream's number. For `resendIsSafe` without `canQuery` it sends the purchase again. */
  query(account: UpstreamAccount, purchase: UpstreamPurchase): Promise<UpstreamReply>;
  /** Reads what the upstream sent by itself, and says how it wants to be answered. */
  readCallback(request: CallbackRequest): CallbackReading;
  /** Prices and stock as the upstream tells them by itself; left out: it has to be asked. */
  readonly news?: NewsFeed;
}
