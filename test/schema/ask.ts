import { Writable } from 'node:stream';
import { type DocumentNode, type ExecutionResult, execute, parse, validate } from 'graphql';
import { pino } from 'pino';
import type { Context } from '#schema/context.ts';
import { schema } from '#schema/schema.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import { createUpstreams, type Upstreams } from '#server/connectors/upstreams.ts';
import { createOrderLane } from '#server/flows/order-lane.ts';
import type { RequestFacts } from '#server/http/caller.ts';
import { createWebhookDocuments, type WebhookDocuments } from '#server/http/webhook-documents.ts';
import type { EventSource } from '#server/live/event-source.ts';
import type { Database } from '#server/platform/database.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { testVault } from '#test/support/world.ts';

/** An event source for operations that watch nothing. */
const noEvents: EventSource = {
  async *read() {
    yield* [];
  },
  stop: async () => undefined,
};

/** Everything that was logged while asking. */
export const logged: string[] = [];
const log = pino({ level: 'debug' }, new Writable({ write: (chunk, _, done) => (logged.push(String(chunk)), done()) }));

/** The context of one operation of this viewer; null is nobody. */
export function contextOf(db: Database, viewer: Viewer | null, events: EventSource = noEvents): Context {
  return {
    viewer,
    person: viewer?.actor.kind === 'USER' ? { userId: viewer.actor.userId } : null,
    revalidate: async () => viewer,
    db,
    vault: testVault,
    lane: createOrderLane(db),
    events,
    webhooks: webhooksOf(db, (facts) => ({ ...contextOf(db, viewer, events), ...facts })),
    upstreams: upstreamsOf(db),
    requestId: 'test',
    log,
  };
}

/** The systems of suppliers: those on this machine may be called, too. */
export function upstreamsOf({ clock }: Database): Upstreams {
  return createUpstreams({ outgoing: createOutgoing({ allowedHosts: ['127.0.0.1'] }), clock }, 'https://fenzhan.example.com');
}

/** Documents of webhooks, checked and run by the real contract in such a context. No host is allowed that is not public. */
export function webhooksOf(db: Database, context: (facts: RequestFacts) => Context): WebhookDocuments {
  return createWebhookDocuments({ schema, context, newRequestId: db.newId, outgoing: createOutgoing({ allowedHosts: [] }), log });
}

/** Runs a document as this viewer, as the transport would: the document must be valid. */
export async function ask(
  db: Database,
  viewer: Viewer | null,
  document: string,
  variables: Record<string, unknown> = {},
): Promise<ExecutionResult> {
  const result = await execute({ schema, document: checked(document), contextValue: contextOf(db, viewer), variableValues: variables });
  if (Symbol.asyncIterator in result) throw new Error('a query is no stream');
  return result as ExecutionResult;
}

const known = new Set<string>();
let last: { readonly document: string; readonly parsed: DocumentNode } | null = null;

/** The document, which must be valid. It is looked at once, whoever asks: ids and other texts in quotes do not decide it. */
function checked(document: string): DocumentNode {
  if (last?.document === document) return last.parsed;
  const parsed = parse(document);
  const shape = document.replaceAll(/"[^"]*"/g, '""');
  const problems = known.has(shape) ? [] : validate(schema, parsed);
  if (problems.length > 0) throw new Error(`${problems.map(({ message }) => message).join('\n')}\nin ${document}`);
  known.add(shape);
  last = { document, parsed };
  return parsed;
}
