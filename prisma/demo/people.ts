import { permissionsOfRole, type Role, type Viewer } from '#server/accounts/rules.ts';
import type { NetworkIds } from './write-network.ts';
import { known } from './write-network.ts';

/** The one password of all demo sign-ins. It is no secret: it is printed at the first start. */
export const DEMO_PASSWORD = 'fenzhan-demo-2026';

/** A person at work for a station, as the flows see her. */
export function stationViewer(network: NetworkIds, station: string, person: { readonly userId: string; readonly role: Role }): Viewer {
  return {
    networkId: network.networkId,
    party: { kind: 'STATION', stationId: known(network.stations, station) },
    actor: { kind: 'USER', userId: person.userId, sessionId: person.userId },
    role: person.role,
    permissions: permissionsOfRole[person.role],
    clientAddress: null,
  };
}

/** The owner of a station at work. */
export function ownerViewer(network: NetworkIds, station: string): Viewer {
  return stationViewer(network, station, { userId: known(network.owners, station), role: 'OWNER' });
}
