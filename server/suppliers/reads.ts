import { type Queryable, run } from '#server/platform/database.ts';
import { type SupplierRow, suppliersById, suppliersOfNetwork, suppliersOfOwner } from './sql.ts';

export type { SupplierRow } from './sql.ts';

/** Who reads. `isHeadquarters` tells whether the station is the root of its network. */
export type SupplierReader = {
  readonly networkId: string;
  readonly party:
    | { readonly kind: 'STATION'; readonly stationId: string; readonly isHeadquarters: boolean }
    | { readonly kind: 'SUPPLIER'; readonly supplierId: string };
};

/** All suppliers of the network: for headquarters alone (domain §2). */
export async function visibleSuppliers(db: Queryable, reader: SupplierReader): Promise<SupplierRow[]> {
  const { party, networkId } = reader;
  return party.kind === 'STATION' && party.isHeadquarters ? run(db, suppliersOfNetwork, [networkId]) : [];
}

/**
 * Of these suppliers, those that the reader may know by name: headquarters all, a supplier itself, an owner of goods those
 * that its own lots came from.
 */
export async function visibleSuppliersByIds(
  db: Queryable,
  reader: SupplierReader,
  ids: readonly string[],
): Promise<Map<string, SupplierRow>> {
  const { party, networkId } = reader;
  if (ids.length === 0) return new Map();
  const rows = await readVisible(db, networkId, party, ids);
  return new Map(rows.map((row) => [row.id, row]));
}

function readVisible(db: Queryable, networkId: string, party: SupplierReader['party'], ids: readonly string[]): Promise<SupplierRow[]> {
  if (party.kind === 'SUPPLIER') return run(db, suppliersById, [networkId, ids.filter((id) => id === party.supplierId)]);
  return party.isHeadquarters ? run(db, suppliersById, [networkId, ids]) : run(db, suppliersOfOwner, [networkId, party.stationId, ids]);
}
