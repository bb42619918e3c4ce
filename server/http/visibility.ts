import type { Context } from '#schema/context.ts';
import { partyId, type Viewer } from '#server/accounts/rules.ts';
import { NotShareable } from '#server/live/fan-out-group.ts';

/** What of a request says who asks. */
export type Asker = { readonly viewer: Viewer; readonly person: Context['person'] };

/**
 * What two subscribers must have in common to be told the same: the network, the party and every permission. What a resolver reads
 * beyond that is noticed by `guard`; whoever needs it is in a class with nobody but itself (`byActor`).
 */
export function visibilityClass({ viewer, person }: Asker, byActor: boolean): string {
  const { networkId, party, permissions, actor, role, clientAddress } = viewer;
  const shared = [networkId, party.kind, partyId(party), [...permissions].sort()];
  return JSON.stringify(byActor ? [...shared, actor, role, clientAddress, person?.userId ?? null] : shared);
}

/** An asker whose person can't be looked at unnoticed. */
export interface Guard {
  readonly viewer: Viewer;
  /** Puts the guarded person into a context made for nobody in particular. */
  readonly into: <Guarded extends Context>(context: Guarded) => Guarded;
  /** Whether somebody looked. */
  readonly tripped: () => boolean;
  /** From now on anybody may look. */
  readonly lift: () => void;
}

/**
 * Default deny for sharing: an execution for many sees the network, the party and the permissions of its viewer. Actor, role, address
 * and person throw NotShareable when they are read, and it is remembered even where the error is swallowed.
 */
export function guard({ viewer, person }: Asker): Guard {
  let tripped = false;
  let lifted = false;
  const own = <Value>(value: Value): Value => {
    if (lifted) return value;
    tripped = true;
    throw new NotShareable();
  };
  const { networkId, party, permissions } = viewer;
  return {
    viewer: {
      networkId,
      party,
      permissions,
      get actor() {
        return own(viewer.actor);
      },
      get role() {
        return own(viewer.role);
      },
      get clientAddress() {
        return own(viewer.clientAddress);
      },
    },
    into: (context) => Object.defineProperty(context, 'person', { enumerable: true, get: () => own(person) }),
    tripped: () => tripped,
    lift: () => {
      lifted = true;
    },
  };
}
