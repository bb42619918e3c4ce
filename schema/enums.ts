import { permissions } from '#server/accounts/rules.ts';
import { builder } from './builder.ts';

// The words of the domain (domain §1–§6), each with a sentence.

/** A person's role in a party. */
export const RoleEnum = builder.enumType('Role', {
  description: 'What a person is in a party; a role is a fixed set of permissions.',
  values: {
    OWNER: { description: 'May do everything, also give keys and roles.' },
    MANAGER: { description: 'Runs stations and prices, buys and reveals; moves no money.' },
    FINANCE: { description: 'Moves money and decides refunds; buys nothing.' },
    OPERATOR: { description: 'Serves customers: buys, reveals, imports, asks for refunds.' },
    VIEWER: { description: 'Reads.' },
  } as const,
});

const PERMISSION_TEXT: Record<(typeof permissions)[number], string> = {
  CATALOGUE_READ: 'See what the station may buy, with its prices and stock.',
  ORDERS_READ: 'See orders of the station and its downline, without card keys.',
  ORDERS_PLACE: 'Place orders.',
  CARD_KEYS_REVEAL: 'Read the card keys that the station bought.',
  WALLET_READ: 'See balances and statements.',
  WALLET_TOP_UP: 'Move money between wallets, and for headquarters from outside.',
  STATIONS_READ: 'See the downline.',
  STATIONS_MANAGE: 'Open, move, freeze and unfreeze stations of the downline.',
  PRICES_READ: 'See markup rules, price tables and commission plans.',
  PRICES_MANAGE: 'Set markup rules, price levels, control bands and commission plans.',
  STOCK_READ: 'See lots and suppliers.',
  STOCK_IMPORT: 'Import card keys.',
  STOCK_WITHDRAW: "Take card keys out of one's own stock.",
  LISTINGS_MANAGE: 'Make products, SKUs and bundles, submit them for review, pause and retire them.',
  LISTINGS_REVIEW: 'Decide whether listings go live, and set what the network asks of every listing.',
  SUPPLY_READ: 'See supply offers, attempts to buy from suppliers and how reliable these are.',
  SUPPLY_MANAGE: "Set supply offers, suppliers' accounts and routing, and decide what waits for a person.",
  SUPPLIERS_MANAGE: "Manage suppliers and read their documents' files; a supplier's people: its own company, contacts and documents.",
  DEPOSITS_MANAGE: "Take in, deduct and return suppliers' deposits.",
  REFUNDS_ASK: 'Ask for refunds.',
  REFUNDS_DECIDE: 'Decide refunds of the goods that the station owns.',
  ANALYTICS_READ: 'See volumes.',
  ALERTS_READ: 'Read alerts and thresholds, with the balances, stock and prices that they are about.',
  ALERTS_MANAGE: 'Resolve alerts and set thresholds.',
  MEMBERS_MANAGE: 'See who did what, and manage members.',
  API_KEYS_MANAGE: 'Create and revoke API keys.',
  WEBHOOKS_MANAGE: 'Create, change and delete webhooks, and read their log.',
};

/** What a request may do. */
export const PermissionEnum = builder.enumType('Permission', {
  description: 'What a request may do; the scopes of API keys have the same names.',
  values: Object.fromEntries(permissions.map((name) => [name, { description: PERMISSION_TEXT[name] }])) as {
    [Name in (typeof permissions)[number]]: { description: string };
  },
});

/** Kind of a station. */
export const StationKindEnum = builder.enumType('StationKind', {
  description: 'What a station is in the tree.',
  values: {
    HEADQUARTERS: { description: 'The root of its network; it holds the cash.' },
    SUBSTATION: { description: 'May have children.' },
    RESELLER: { description: 'A leaf that only buys.' },
  } as const,
});

/** Status of a station. */
export const StationStatusEnum = builder.enumType('StationStatus', {
  description: 'Whether a station may trade.',
  values: {
    ACTIVE: { description: 'Trades.' },
    FROZEN: { description: 'Places no new orders, and neither does anyone below it; all else goes on.' },
    CLOSED: { description: 'Ended, with its money settled.' },
  } as const,
});

/** Why a SKU cannot be bought. */
export const NotSellableReasonEnum = builder.enumType('NotSellableReason', {
  description: 'Why a SKU cannot be bought now.',
  values: {
    OWN_GOODS: { description: 'The station owns it: it withdraws card keys instead of buying them.' },
    NOT_LISTED: { description: 'It is not for sale to this station.' },
    INVERTED: { description: 'What the station pays is above the price that it set.' },
    ABOVE_CEILING: { description: 'What the station pays is above the ceiling of the control band.' },
    ZERO_TOTAL: { description: 'The total would be 0.00.' },
    BELOW_COST: { description: 'It costs the owner more than the price.' },
    STATION_FROZEN: { description: 'A station of the line is frozen.' },
    OUT_OF_STOCK: { description: 'No key is left.' },
    UNAVAILABLE: { description: 'For a reason that concerns an upline alone.' },
  } as const,
});

/** State of an order. */
export const OrderStateEnum = builder.enumType('OrderState', {
  description: 'How far an order is.',
  values: {
    HELD: { description: 'The money is held, nothing was bought yet.' },
    REVIEW: { description: 'Waits for a person to release it.' },
    SOURCING: { description: 'Is being bought from a supplier.' },
    DELIVERED: { description: 'Delivered and paid.' },
    FAILED: { description: 'Ended without goods; the money was released.' },
    NEEDS_ATTENTION: { description: 'A person decides.' },
    PARTLY_REFUNDED: { description: 'Delivered, a part of the money was given back.' },
    REFUNDED: { description: 'Delivered, all of the money was given back.' },
  } as const,
});

/** Where an order came from. */
export const OrderChannelEnum = builder.enumType('OrderChannel', {
  description: 'Where an order came from.',
  values: {
    CONSOLE: { description: 'A person, in the console.' },
    API: { description: 'A program.' },
    DEMO: { description: 'The demo network.' },
  } as const,
});

/** Which orders of those that a station may see. */
export const OrderScopeEnum = builder.enumType('OrderScope', {
  description: 'Which orders of those that the acting station may see.',
  values: {
    MINE: { description: 'Bought by the acting station.' },
    DOWNLINE: { description: 'Bought by the acting station or its downline, as the tree was when ordering.' },
    OWNED: { description: 'Of goods that the acting station owns.' },
  } as const,
});

/** What a station was in an order's chain. */
export const HopRoleEnum = builder.enumType('HopRole', {
  description: "What a station was in an order's chain.",
  values: {
    ABOVE: { description: 'Above the owner: it neither paid nor earned.' },
    OWNER: { description: 'Owned the goods.' },
    SELLER: { description: 'Bought from above and sold below.' },
    BUYER: { description: 'Placed the order.' },
  } as const,
});

/** Who pays for a refund. */
export const RefundBearerEnum = builder.enumType('RefundBearer', {
  description: 'Who bears the cost of a refund.',
  values: { OWNER: { description: 'The owner of the goods.' }, SUPPLIER: { description: 'The supplier of the goods.' } } as const,
});

/** State of a refund. */
export const RefundStateEnum = builder.enumType('RefundState', {
  description: 'How far a refund is.',
  values: {
    REQUESTED: { description: 'Asked for, not decided.' },
    DONE: { description: 'Decided and paid.' },
    DECLINED: { description: 'Decided against.' },
  } as const,
});

/** Kind of an account. */
export const AccountKindEnum = builder.enumType('AccountKind', {
  description: 'What an account holds.',
  values: {
    WALLET: { description: 'Prepaid money that can be spent.' },
    HELD: { description: 'Money of orders under way.' },
    EARNINGS_PENDING: { description: 'Margins and commission that are not due yet.' },
    EARNINGS: { description: 'Margins and commission that can be withdrawn.' },
    CLAWBACK: { description: 'What is owed because of refunds after settlement.' },
    DEPOSIT: { description: 'A security.' },
    PAYABLE_PENDING: { description: 'What a supplier is owed and is not due yet.' },
    PAYABLE: { description: 'What a supplier is owed and is due.' },
    CASH: { description: 'The outside world; below zero is money that the network holds.' },
    SUSPENSE: { description: 'Money whose place is not known yet.' },
  } as const,
});

/** Why a posting was made. */
export const PostingReasonEnum = builder.enumType('PostingReason', {
  description: 'Why money moved.',
  values: {
    SALE: { description: 'A buyer paid for an order.' },
    MARGIN: { description: 'Earned by selling above what was paid.' },
    COMMISSION: { description: "A share of a downline's order." },
    COST: { description: 'Owed to a supplier for goods sold.' },
    TOP_UP: { description: 'Put into a wallet.' },
    LOT_PURCHASE: { description: 'Paid for card keys of its own.' },
    DEPOSIT: { description: "A supplier's deposit was paid in, deducted or returned." },
    REFUND: { description: 'Given back, or taken back for it.' },
    HOLD: { description: 'Held for an order whose goods are being bought.' },
    RELEASE: { description: 'Held money set free.' },
    SETTLEMENT: { description: 'Fell due.' },
    ADJUSTMENT: { description: 'Corrected by a person.' },
  } as const,
});

/** Kind of a markup rule. */
export const MarkupKindEnum = builder.enumType('MarkupKind', {
  description: 'How a markup rule makes a price.',
  values: {
    PERCENT: { description: 'Per cent of what the station itself pays, added to it.' },
    FIXED: { description: 'An amount added to what the station itself pays.' },
    PRICE: { description: 'An absolute unit price.' },
  } as const,
});

/** What an absolute price does below cost. */
export const InversionPolicyEnum = builder.enumType('InversionPolicy', {
  description: 'What happens when the station pays more than the absolute price that it set.',
  values: {
    HIDE: { description: 'The SKU is not sold to those whom the rule is for.' },
    RAISE_TO_START: { description: 'It is sold at what the station pays.' },
  } as const,
});

/** Kind of a commission pool. */
export const CommissionPoolKindEnum = builder.enumType('CommissionPoolKind', {
  description: 'How large the pool of a commission plan is.',
  values: { PERCENT: { description: "Per cent of the buyer's total." }, PER_UNIT: { description: 'An amount for each unit.' } } as const,
});

/** Terms of a lot. */
export const LotTermsEnum = builder.enumType('LotTerms', {
  description: 'When the supplier of a lot is paid.',
  values: { CONSIGNMENT: { description: 'Owed when a key is sold.' }, OWN: { description: 'Paid before.' } } as const,
});

/** State of a job. */
export const JobStateEnum = builder.enumType('JobState', {
  description: 'How far a job is.',
  values: {
    RECEIVING: { description: 'Its file is still coming.' },
    PENDING: { description: 'Waits.' },
    RUNNING: { description: 'Runs.' },
    DONE: { description: 'Done.' },
    FAILED: { description: 'Ended without any effect.' },
    CANCELLED: { description: 'Ended by a person, without any effect.' },
  } as const,
});

/** Format of an import. */
export const CardKeyFormatEnum = builder.enumType('CardKeyFormat', {
  description: 'How card keys are written in an import.',
  values: {
    TEXT: { description: 'A line for each key: the secret alone, or number and secret.' },
    CSV: { description: 'Comma-separated values: secret, or number and secret.' },
  } as const,
});

/** Range of an overview. */
export const GmvRangeEnum = builder.enumType('GmvRange', {
  description: "How far back an overview looks, in days of the network's time zone.",
  values: {
    TODAY: { description: 'Today, hour by hour.' },
    DAYS_7: { description: 'Seven days with today as the last.' },
    DAYS_30: { description: 'Thirty days with today as the last.' },
    DAYS_60: { description: 'Sixty days with today as the last.' },
  } as const,
});

/** Why a station cannot be placed there. */
export const MoveRefusedReasonEnum = builder.enumType('MoveRefusedReason', {
  description: 'Why a station cannot stand there.',
  values: {
    CIRCLE: { description: 'The new parent is the station itself or below it.' },
    TOO_DEEP: { description: 'The tree may be 12 levels deep.' },
    OPEN_CREDIT: { description: 'Credit of the old line is not repaid.' },
    SAME_PARENT: { description: 'It stands there already.' },
    NOT_A_PARENT: { description: 'A reseller has no children.' },
  } as const,
});

/** Why a refund is refused. */
export const RefundRefusedReasonEnum = builder.enumType('RefundRefusedReason', {
  description: 'Why a refund is refused.',
  values: {
    OVER_TOTAL: { description: 'More than what is left of the order.' },
    NOT_DELIVERED: { description: 'The order was not delivered.' },
    KEY_NOT_OF_ORDER: { description: 'A key does not belong to the order.' },
    KEY_ALREADY_RETURNED: { description: 'A key was refunded before.' },
    NEEDS_SECOND_PERSON: { description: 'Above the limit, somebody else than who asked decides.' },
    ALREADY_DECIDED: { description: 'It was decided before.' },
    NOTHING_TO_REFUND: { description: 'All of it was given back before.' },
  } as const,
});
