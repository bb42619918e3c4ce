import { statement } from '#server/platform/database.ts';

/** A supplier by its names: never what it is owed. */
export type SupplierRow = { id: string; name: string; code: string };

/** All suppliers of the network, by name. A network has few: the whole primary key range is read. */
export const suppliersOfNetwork = statement<SupplierRow>(
  'suppliers.suppliersOfNetwork',
  'SELECT s.id, s.name, s.code FROM supplier s WHERE s.network_id = $1 ORDER BY s.name, s.id',
);

/** Suppliers by id. Index: primary key. */
export const suppliersById = statement<SupplierRow>(
  'suppliers.suppliersById',
  'SELECT s.id, s.name, s.code FROM supplier s WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[])',
);

/** Of these suppliers, those that a lot of the station's came from. Index: primary key; the station's lots are read through, which are few. */
export const suppliersOfOwner = statement<SupplierRow>(
  'suppliers.suppliersOfOwner',
  `SELECT s.id, s.name, s.code FROM supplier s
   WHERE s.network_id = $1 AND s.id = ANY ($3::uuid[])
     AND EXISTS (SELECT FROM lot l WHERE l.network_id = $1 AND l.owner_id = $2 AND l.supplier_id = s.id)`,
);

/** The row of a new supplier; none when its code is taken. */
export const insertSupplier = statement<SupplierRow>(
  'suppliers.insertSupplier',
  `INSERT INTO supplier AS s (network_id, id, name, code, created_at) VALUES ($1, $2, $3, $4, $5)
   ON CONFLICT (network_id, code) DO NOTHING RETURNING s.id, s.name, s.code`,
);
