import { actorId, type Permission, type Viewer } from '#server/accounts/rules.ts';
import type { NotAllowed, NotFound } from '#server/network/rules.ts';
import { type Queryable, run } from '#server/platform/database.ts';
import { isId } from '#server/platform/ids.ts';
import type { SupplierActor } from '#server/suppliers/commands.ts';
import { headquartersOf } from '#server/suppliers/sql.ts';

/** The viewer may act on the supplier, or why not. */
export type ActorFound = { readonly kind: 'ACTOR'; readonly actor: SupplierActor };

/** The id of a network's headquarters. */
export async function headquartersId(db: Queryable, networkId: string): Promise<string> {
  const [row] = await run(db, headquartersOf, [networkId]);
  if (row === undefined) throw new Error(`the network ${networkId} has no headquarters`);
  return row.id;
}

/**
 * Whether the viewer may act on a supplier: headquarters on every one, a supplier on itself, nobody else on any. Another supplier is
 * told what it is told of one that does not exist. Throws where the permission lacks: the contract refuses such requests before.
 */
export async function actorOn(
  db: Queryable,
  viewer: Viewer,
  permission: Permission,
  supplierId: string,
): Promise<ActorFound | NotFound | NotAllowed> {
  if (!viewer.permissions.has(permission)) throw new Error(`the viewer lacks ${permission}`);
  const { networkId, party } = viewer;
  const actor = { networkId, supplierId, actorId: actorId(viewer) };
  if (party.kind === 'SUPPLIER')
    return party.supplierId === supplierId ? { kind: 'ACTOR', actor: { ...actor, by: 'SUPPLIER' } } : { kind: 'NOT_FOUND' };
  if ((await headquartersId(db, networkId)) !== party.stationId)
    return { kind: 'NOT_ALLOWED', message: 'Headquarters manages the suppliers of the network.' };
  return isId(supplierId) ? { kind: 'ACTOR', actor: { ...actor, by: 'HEADQUARTERS' } } : { kind: 'NOT_FOUND' };
}

/** The same, for what headquarters alone does. */
export async function headquartersOn(
  db: Queryable,
  viewer: Viewer,
  permission: Permission,
  supplierId: string,
): Promise<ActorFound | NotFound | NotAllowed> {
  const found = await actorOn(db, viewer, permission, supplierId);
  if (found.kind === 'ACTOR' && found.actor.by === 'SUPPLIER') return { kind: 'NOT_ALLOWED', message: 'Headquarters decides this.' };
  return found;
}
