import type { Viewer } from '#server/accounts/rules.ts';
import type { Upstreams } from '#server/connectors/upstreams.ts';
import type { OrderLane } from '#server/flows/order-lane.ts';
import type { WebhookChecks } from '#server/flows/webhook-endpoints.ts';
import type { EventSource } from '#server/live/event-source.ts';
import type { Database } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import type { Vault } from '#server/platform/vault.ts';

/**
 * Notes what an execution learns of the very party that it is made for, so that parties who learn the same share one execution. The
 * party's own id can't be looked at meanwhile: whatever depends on it is asked for here, and answered by the party's `own` context.
 */
export interface Observer {
  /** Rows by what reads them and under which key; read once for all documents of the party. */
  readonly read: <Row>(what: object, key: string, ask: (own: Context) => Promise<Row>) => Promise<Row>;
  /** A fact about the party itself. */
  readonly look: <Fact extends string | boolean>(ask: (own: Context) => Fact) => Fact;
}

/** What a resolver may use. One is made for every operation (for a subscription: one for its whole life) by server/http. */
export interface Context {
  /**
   * Who acts, and for which party; null for nobody, and for a person who has not chosen a party. A subscription replaces it before
   * each event with what `revalidate` answers, so that rights that were taken away end there and not at the next sign-in.
   */
  viewer: Viewer | null;
  /** The signed-in person, also before a party is chosen; null for a program with an API key and for nobody. */
  readonly person: { readonly userId: string } | null;
  /** Reads the viewer again from what the request carried; null when the session, key or membership ended meanwhile. */
  readonly revalidate: () => Promise<Viewer | null>;
  /** The database, with the clock and the ids of the process. */
  readonly db: Database;
  readonly vault: Vault;
  /** The lane in front of `placeOrders`: one for the process, shared by all requests. */
  readonly lane: OrderLane;
  /** Numbered events of all networks, for subscriptions. */
  readonly events: EventSource;
  /** Checks what a webhook is to be told and where, before it is saved. */
  readonly webhooks: WebhookChecks;
  /** The systems of suppliers, as they are asked when an account or an offer is saved. */
  readonly upstreams: Upstreams;
  /** Stands in the answer of every error and in every log line of the request. */
  readonly requestId: string;
  readonly log: Log;
  /** There while something is executed for many parties at once. */
  readonly observer?: Observer;
  /** Whether other parties ask for the same rows at the same moment, so that they are read for all of them at once. */
  readonly isOneOfMany?: boolean;
}
