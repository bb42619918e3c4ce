import { readStanding } from '#server/accounts/reads.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import { endWebhook, partyOf } from '#server/flows/send-webhooks.ts';
import { type Database, inTransaction, run } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { type NewMessage, writeRead } from '#server/webhooks/commands.ts';
import { actorOf, endpointViewer, messageText } from '#server/webhooks/rules.ts';
import {
  claimReading,
  networksWithEndpoints,
  type ReadingEndpointRow,
  releaseReading,
  selectEvents,
  selectLeastRead,
  type WebhookEventRow,
} from '#server/webhooks/sql.ts';
import type { LiveEvent } from './event-source.ts';
import type { EventConsumer } from './prune.ts';

/** What one subscription of a document tells of one event. */
export type RenderedEvent = {
  readonly seq: bigint;
  readonly topic: string;
  readonly occurredAt: Date;
  readonly result: { readonly data?: unknown; readonly errors?: unknown };
};

/**
 * Runs a stored document on a batch of events as `viewer`: what its subscriptions would have told, in order. null: the viewer may not
 * subscribe to it any more. What fails unexpectedly is thrown, or with `isLastTry` told as an error of the answer.
 */
export type RenderWebhook = (
  asked: { readonly viewer: Viewer; readonly document: string; readonly isLastTry: boolean },
  batch: readonly LiveEvent[],
) => Promise<readonly RenderedEvent[] | null>;

/** What a reader stands on. */
export interface ReaderOptions {
  readonly db: Database;
  readonly log: Log;
  readonly render: RenderWebhook;
}

/** Turns numbered events into deliveries. */
export interface WebhookReader {
  /** Reads a batch for each endpoint that is behind; answers how many endpoints moved on. */
  readOnce(): Promise<number>;
}

/** What an enabled webhook has still to be told of may not be taken away; without one, webhooks keep nothing. */
export const webhookConsumer: EventConsumer = {
  name: 'webhooks',
  consumedTo: async (db, networkId) => (await run(db, selectLeastRead, [networkId]))[0]?.last_seq ?? NO_END,
};

/** Beyond every number that an event may have. */
const NO_END = 2n ** 63n - 1n;
const BATCH = 200;
const ENDPOINTS_AT_ONCE = 20;
/** A claim runs out after this when its process died; another reader then reads the same events again, from the same place. */
const CLAIM_MILLISECONDS = 60_000;
const AGAIN_MILLISECONDS = 2_000;
const TRIES = 5;
/** A message is not longer than this many characters; a longer one is told without its data. */
const PAYLOAD_MAX = 256 * 1_024;

/**
 * Reads the numbered events for every enabled webhook. An endpoint's place moves in the transaction that queues what it is told, so
 * each event is told exactly once, by whichever process. Rendering happens before that transaction, outside of any.
 */
export function createWebhookReader({ db, log, render }: ReaderOptions): WebhookReader {
  const failed = new Map<string, number>();

  const readFor = async (endpoint: ReadingEndpointRow, readerId: string): Promise<boolean> => {
    const { network_id: networkId, id, last_seq: from } = endpoint;
    const events = await run(db.pool, selectEvents, [networkId, from, BATCH]);
    const last = events.at(-1);
    if (last === undefined) return false;
    const viewer = await viewerOf(db, endpoint);
    const isLastTry = (failed.get(id) ?? 0) + 1 >= TRIES;
    const told = viewer && (await render({ viewer, document: endpoint.document, isLastTry }, events.map(toEvent)));
    if (told === null) {
      await inTransaction(db, (tx) => endWebhook(tx, networkId, endpoint, 'RIGHTS_ENDED'));
      return false;
    }
    const claim = { networkId, endpointId: id, readerId, from };
    return inTransaction(db, (tx) => writeRead(tx, claim, last.seq, told.map(toMessage)));
  };

  const readSafely = async (endpoint: ReadingEndpointRow, readerId: string): Promise<boolean> => {
    try {
      const moved = await readFor(endpoint, readerId);
      failed.delete(endpoint.id);
      return moved;
    } catch (error) {
      failed.set(endpoint.id, (failed.get(endpoint.id) ?? 0) + 1);
      log.error({ err: error, endpointId: endpoint.id }, 'events could not be read for a webhook; they are read again');
      const again = new Date(db.clock().getTime() + AGAIN_MILLISECONDS);
      await run(db.pool, releaseReading, [endpoint.network_id, endpoint.id, readerId, again]);
      return false;
    }
  };

  return {
    readOnce: async () => {
      let moved = 0;
      for (const { network_id } of await run(db.pool, networksWithEndpoints, [])) {
        const readerId = db.newId();
        const now = db.clock();
        const until = new Date(now.getTime() + CLAIM_MILLISECONDS);
        const claimed = await run(db.pool, claimReading, [network_id, readerId, now, until, ENDPOINTS_AT_ONCE]);
        const outcomes = await Promise.all(claimed.map((endpoint) => readSafely(endpoint, readerId)));
        moved += outcomes.filter(Boolean).length;
      }
      return moved;
    },
  };
}

async function viewerOf(db: Database, endpoint: ReadingEndpointRow): Promise<Viewer | null> {
  const { network_id: networkId, permissions, actor_kind: actorKind, actor_id: actorId } = endpoint;
  const party = partyOf(endpoint);
  const standing = await readStanding(db, { networkId, party, actorKind, actorId });
  return endpointViewer({ networkId, party, actor: actorOf(actorKind, actorId), permissions }, standing);
}

function toEvent(row: WebhookEventRow): LiveEvent {
  return { seq: row.seq, topic: row.topic, subjectId: row.subject_id, audience: row.audience, data: row.data, occurredAt: row.occurred_at };
}

function toMessage({ seq, topic, occurredAt, result }: RenderedEvent): NewMessage {
  const payload = messageText(topic, occurredAt, result);
  if (payload.length <= PAYLOAD_MAX) return { seq, topic, payload };
  const message = `The message is longer than ${PAYLOAD_MAX} characters: ask for less, and read the rest by a query.`;
  return {
    seq,
    topic,
    payload: messageText(topic, occurredAt, { data: null, errors: [{ message, extensions: { code: 'PAYLOAD_TOO_LARGE' } }] }),
  };
}
