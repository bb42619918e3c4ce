import { run, type Transaction } from '#server/platform/database.ts';
import { insertSupplier, type SupplierRow } from './sql.ts';

/** Makes a supplier of a network (domain §2): who delivers goods, and is owed their cost. Null when its code is taken. */
export async function openSupplier(
  tx: Transaction,
  networkId: string,
  supplier: { readonly supplierId: string; readonly name: string; readonly code: string },
): Promise<SupplierRow | null> {
  const [row] = await run(tx, insertSupplier, [networkId, supplier.supplierId, supplier.name, supplier.code, tx.now]);
  return row ?? null;
}
