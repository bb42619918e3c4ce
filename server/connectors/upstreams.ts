import type { Connector, ConnectorGround, ConnectorKind } from './connector.ts';
import { connectorOf } from './connectors.ts';

/** The outside world of supply, as a process reaches it. */
export interface Upstreams {
  /** The connector of a kind: one for the process. */
  connectorOf(kind: ConnectorKind): Connector;
  /** What is wrong with an upstream's address as far as its text tells; null when nothing is. */
  urlProblem(url: string): string | null;
  /** Where upstreams reach this deployment; null: they cannot call back. */
  readonly publicUrl: string | null;
}

/** Reaches upstreams over this client for outgoing calls. */
export function createUpstreams(ground: ConnectorGround, publicUrl: string | null): Upstreams {
  const known = new Map<ConnectorKind, Connector>();
  return {
    connectorOf: (kind) => {
      const connector = known.get(kind) ?? connectorOf(kind, ground);
      known.set(kind, connector);
      return connector;
    },
    urlProblem: ground.outgoing.urlProblem,
    publicUrl,
  };
}
