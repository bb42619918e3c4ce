import { useSyncExternalStore } from 'react';

/** Whether what is on the screen is of now: `catchingUp` while missed events are being fetched. */
export type ConnectionState = 'live' | 'catchingUp' | 'offline';

type Store = { state: ConnectionState; reconnects: number };

let store: Store = { state: 'catchingUp', reconnects: 0 };
const listeners = new Set<() => void>();

/** Tells the console how its live connection is. A return to `live` after a loss counts as a reconnect. */
export function setConnection(state: ConnectionState) {
  if (state === store.state) return;
  store = { state, reconnects: store.reconnects + (state === 'live' && store.state === 'offline' ? 1 : 0) };
  for (const listener of listeners) listener();
}

/** The live connection's state, honest at every moment. */
export function useConnection(): ConnectionState {
  return useSyncExternalStore(subscribe, () => store.state);
}

/** Grows by one whenever a lost connection is back: pages that show figures ask for them again. */
export function useReconnects(): number {
  return useSyncExternalStore(subscribe, () => store.reconnects);
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
