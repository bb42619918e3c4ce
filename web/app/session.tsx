import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useState } from 'react';
import { type CombinedError, Provider } from 'urql';
import { unmask } from '../gql/fragment-masking.ts';
import {
  type PartyPartsFragment,
  PartyPartsFragmentDoc,
  type Permission,
  type Role,
  SessionDocument,
  type SessionQuery,
  type StationKind,
} from '../gql/graphql.ts';
import { type ConsoleClient, createConsoleClient, isSignedOut } from './client.ts';

/** A party that the person may act for. */
export type PartyChoice = {
  id: string;
  name: string;
  code: string;
  kind: StationKind | 'SUPPLIER';
  role: Role | null;
  networkName: string;
};

/** The signed-in person acting for one party. */
export type Viewer = {
  name: string;
  email: string;
  currency: string;
  timeZone: string;
  networkName: string;
  party: PartyChoice | null;
  choices: PartyChoice[];
  permissions: readonly Permission[];
  may: (permission: Permission) => boolean;
};

type SessionState =
  | { status: 'starting' }
  | { status: 'unreachable'; error: CombinedError }
  | { status: 'signedOut' }
  | { status: 'signedIn'; viewer: Viewer };

type SessionActions = { refresh: () => void; actFor: (partyId: string) => void; signOut: (everywhere: boolean) => Promise<void> };

const StateContext = createContext<SessionState>({ status: 'starting' });
const ActionsContext = createContext<SessionActions | null>(null);
const partyKey = 'fenzhan.party';

/** Opens the first client, for the party that was acted for last. Called once, before anything is drawn. */
export function startClient(): ConsoleClient {
  return createConsoleClient(localStorage.getItem(partyKey));
}

/** Knows who is signed in and for which party they act; everything below speaks to the server as that party. */
export function SessionProvider({ first, children }: { first: ConsoleClient; children: ReactNode }) {
  const [live, setLive] = useState(first);
  const [state, setState] = useState<SessionState>({ status: 'starting' });

  // A client is replaced in answer to an event, never while drawing: the old one's socket is closed, the new one's opened.
  const become = useCallback(
    (partyId: string | null) => {
      if (partyId) localStorage.setItem(partyKey, partyId);
      else localStorage.removeItem(partyKey);
      live.dispose();
      setState({ status: 'starting' });
      setLive(createConsoleClient(partyId));
    },
    [live],
  );

  useEffect(() => {
    let current = true;
    live.whenSignedOut(() => current && setState({ status: 'signedOut' }));
    void live.client.query(SessionDocument, {}, { requestPolicy: 'network-only' }).then(({ data, error }) => {
      if (!current) return;
      if (error && isSignedOut(error)) return setState({ status: 'signedOut' });
      // A remembered party may be one of the past: start again without it rather than shut the person out.
      if (error && !error.networkError && live.partyId) return become(null);
      if (error) return setState({ status: 'unreachable', error });
      if (!data?.viewer) return setState({ status: 'signedOut' });
      const viewer = toViewer(data.viewer);
      const choice = viewer.choices[0];
      if (!viewer.party && choice) return become(choice.id);
      setState({ status: 'signedIn', viewer });
    });
    return () => {
      current = false;
    };
  }, [live, become]);

  const actions = useMemo<SessionActions>(
    () => ({
      refresh: () => become(live.partyId),
      actFor: become,
      signOut: async (everywhere) => {
        await postAuth(everywhere ? 'sign-out-everywhere' : 'sign-out', {});
        live.dispose();
        setState({ status: 'signedOut' });
      },
    }),
    [live, become],
  );
  return (
    <ActionsContext value={actions}>
      <StateContext value={state}>
        <Provider value={live.client}>{children}</Provider>
      </StateContext>
    </ActionsContext>
  );
}

/** The state of the session: starting, signed out or signed in. */
export function useSession(): SessionState & SessionActions {
  const actions = use(ActionsContext);
  if (!actions) throw new Error('useSession outside SessionProvider');
  return { ...use(StateContext), ...actions };
}

/** The signed-in person; only pages behind the sign-in may ask. */
export function useViewer(): Viewer {
  const state = use(StateContext);
  if (state.status !== 'signedIn') throw new Error('useViewer outside a signed-in page');
  return state.viewer;
}

/** Sends one request to the sign-in service; the answer's status says how it went. */
export async function postAuth(path: string, body: object): Promise<Response> {
  return fetch(`/auth/${path}`, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/json', 'x-fenzhan-csrf': '1' },
    body: JSON.stringify(body),
  });
}

type SessionViewer = NonNullable<SessionQuery['viewer']>;

function toViewer(viewer: SessionViewer): Viewer {
  const choices = viewer.memberships.map((one) => toChoice(unmask(PartyPartsFragmentDoc, one.party), one.role, one.networkName));
  const permissions = new Set<Permission>(viewer.permissions);
  const party = viewer.party
    ? toChoice(unmask(PartyPartsFragmentDoc, viewer.party), viewer.role ?? null, viewer.network?.name ?? '')
    : null;
  return {
    name: viewer.name,
    email: viewer.email ?? '',
    currency: viewer.network?.currency ?? 'CNY',
    timeZone: viewer.network?.timeZone ?? 'Asia/Shanghai',
    networkName: viewer.network?.name ?? '',
    party,
    choices,
    permissions: viewer.permissions,
    may: (permission) => permissions.has(permission),
  };
}

function toChoice(party: PartyPartsFragment, role: Role | null, networkName: string): PartyChoice {
  const kind = party.__typename === 'Station' ? party.stationKind : 'SUPPLIER';
  return { id: party.id, name: party.name, code: party.code, kind, role, networkName };
}
