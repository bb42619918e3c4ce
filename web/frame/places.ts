import type { PartyChoice, Viewer } from '../app/session.tsx';
import type { Permission } from '../gql/graphql.ts';
import type { IconName } from '../parts/icon.tsx';

/** A place in the navigation. */
export type Place = { to: string; icon: IconName; key: PlaceKey };

/** The names of places, also the keys of their words. */
export type PlaceKey =
  | 'home'
  | 'buy'
  | 'catalogue'
  | 'orders'
  | 'refunds'
  | 'downline'
  | 'prices'
  | 'controls'
  | 'stock'
  | 'attempts'
  | 'offers'
  | 'accounts'
  | 'listings'
  | 'replenish'
  | 'scorecards'
  | 'suppliers'
  | 'documents'
  | 'payables'
  | 'wallet'
  | 'apiKeys'
  | 'webhooks'
  | 'audit';

/** Places that belong together in a person's day. */
export type PlaceGroup = { key: 'today' | 'trade' | 'supply' | 'money' | 'settings'; places: Place[] };

type Kind = PartyChoice['kind'];
type Line = readonly [to: string, icon: IconName, key: PlaceKey, kinds: readonly Kind[], permission?: Permission];

const hq = ['HEADQUARTERS'] as const;
const sellers = ['HEADQUARTERS', 'SUBSTATION'] as const;
const stations = ['HEADQUARTERS', 'SUBSTATION', 'RESELLER'] as const;
const supplier = ['SUPPLIER'] as const;
const suppliers = ['HEADQUARTERS', 'SUPPLIER'] as const;
const everybody = [...stations, ...supplier];

// Each place once: where it is, for which kinds of party, and which permission opens it.
const lines: Record<PlaceGroup['key'], readonly Line[]> = {
  today: [
    ['/', 'bag', 'buy', ['RESELLER']],
    ['/', 'home', 'home', [...sellers, ...supplier]],
    ['/orders', 'list', 'orders', stations, 'ORDERS_READ'],
    ['/refunds', 'refund', 'refunds', hq, 'ORDERS_READ'],
  ],
  trade: [
    ['/downline', 'tree', 'downline', sellers, 'STATIONS_READ'],
    ['/prices', 'tag', 'prices', sellers, 'PRICES_READ'],
    ['/catalogue', 'bag', 'catalogue', ['SUBSTATION'], 'CATALOGUE_READ'],
    ['/controls', 'scale', 'controls', hq, 'PRICES_READ'],
  ],
  supply: [
    ['/supply/attempts', 'inbox', 'attempts', hq, 'SUPPLY_READ'],
    ['/attempts', 'list', 'attempts', supplier, 'SUPPLY_READ'],
    ['/supply/suppliers', 'truck', 'suppliers', hq, 'SUPPLY_READ'],
    ['/supply/offers', 'route', 'offers', suppliers, 'SUPPLY_READ'],
    ['/supply/accounts', 'plug', 'accounts', hq, 'SUPPLY_READ'],
    ['/supply/scorecards', 'chart', 'scorecards', suppliers, 'SUPPLY_READ'],
    ['/documents', 'log', 'documents', supplier, 'SUPPLY_READ'],
    ['/supply/listings', 'check', 'listings', hq, 'SUPPLY_READ'],
    ['/stock', 'box', 'stock', hq, 'STOCK_READ'],
    ['/replenishment', 'refund', 'replenish', hq, 'SUPPLY_READ'],
  ],
  money: [
    ['/payables', 'wallet', 'payables', supplier, 'WALLET_READ'],
    ['/wallet', 'wallet', 'wallet', stations, 'WALLET_READ'],
  ],
  settings: [
    ['/api-keys', 'key', 'apiKeys', everybody, 'API_KEYS_MANAGE'],
    ['/webhooks', 'out', 'webhooks', stations, 'WEBHOOKS_MANAGE'],
    ['/audit', 'log', 'audit', hq, 'MEMBERS_MANAGE'],
  ],
};

/** Where a person may go, grouped by their day and not by table names. */
export function placesOf({ party, may }: Viewer): PlaceGroup[] {
  const isOpen = ([, , , kinds, permission]: Line) => party !== null && kinds.includes(party.kind) && (!permission || may(permission));
  return (Object.keys(lines) as PlaceGroup['key'][])
    .map((key) => ({ key, places: lines[key].filter(isOpen).map(([to, icon, place]) => ({ to, icon, key: place })) }))
    .filter((group) => group.places.length > 0);
}
