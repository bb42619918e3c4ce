import { selectOrderInputs } from '#server/orders/sql.ts';
import type { Queryable } from '#server/platform/database.ts';
import type { Vault } from '#server/platform/vault.ts';

/** What a buyer typed for a direct top-up, by the names of the SKU's fields. */
export type OrderInput = Readonly<Record<string, string>>;

/** The same as it may lie in the database, with what it is compared by when its order is asked for again. */
export type SealedOrderInput = {
  readonly fields: OrderInput;
  readonly sealed: Buffer;
  readonly dataKey: Buffer;
  readonly vaultKeyId: string;
  /** a keyed hash: phone numbers are too few to be hidden by a plain one */
  readonly fingerprint: Buffer;
};

/** Whose order it is; an order's request key is unique for its buyer and never changes. */
export type InputPlace = { readonly networkId: string; readonly buyerId: string; readonly requestKey: string };

/** Seals what a buyer typed before anything is written (domain §6: input fields are encrypted and erasable). */
export function sealOrderInput(vault: Vault, place: InputPlace, fields: OrderInput): SealedOrderInput {
  const text = textOf(fields);
  const wrapped = vault.createDataKey(contextOf(place));
  const sealed = vault.seal(wrapped, contextOf(place), contextOf(place), text);
  return { fields, sealed, ...wrapped, fingerprint: vault.fingerprint(place.networkId, text) };
}

/**
 * What buyers typed for these orders, in the clear, by order: for the connector that fills an order, and for the people of its buyer and
 * its owner. Whoever calls this has decided who may see it. Not within a transaction.
 */
export async function openOrderInputs(
  db: Queryable,
  vault: Vault,
  networkId: string,
  orderIds: readonly string[],
): Promise<ReadonlyMap<string, OrderInput>> {
  const rows = orderIds.length === 0 ? [] : await selectOrderInputs(db, networkId, orderIds);
  return new Map(
    rows.map((row) => {
      const context = contextOf({ networkId, buyerId: row.buyer_id, requestKey: row.request_key });
      const wrapped = { dataKey: row.input_data_key, vaultKeyId: row.input_vault_key_id };
      return [row.id, Object.fromEntries(JSON.parse(vault.open(wrapped, context, context, row.input_fields)) as [string, string][])];
    }),
  );
}

/** One text for one input, in whatever order its fields were given. */
function textOf(fields: OrderInput): string {
  return JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function contextOf({ networkId, buyerId, requestKey }: InputPlace): string[] {
  return ['order-input', networkId, buyerId, requestKey];
}
