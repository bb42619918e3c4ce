import type { Context } from '#schema/context.ts';
import type { Identity } from '#server/accounts/reads.ts';
import { partyId } from '#server/accounts/rules.ts';
import type { Log } from '#server/platform/log.ts';
import { type Credentials, type Identify } from './identify.ts';

/** What the transport knows of a request; the composition root makes the rest of a resolver's context around it. */
export type RequestFacts = Pick<Context, 'viewer' | 'person' | 'revalidate' | 'requestId' | 'log'>;

/** Who sent an operation, with what is counted against them. */
export interface Caller {
  readonly facts: RequestFacts;
  readonly identity: Identity;
  /** Whose budget pays: the key, the person acting for a party, the person, or the address of nobody. */
  readonly budgetName: string;
  /** The same caller with the rights of this moment; rejects when they have ended. */
  readonly again: () => Promise<Caller>;
}

/** What is known once a request has been identified. */
export interface CallerParts {
  readonly identity: Identity;
  readonly credentials: Credentials;
  readonly identify: Identify;
  readonly requestId: string;
  readonly log: Log;
}

/** The caller of one operation. `revalidate` asks again with the same credentials: null once they open nothing any more. */
export function callerOf({ identity, credentials, identify, requestId, log }: CallerParts): Caller {
  const { viewer, person } = identity;
  const revalidate = async () => {
    try {
      return (await identify(credentials)).viewer;
    } catch (error) {
      log.debug({ requestId, err: error }, 'an identity ended');
      return null;
    }
  };
  return {
    facts: { viewer, person, revalidate, requestId, log },
    identity,
    budgetName: budgetName(identity, credentials.clientAddress),
    again: async () => callerOf({ identity: await identify(credentials), credentials, identify, requestId, log }),
  };
}

function budgetName({ viewer, person }: Identity, clientAddress: string | null): string {
  if (viewer?.actor.kind === 'API_KEY') return `key ${viewer.actor.apiKeyId}`;
  if (person !== null) return `person ${person.userId} ${viewer === null ? '' : partyId(viewer.party)}`;
  return `address ${clientAddress ?? 'unknown'}`;
}
