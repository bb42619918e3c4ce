import { type SupplierReader, type SupplierRow, visibleSuppliers, visibleSuppliersByIds } from '#server/suppliers/reads.ts';
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

/** A supplier that the viewer may know, by id; batched. A station's people need to read its stock to know whom it buys from. */
export const loadSupplier = batched<string, SupplierRow>(async (context, ids) => {
  const { party, permissions } = viewerOf(context);
  if (party.kind === 'STATION' && !permissions.has('STOCK_READ')) return new Map();
  return visibleSuppliersByIds(context.db.pool, await reader(context), ids);
});

Supplier.fields((t) => ({
  name: t.exposeString('name', { description: 'What people call it.' }),
  code: t.exposeString('code', { description: 'Its number or short name, unique in the network.' }),
}));

builder.queryField('suppliers', (t) =>
  t.field({
    type: [SupplierType],
    access: { party: 'STATION', permission: 'STOCK_READ' },
    description: 'The suppliers of the network, by name; headquarters alone sees any.',
    resolve: async (_, __, context) => visibleSuppliers(context.db.pool, await reader(context)),
  }),
);

async function reader(context: Context): Promise<SupplierReader> {
  const { networkId, party } = viewerOf(context);
  if (party.kind === 'SUPPLIER') return { networkId, party };
  const { kind } = await actingStation(context);
  return { networkId, party: { ...party, isHeadquarters: kind === 'HEADQUARTERS' } };
}
