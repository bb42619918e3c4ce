import { randomBytes } from 'node:crypto';
import type { ConnectorKind } from '#server/connectors/connector.ts';
import type { Database } from '#server/platform/database.ts';
import { testVault, type World } from '#test/support/world.ts';

/** What of a world supply needs. */
export type SuppliedWorld = Pick<World, 'networkId' | 'currency' | 'suppliers' | 'skus'> & { readonly hq: string };

/** An offer of a supplier for a SKU of the world, with an account of its own unless one is named. Costs are decimal texts. */
export type OfferSpec = {
  readonly sku: string;
  readonly supplier: string;
  readonly unitCost: string;
  readonly terms?: 'CONSIGNMENT' | 'OWN';
  readonly kind?: ConnectorKind;
  readonly accountId?: string;
  readonly goods?: Readonly<Record<string, string>>;
  readonly minQuantity?: number;
  readonly maxQuantity?: number;
  readonly dailyCap?: number;
  readonly priority?: number;
  readonly weight?: number;
  /** headquarters unless said otherwise */
  readonly ownerId?: string;
};

/** Makes a SKU of the world sourced, a direct top-up, or a bundle; as its owner would have set it up. */
export async function makeSku(
  db: Database,
  w: SuppliedWorld,
  sku: string,
  set: {
    readonly deliveryKind: 'SOURCED' | 'BUNDLE';
    readonly goodsKind?: 'CARD_KEY' | 'TOP_UP';
    readonly inputFields?: readonly unknown[];
    readonly routingPolicy?: string;
    /** of a bundle: units and weight of each component */
    readonly components?: Readonly<Record<string, { readonly quantity: number; readonly weight: number }>>;
  },
): Promise<void> {
  const id = named(w.skus, sku);
  await db.pool.query(
    'UPDATE sku SET delivery_kind = $3, goods_kind = $4, input_fields = $5, routing_policy = $6 WHERE network_id = $1 AND id = $2',
    [
      w.networkId,
      id,
      set.deliveryKind,
      set.goodsKind ?? 'CARD_KEY',
      JSON.stringify(set.inputFields ?? []),
      set.routingPolicy ?? 'CHEAPEST',
    ],
  );
  for (const [index, [component, { quantity, weight }]] of Object.entries(set.components ?? {}).entries()) {
    await db.pool.query(
      `INSERT INTO bundle_component (network_id, id, bundle_sku_id, component_sku_id, quantity, weight, position, valid_from)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [w.networkId, db.newId(), id, named(w.skus, component), quantity, weight, index + 1, db.clock()],
    );
  }
}

/** An account at a supplier's system, headquarters' unless said otherwise. Answers its id. */
export async function openSupplyAccount(
  db: Database,
  w: SuppliedWorld,
  supplier: string,
  { kind = 'MANUAL', ownerId = w.hq }: { readonly kind?: ConnectorKind; readonly ownerId?: string } = {},
): Promise<string> {
  const [id, now] = [db.newId(), db.clock()];
  const wrapped = testVault.createDataKey(['test', id]);
  await db.pool.query(
    `INSERT INTO supply_account (network_id, id, owner_id, supplier_id, name, kind, base_url, currency, data_key, vault_key_id, callback_hash,
       created_by, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, 'https://upstream.test', $7, $8, $9, $10, $2, $11, $11)`,
    [
      w.networkId,
      id,
      ownerId,
      named(w.suppliers, supplier),
      `${supplier} ${id}`,
      kind,
      w.currency,
      wrapped.dataKey,
      wrapped.vaultKeyId,
      randomBytes(32),
      now,
    ],
  );
  return id;
}

/** Makes an offer. Answers its id and its account's. */
export async function makeOffer(
  db: Database,
  w: SuppliedWorld,
  spec: OfferSpec,
): Promise<{ readonly offerId: string; readonly accountId: string }> {
  const accountId = spec.accountId ?? (await openSupplyAccount(db, w, spec.supplier, spec));
  const [offerId, now] = [db.newId(), db.clock()];
  await db.pool.query(
    `INSERT INTO supply_offer (network_id, id, owner_id, sku_id, supplier_id, account_id, terms, goods, upstream_currency, upstream_unit_cost,
       unit_cost, min_quantity, max_quantity, daily_cap, priority, weight, created_by, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14, $15, $2, $16, $16)`,
    [
      w.networkId,
      offerId,
      spec.ownerId ?? w.hq,
      named(w.skus, spec.sku),
      named(w.suppliers, spec.supplier),
      accountId,
      spec.terms ?? 'CONSIGNMENT',
      JSON.stringify(spec.goods ?? {}),
      w.currency,
      spec.unitCost,
      spec.minQuantity ?? 1,
      spec.maxQuantity ?? 1000,
      spec.dailyCap ?? null,
      spec.priority ?? 100,
      spec.weight ?? 100,
      now,
    ],
  );
  return { offerId, accountId };
}

function named(ids: Readonly<Record<string, string>>, name: string): string {
  const id = ids[name];
  if (id === undefined) throw new Error(`the world has no ${name}`);
  return id;
}
