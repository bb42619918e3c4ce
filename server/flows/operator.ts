import { permissionsOfRole, type Viewer } from '#server/accounts/rules.ts';
import { firstOwnerOf } from '#server/accounts/sql.ts';
import type { InvalidInput } from '#server/network/rules.ts';
import { selectNetworksNamed } from '#server/network/sql.ts';
import { type Database, run } from '#server/platform/database.ts';

/** The network that a command of the operator names, and in whose name the command acts there: headquarters' first owner. */
export type OperatorOf = { readonly kind: 'OPERATOR'; readonly viewer: Viewer; readonly headquartersId: string };

/** What is written beside an act in the audit log: it came from the server's own command line, in the owner's name. */
export const BY_COMMAND = { by: 'command' } as const;

/** Headquarters, acting by its owner, as commands of the operator do. */
export function headquartersViewer(networkId: string, stationId: string, userId: string): Viewer {
  return {
    networkId,
    party: { kind: 'STATION', stationId },
    // no session: nobody signed in
    actor: { kind: 'USER', userId, sessionId: '' },
    role: 'OWNER',
    permissions: permissionsOfRole.OWNER,
    clientAddress: null,
  };
}

/**
 * Finds a network by its name or id. Whoever runs a command on the server has its database, so no right is asked for; the audit
 * log needs a person of the network all the same. Refuses INVALID_INPUT: none, several, or one without an owner.
 */
export async function operatorOf(db: Database, nameOrId: string): Promise<OperatorOf | InvalidInput> {
  const [found, second] = await selectNetworksNamed(db.pool, nameOrId);
  if (!found) return refused('There is no network of this name or id.');
  if (second) return refused('Several networks have this name: give the id of one.');
  const { networkId, headquartersId } = found;
  const [owner] = await run(db.pool, firstOwnerOf, [networkId, headquartersId]);
  if (!owner) return refused('The headquarters of this network has no owner.');
  return { kind: 'OPERATOR', viewer: headquartersViewer(networkId, headquartersId, owner.user_id), headquartersId };
}

function refused(message: string): InvalidInput {
  return { kind: 'INVALID_INPUT', field: 'network', message };
}
