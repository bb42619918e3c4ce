import { useSyncExternalStore } from 'react';

/** Whether what is on the screen is of now: `catchingUp` while missed events are being fetched. */
export type ConnectionState = 'live' | 'catchingUp' | 'offline';

type Store = { state: ConnectionState; reconnects: number };

let store: Store = { state: 'catchingUp', reconnects: 0 };
const listeners = new Set<() => void>();

/** Tells the console how its live connection is. A return after a loss counts as a reconnect. */
export function setConnection(state: ConnectionState) {
  if (state === store.state) return;
  const isBack = store.state === 'offline' && state !== 'offline';
  store = { state, reconnects: store.reconnects + (isBack ? 1 : 0) };
  for (const listener of listeners) listener();
}

/** What was missed can no longer be told event by event: pages read again, as after a reconnect. */
export function readAgain() {
  store = { ...store, reconnects: store.reconnects + 1 };
  for (const listener of listeners) listener();
}

/** The state at this moment. */
export function connectionNow(): ConnectionState {
  return store.state;
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
