import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionResult,
  executeSubscriptionEvent,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  TypeInfo,
  type ValidatedSubscriptionArgs,
  validate,
  validateSubscriptionArgs,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { Context } from '#schema/context.ts';
import type { Permission, Viewer } from '#server/accounts/rules.ts';
import type { CheckedDocument, WebhookChecks } from '#server/flows/webhook-endpoints.ts';
import type { LiveEvent } from '#server/live/event-source.ts';
import { tellBatch } from '#server/live/feed.ts';
import { isLiveStream, type LiveStream } from '#server/live/live-stream.ts';
import type { RenderedEvent, RenderWebhook } from '#server/live/webhook-reader.ts';
import type { Log } from '#server/platform/log.ts';
import type { Outgoing } from '#server/platform/outgoing.ts';
import { readingPermissions } from '#server/webhooks/rules.ts';
import type { RequestFacts } from './caller.ts';
import { costOf } from './cost.ts';
import { documentLimitsRule } from './document-limits.ts';
import { boundedCache } from './documents.ts';
import { formatError, presentError } from './errors.ts';
import { LIMITS } from './limits.ts';

/** What webhook documents are checked and run with. */
export interface WebhookDocumentOptions {
  readonly schema: GraphQLSchema;
  readonly context: (facts: RequestFacts) => Context;
  readonly newRequestId: () => string;
  readonly outgoing: Pick<Outgoing, 'urlProblem'>;
  readonly log: Log;
}

/** Checks documents of webhooks when they are saved, and runs them when something has happened. */
export interface WebhookDocuments extends WebhookChecks {
  readonly render: RenderWebhook;
}

/** A webhook is told at most of so many subscriptions. */
const SUBSCRIPTIONS_MAX = 10;

/**
 * A webhook's document holds subscriptions as a stream would send them: the same schema, rights, limits and feeds decide what it is
 * told, so that a subscription and a webhook of the same text never differ.
 */
export function createWebhookDocuments(options: WebhookDocumentOptions): WebhookDocuments {
  const { schema, newRequestId, outgoing, log } = options;
  const parsed = boundedCache<DocumentNode>();
  const limitsRule = documentLimitsRule(LIMITS);

  /** Parsed and valid, by today's contract; an error tells why it is not. */
  const read = (text: string): DocumentNode => {
    const known = parsed.get(text);
    if (known !== undefined) return known;
    const document = parse(text, { maxTokens: LIMITS.tokens });
    const [problem] = validate(schema, document, [...specifiedRules, limitsRule as never]);
    if (problem !== undefined) throw problem;
    const refused = unfit(document) ?? secretSelection(schema, document);
    if (refused !== null) throw new GraphQLError(refused);
    parsed.set(text, document);
    return document;
  };

  const contextFor = (viewer: Viewer): Context =>
    options.context({ viewer, person: null, revalidate: async () => viewer, requestId: newRequestId(), log });

  const open = async (document: DocumentNode, operation: OperationDefinitionNode, context: Context): Promise<Opened> => {
    const args = validateSubscriptionArgs({ schema, document, contextValue: context, operationName: operation.name?.value });
    if (!('operation' in args)) return { refusal: args[0] ?? new GraphQLError('This subscription cannot be run.') };
    const cost = costOf(args);
    if (cost > LIMITS.documentCost)
      return { refusal: new GraphQLError(`It costs ${cost} points; at most ${LIMITS.documentCost} are allowed.`) };
    const stream = await createSourceEventStream(args);
    if (!(Symbol.asyncIterator in stream)) return { refusal: stream.errors?.[0] ?? new GraphQLError('This subscription cannot be run.') };
    // what is told from anything but the numbered events cannot be told once for each of them
    if (isLiveStream(stream) && stream.source === context.events) return { args, feed: stream.feed };
    await (stream as AsyncGenerator).return(undefined);
    return { refusal: new GraphQLError('This subscription is a pulse: it is watched, not delivered.') };
  };

  const checkDocument = async (viewer: Viewer, text: string): Promise<CheckedDocument> => {
    try {
      const document = read(text);
      for (const operation of operationsOf(document)) {
        const opened = await open(document, operation, contextFor(viewer));
        if ('refusal' in opened) return refusalOf(opened.refusal);
      }
      return { kind: 'ACCEPTED', topics: [...new Set(operationsOf(document).map(topicOf))] };
    } catch (error) {
      if (error instanceof GraphQLError) return refusalOf(error);
      throw error;
    }
  };

  const render: RenderWebhook = async ({ viewer, document: text, isLastTry }, batch) => {
    const document = readable(read, text);
    if (document === null) return null;
    const told: RenderedEvent[] = [];
    for (const operation of operationsOf(document)) {
      // what the events of a batch need is loaded together, for this viewer alone
      const context = contextFor(viewer);
      const opened = await open(document, operation, context);
      if ('refusal' in opened) return null;
      told.push(...(await tellEach(opened, topicOf(operation), batch, { context, log, isLastTry })));
    }
    return told.sort((a, b) => Number(a.seq - b.seq));
  };

  return { checkDocument, urlProblem: outgoing.urlProblem, render };
}

type Opened = { readonly args: ValidatedSubscriptionArgs; readonly feed: LiveStream<unknown>['feed'] } | { readonly refusal: GraphQLError };

async function tellEach(
  { args, feed }: Exclude<Opened, { refusal: GraphQLError }>,
  topic: string,
  batch: readonly LiveEvent[],
  { context, log, isLastTry }: { readonly context: Context; readonly log: Log; readonly isLastTry: boolean },
): Promise<RenderedEvent[]> {
  const times = new Map(batch.map(({ seq, occurredAt }) => [seq, occurredAt]));
  return Promise.all(
    (await tellBatch(feed, batch)).map(async ({ seq, root }) => {
      const result = await executeSubscriptionEvent({ ...args, contextValue: context, rootValue: { event: root } });
      const occurredAt = times.get(seq);
      if (occurredAt === undefined) throw new Error('a feed told of an event that it was not given');
      return { seq, topic, occurredAt, result: presented(result, context.requestId, log, isLastTry) };
    }),
  );
}

/** An answer as it is sent. An unexpected failure (a database that is away) is no answer: the events are read again, until the last try. */
function presented({ data, errors }: ExecutionResult, requestId: string, log: Log, isLastTry: boolean): RenderedEvent['result'] {
  if (errors === undefined) return { data };
  const told = errors.map((error) => presentError(error, requestId, log));
  if (!isLastTry && told.some(({ extensions }) => extensions['code'] === 'INTERNAL_SERVER_ERROR'))
    throw new Error('a webhook could not be rendered', { cause: errors[0] });
  return { data, errors: told.map(formatError) };
}

/** The document, or null where a later version of the contract has taken away what it asks: the webhook ends, and its owner sees why. */
function readable(read: (text: string) => DocumentNode, text: string): DocumentNode | null {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof GraphQLError) return null;
    throw error;
  }
}

function refusalOf(error: GraphQLError): CheckedDocument {
  const isOfRights = error.extensions['code'] === 'FORBIDDEN';
  return isOfRights
    ? { kind: 'NOT_ALLOWED', message: error.message }
    : { kind: 'INVALID_INPUT', field: 'document', message: error.message };
}

function operationsOf(document: DocumentNode): OperationDefinitionNode[] {
  return document.definitions.filter((each): each is OperationDefinitionNode => each.kind === Kind.OPERATION_DEFINITION);
}

/** A valid subscription has one root field; in a fragment it would have no name here. */
function topicOf(operation: OperationDefinitionNode): string {
  const [selection] = operation.selectionSet.selections;
  return selection?.kind === Kind.FIELD ? selection.name.value : '';
}

/** Why a valid document is none of a webhook; null when it is one. */
function unfit(document: DocumentNode): string | null {
  const operations = operationsOf(document);
  if (operations.length === 0 || operations.length > SUBSCRIPTIONS_MAX) return `A webhook has 1 to ${SUBSCRIPTIONS_MAX} subscriptions.`;
  for (const operation of operations) {
    if (operation.operation !== 'subscription') return 'A webhook is told by subscriptions: begin with "subscription".';
    if ((operation.variableDefinitions?.length ?? 0) > 0) return 'A stored document has no variables: write the values into it.';
    if (topicOf(operation) === '') return 'Write the field of a subscription itself, not a fragment.';
    const [field] = operation.selectionSet.selections;
    if (field?.kind === Kind.FIELD && field.arguments?.some(({ name }) => name.value === 'after'))
      return 'A webhook has no cursor: it is told of everything from when it was saved.';
  }
  const topics = operations.map(topicOf);
  return new Set(topics).size === topics.length ? null : 'Each subscription stands in a webhook once.';
}

/**
 * A selection that needs more than the right to read. Card keys are the case: they would be revealed by nobody and lie in a stored
 * payload in plain text, so they are refused when the document is saved, whoever saves it.
 */
function secretSelection(schema: GraphQLSchema, document: DocumentNode): string | null {
  const typeInfo = new TypeInfo(schema);
  let found: string | null = null;
  visit(
    document,
    visitWithTypeInfo(typeInfo, {
      Field: (node) => {
        const declared = typeInfo.getFieldDef()?.extensions['pothosOptions'] as { readonly access?: unknown } | undefined;
        const permission = (declared?.access as { readonly permission?: Permission } | undefined)?.permission;
        if (permission !== undefined && !readingPermissions.includes(permission))
          found = `${node.name.value} needs ${permission}: a payload is stored, so nothing secret may stand in it.`;
      },
    }),
  );
  return found;
}
