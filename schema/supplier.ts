import type { Permission } from '#server/accounts/rules.ts';
import { openSuppliers, type SupplierReader, type SupplierRow, visibleSuppliers, visibleSuppliersByIds } from '#server/suppliers/reads.ts';
import type { RowAccess } from './access.ts';
import { actingStation, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { batched } from './loaders.ts';
import { nodeType } from './node.ts';

const Supplier = nodeType<SupplierRow>('Supplier', {
  description: 'A party that sells to stations.',
  // a supplier's own people see it before they choose it as their party
  access: 'SIGNED_IN',
  load: (context, id) => loadSupplier(context, id),
});

/** The supplier type of the contract. */
export const SupplierType = Supplier.ref;

/** By which of these a station's people know whom it buys from. */
const KNOWING: readonly Permission[] = ['STOCK_READ', 'SUPPLY_READ', 'SUPPLIERS_MANAGE', 'DEPOSITS_MANAGE'];

/** A supplier that the viewer may know, by id; batched. */
export const loadSupplier = batched<string, SupplierRow>(async (context, ids) => {
  const { party, permissions } = viewerOf(context);
  if (party.kind === 'STATION' && !KNOWING.some((permission) => permissions.has(permission))) return new Map();
  return visibleSuppliersByIds(context.db.pool, await supplierReader(context), ids);
});

/** Who looks into a supplier: headquarters and the supplier itself, with this permission; to anybody else the field is null. */
export function lookingInto(permission: Permission): RowAccess<SupplierRow> {
  return {
    party: 'ANY',
    permission,
    only: async ({ id }, context) => openSuppliers(await supplierReader(context), [id]).length > 0,
  };
}

Supplier.fields((t) => ({
  name: t.exposeString('name', { description: 'What people call it.' }),
  code: t.exposeString('code', { description: 'Its number or short name, unique in the network.' }),
}));

builder.queryField('suppliers', (t) =>
  t.field({
    type: [SupplierType],
    access: { party: 'STATION', permission: 'STOCK_READ' },
    description: 'The suppliers of the network, by name; headquarters alone sees any.',
    resolve: async (_, __, context) => visibleSuppliers(context.db.pool, await supplierReader(context)),
  }),
);

/** Who reads of suppliers, with what kind of party it is. */
export async function supplierReader(context: Context): Promise<SupplierReader> {
  const { networkId, party } = viewerOf(context);
  if (party.kind === 'SUPPLIER') return { networkId, party };
  const { kind } = await actingStation(context);
  return { networkId, party: { ...party, isHeadquarters: kind === 'HEADQUARTERS' } };
}
