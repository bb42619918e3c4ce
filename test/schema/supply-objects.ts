import { globalId } from '#schema/ids.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import { createSupplyAccount } from '#server/flows/supply-accounts.ts';
import { createSupplyOffer } from '#server/flows/supply-offers.ts';
import type { Database } from '#server/platform/database.ts';
import { testVault } from '#test/support/world.ts';
import { upstreamsOf } from './ask.ts';
import type { Objects } from './network.ts';

/** What an offer of A costs, and what was agreed: for its owner and its supplier alone. */
export const OFFER_COST = '18.1918';

/** An account of a station at a supplier's shop (switched off), one for a person, and an offer through that for one of its SKUs. */
export async function supplyObjects(
  db: Database,
  owner: Viewer,
  { skuId, routedSkuId, supplierId }: { readonly skuId: string; readonly routedSkuId: string; readonly supplierId: string },
): Promise<Objects> {
  const ground = { db, vault: testVault, upstreams: upstreamsOf(db) };
  const account = { supplierId, currency: 'CNY', callsAtOnce: 1 };
  const shop = await createSupplyAccount(ground, owner, {
    ...account,
    name: 'shop',
    kind: 'DUJIAO_NEXT',
    baseUrl: 'https://shop.example.com',
    settings: { api_key: 'open', api_secret: 'hidden-secret' },
    isEnabled: false,
  });
  const person = await createSupplyAccount(ground, owner, {
    ...account,
    name: 'by hand',
    kind: 'MANUAL',
    baseUrl: '',
    settings: {},
    isEnabled: true,
  });
  if (shop.kind !== 'CREATED' || person.kind !== 'CREATED') throw new Error(`${shop.kind} ${person.kind}`);
  const offer = await createSupplyOffer(ground, owner, {
    skuId,
    accountId: person.accountId,
    terms: 'OWN',
    goods: { note: 'ask for the green ones' },
    cost: { upstreamUnitCost: OFFER_COST, rate: null, rateSource: null, rateAt: null },
    agreedUnitCost: '18.00',
    minQuantity: 1,
    maxQuantity: 10,
    leadTimeSeconds: 60,
    priority: 100,
    weight: 100,
    dailyCap: null,
    stockCount: 7,
    isEnabled: true,
    reason: 'begun',
  });
  if (offer.kind !== 'CREATED') throw new Error(offer.kind);
  return {
    SupplyAccount: globalId('SupplyAccount', shop.accountId),
    ManualAccount: globalId('SupplyAccount', person.accountId),
    SupplyOffer: globalId('SupplyOffer', offer.offerId),
    Routed: globalId('Sku', routedSkuId),
  };
}
