import type { Viewer } from '../app/session.tsx';
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

/** Where a person may go, grouped by their day and not by table names. */
export function placesOf(viewer: Viewer): PlaceGroup[] {
  const kind = viewer.party?.kind;
  const { may } = viewer;
  const hq = kind === 'HEADQUARTERS';
  const seller = hq || kind === 'SUBSTATION';
  const groups: PlaceGroup[] = [
    {
      key: 'today',
      places: [
        kind === 'RESELLER' ? { to: '/', icon: 'bag', key: 'buy' } : { to: '/', icon: 'home', key: 'home' },
        ...only(may('ORDERS_READ') && kind !== 'SUPPLIER', { to: '/orders', icon: 'list', key: 'orders' }),
        ...only(hq && may('ORDERS_READ'), { to: '/refunds', icon: 'refund', key: 'refunds' }),
      ],
    },
    {
      key: 'trade',
      places: [
        ...only(seller && may('STATIONS_READ'), { to: '/downline', icon: 'tree', key: 'downline' }),
        ...only(seller && may('PRICES_READ'), { to: '/prices', icon: 'tag', key: 'prices' }),
        ...only(kind === 'SUBSTATION' && may('CATALOGUE_READ'), { to: '/catalogue', icon: 'bag', key: 'catalogue' }),
        ...only(hq && may('PRICES_READ'), { to: '/controls', icon: 'scale', key: 'controls' }),
      ],
    },
    {
      key: 'supply',
      places: [
        ...only(hq && may('SUPPLY_READ'), { to: '/supply/attempts', icon: 'inbox', key: 'attempts' }),
        ...only(kind === 'SUPPLIER' && may('SUPPLY_READ'), { to: '/attempts', icon: 'list', key: 'attempts' }),
        ...only(hq && may('SUPPLY_READ'), { to: '/supply/suppliers', icon: 'truck', key: 'suppliers' }),
        ...only((hq || kind === 'SUPPLIER') && may('SUPPLY_READ'), { to: '/supply/offers', icon: 'route', key: 'offers' }),
        ...only((hq || kind === 'SUPPLIER') && may('SUPPLY_READ'), { to: '/supply/scorecards', icon: 'chart', key: 'scorecards' }),
        ...only(kind === 'SUPPLIER' && may('SUPPLY_READ'), { to: '/documents', icon: 'log', key: 'documents' }),
        ...only(hq && may('SUPPLY_READ'), { to: '/supply/listings', icon: 'check', key: 'listings' }),
        ...only(hq && may('STOCK_READ'), { to: '/stock', icon: 'box', key: 'stock' }),
        ...only(hq && may('SUPPLY_READ'), { to: '/replenishment', icon: 'refund', key: 'replenish' }),
      ],
    },
    {
      key: 'money',
      places: only(
        may('WALLET_READ'),
        kind === 'SUPPLIER' ? { to: '/payables', icon: 'wallet', key: 'payables' } : { to: '/wallet', icon: 'wallet', key: 'wallet' },
      ),
    },
    {
      key: 'settings',
      places: [
        ...only(may('API_KEYS_MANAGE'), { to: '/api-keys', icon: 'key', key: 'apiKeys' }),
        ...only(may('WEBHOOKS_MANAGE') && kind !== 'SUPPLIER', { to: '/webhooks', icon: 'out', key: 'webhooks' }),
        ...only(hq && may('MEMBERS_MANAGE'), { to: '/audit', icon: 'log', key: 'audit' }),
      ],
    },
  ];
  return groups.filter((group) => group.places.length > 0);
}

function only(allowed: boolean, place: Place): Place[] {
  return allowed ? [place] : [];
}
