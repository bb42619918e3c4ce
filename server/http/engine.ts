import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  executeRootSelectionSet,
  executeSubscriptionEvent,
  type GraphQLError,
  Kind,
  mapSourceToResponseEvent,
  type SelectionSetNode,
  type ValidatedExecutionArgs,
  type ValidatedSubscriptionArgs,
  validateExecutionArgs,
  validateSubscriptionArgs,
} from 'graphql';
import type { Context } from '#schema/context.ts';
import { type Asked, NotShareable } from '#server/live/fan-out-group.ts';
import { isLiveStream, type LiveStream, type Watched } from '#server/live/live-stream.ts';
import type { Log } from '#server/platform/log.ts';
import type { Budgets, Cost } from './budget.ts';
import type { Caller, RequestFacts } from './caller.ts';
import { costOf } from './cost.ts';
import { documentKey } from './document-key.ts';
import { tooMany } from './document-limits.ts';
import { formatResult, presentResult, requestError } from './errors.ts';
import { unauthenticated } from './identify.ts';
import type { Limits } from './limits.ts';
import { createSharedExecution, type Rooted, type SharedExecution } from './shared-execution.ts';
import { type Asker, type Guard, guard, visibilityClass } from './visibility.ts';

/** A resolver's context, with the caller beside it for the engine. */
export type OperationContext = Context & { readonly caller: Caller };

/** What the engine runs with. */
export interface EngineOptions {
  readonly limits: Limits;
  readonly budgets: Budgets;
  /** Makes a resolver's context; asked again for every event of a subscription. */
  readonly context: (facts: RequestFacts) => Context;
  /** Root fields that nobody in particular may ask. */
  readonly publicFields: ReadonlySet<string>;
  readonly introspection: boolean;
}

/** Runs operations of validated documents, whichever transport they came by: rights of nobody, cost, time. */
export interface Engine {
  execute(args: ExecutionArgs): Promise<ExecutionResult>;
  /** Opens a subscription: the answer that refuses it, events that are told to this subscriber alone, or what it may share. */
  subscribe(args: ExecutionArgs): Promise<ExecutionResult | AsyncIterableIterator<ExecutionResult> | Shareable>;
}

/** A subscription that was let in, and is told by the fan-out from then on. */
export interface Shareable extends Asked {
  /** The same for another visibility: its subscriber's rights have changed, or its answers depend on the very person. */
  readonly as: (asker: Asker) => Shareable;
}

/** Makes the engine. */
export function createEngine(options: EngineOptions): Engine {
  const hideSuggestions = !options.introspection;
  const together = createSharedExecution();
  return {
    execute: async (given) => {
      const stop = new AbortController();
      const args = validateExecutionArgs({ ...given, hideSuggestions, abortSignal: stop.signal });
      if (isRefused(args)) return { errors: args.map(ofVariables) };
      const admission = admit(args, options);
      if ('errors' in admission) return admission;
      const result = await withinTime(executeRootSelectionSet(args), options.limits, () => stop.abort());
      letGo(args);
      return { ...result, extensions: { ...result.extensions, cost: admission.cost } };
    },
    subscribe: async (given) => {
      const args = validateSubscriptionArgs({ ...given, hideSuggestions });
      if (isRefused(args)) return { errors: args.map(ofVariables) };
      const admission = admit(args, options);
      if ('errors' in admission) return admission;
      return open(args, { document: given.document, variables: given.variableValues ?? {} }, { ...options, together });
    },
  };
}

/**
 * An operation that has ended holds nothing of its request any more. The executor writes a function into a property, and V8 makes such
 * a function in its old generation: until the next full collection it keeps the executor and all that it sees, which every small
 * collection would copy. Whatever is still under way ends without looking here.
 */
function letGo(args: ValidatedExecutionArgs): void {
  Object.assign(args, { rootValue: undefined, contextValue: undefined, variableValues: undefined, rawVariableValues: undefined });
}

type Sent = { readonly document: DocumentNode; readonly variables: Readonly<Record<string, unknown>> };

type SharingOptions = EngineOptions & { readonly together: SharedExecution };

/** Documents whose answers were found to depend on the very person. */
const byActor = new WeakSet<DocumentNode>();
/** Documents whose answers were found to depend on the party in a way that its reads don't tell. */
const byParty = new WeakSet<DocumentNode>();

async function open(
  args: ValidatedSubscriptionArgs,
  sent: Sent,
  options: SharingOptions,
): Promise<ExecutionResult | AsyncIterableIterator<ExecutionResult> | Shareable> {
  const { caller } = args.contextValue as OperationContext;
  const { viewer, person } = caller.facts;
  const watcher = viewer === null || byActor.has(sent.document) ? null : guard({ viewer, person });
  // what the stream is made from is shared as much as its answers, so it sees no more
  const events = await createSourceEventStream(
    watcher === null ? args : { ...args, contextValue: guarded(watcher, caller.facts, options) },
  );
  if (watcher?.tripped()) {
    byActor.add(sent.document);
    return open(args, sent, options);
  }
  if (!(Symbol.asyncIterator in events)) return events;
  if (viewer !== null && isLiveStream(events)) return shareable(args, sent, events, { viewer, person }, options);
  watcher?.lift();
  return mapSourceToResponseEvent(args, events, (event) => executeEvent(event, options));
}

function shareable(
  args: ValidatedSubscriptionArgs,
  sent: Sent,
  stream: LiveStream<unknown>,
  asker: Asker,
  options: SharingOptions,
): Shareable {
  const { requestId, log } = (args.contextValue as OperationContext).caller.facts;
  // a group outlives who came first: nothing of that request is kept
  const shared = { args: { ...args, contextValue: undefined }, sent, stream, requestId, log, options };
  return share({ ...shared, documentKey: documentKey(sent.document, args, sent.variables) }, asker);
}

type Shared = {
  readonly documentKey: string;
  readonly args: ValidatedSubscriptionArgs;
  readonly sent: Sent;
  readonly stream: LiveStream<unknown>;
  readonly requestId: string;
  readonly log: Log;
  readonly options: SharingOptions;
};

function share(shared: Shared, asker: Asker): Shareable {
  const { documentKey, sent, stream } = shared;
  // the key and the execution must agree on who is behind it, whatever is found out in between
  const isByActor = byActor.has(sent.document);
  return {
    key: `${documentKey} ${visibilityClass(asker, isByActor)}`,
    stream,
    render: async (roots, upTo) => {
      const answers = isByActor || upTo === undefined ? null : await executeTogether(shared, asker, roots, upTo);
      return answers ?? executeForMany(shared, asker, isByActor, roots);
    },
    as: (changed) => share(shared, changed),
  };
}

/** Executes once for all parties that see the same of these events; null when the very person was looked at. */
async function executeTogether(
  shared: Shared,
  asker: Asker,
  roots: readonly Watched<unknown>[],
  upTo: bigint,
): Promise<readonly Buffer[] | null> {
  const { documentKey, args, sent, options } = shared;
  const events = roots.flatMap((root) => ('event' in root ? [root as Rooted] : []));
  if (events.length < roots.length) return null;
  const facts = factsOf(shared, asker);
  const open = () => {
    const watcher = guard(asker);
    // the property stays with those that are made from it
    return { guard: watcher, own: Object.assign(guarded(watcher, facts, options), { isOneOfMany: true }) };
  };
  const execute = async (rootValue: unknown, contextValue: Context) =>
    withinTime(executeSubscriptionEvent({ ...args, rootValue, contextValue }), options.limits, () => undefined);
  const asked = {
    documentKey,
    viewer: asker.viewer,
    open,
    execute,
    isBlind: () => byParty.has(sent.document),
    noteBlind: () => void byParty.add(sent.document),
    textOf: (result: ExecutionResult) => textOf(result, facts),
  };
  return options.together.answer(asked, events, upTo);
}

/** Executes for all who share the party and its rights, or are one person: once for each event, together, from nothing that was loaded before, and seen by nobody in particular. */
async function executeForMany(
  shared: Shared,
  asker: Asker,
  isByActor: boolean,
  roots: readonly Watched<unknown>[],
): Promise<readonly Buffer[]> {
  const { args, sent, options } = shared;
  const facts = factsOf(shared, asker);
  const watcher = isByActor ? null : guard(asker);
  const contextValue = watcher === null ? options.context(facts) : guarded(watcher, facts, options);
  const execute = (rootValue: unknown) =>
    withinTime(executeSubscriptionEvent({ ...args, rootValue, contextValue }), options.limits, () => undefined);
  const results = await Promise.all(roots.map(execute));
  if (watcher?.tripped()) {
    byActor.add(sent.document);
    throw new NotShareable();
  }
  return results.map((result) => Buffer.from(textOf(result, facts)));
}

function factsOf({ requestId, log }: Shared, asker: Asker): RequestFacts {
  return { ...asker, requestId, log, revalidate: async () => asker.viewer };
}

function textOf(result: ExecutionResult, facts: RequestFacts): string {
  return JSON.stringify(formatResult(presentResult(result, { facts })));
}

function guarded(watcher: Guard, facts: RequestFacts, options: EngineOptions): Context {
  return watcher.into(options.context({ ...facts, viewer: watcher.viewer, person: null, revalidate: async () => watcher.viewer }));
}

/** Each event is answered to who the caller is by now, from nothing that an earlier event has loaded. */
async function executeEvent(args: ValidatedSubscriptionArgs, options: EngineOptions): Promise<ExecutionResult> {
  const before = args.contextValue as OperationContext;
  const { caller } = before;
  const viewer = await caller.facts.revalidate();
  if (viewer === null && caller.facts.viewer !== null) return { errors: [unauthenticated()] };
  const contextValue: OperationContext = { ...before, ...options.context({ ...caller.facts, viewer }) };
  return withinTime(executeSubscriptionEvent({ ...args, contextValue }), options.limits, () => undefined);
}

function isRefused(args: readonly GraphQLError[] | ValidatedExecutionArgs): args is readonly GraphQLError[] {
  return Array.isArray(args);
}

/** Variables that do not fit: the request's fault, told before anything ran. */
function ofVariables(error: GraphQLError): GraphQLError {
  return requestError('BAD_USER_INPUT', error.message, { status: 400, ofDocument: true });
}

type Admission = { readonly cost: Cost } | { readonly errors: readonly GraphQLError[]; readonly extensions?: { readonly cost: Cost } };

function admit(args: ValidatedExecutionArgs, { limits, budgets, publicFields }: EngineOptions): Admission {
  const { caller } = args.contextValue as OperationContext;
  const isNobody = caller.identity.viewer === null && caller.identity.person === null;
  if (isNobody && asksBeyond(publicFields, args.operation.selectionSet, args)) return { errors: [unauthenticated()] };
  const requested = costOf(args);
  const tooDear = tooMany('COST_LIMIT', 'points of cost', requested, limits.documentCost);
  if (tooDear !== null) return { errors: [tooDear] };
  const charge = budgets.charge(caller.budgetName, requested);
  if (charge.granted) return { cost: charge.cost };
  return { errors: [throttled(charge.retryAfterSeconds)], extensions: { cost: charge.cost } };
}

function throttled(retryAfterSeconds: number): GraphQLError {
  const message = `You have used up what you may ask for now. Try again in ${retryAfterSeconds} s.`;
  return requestError('THROTTLED', message, {
    status: 429,
    headers: { 'Retry-After': String(retryAfterSeconds) },
    facts: { retryAfterSeconds },
  });
}

function asksBeyond(allowed: ReadonlySet<string>, selections: SelectionSetNode, args: ValidatedExecutionArgs): boolean {
  return selections.selections.some((selection) => {
    if (selection.kind === Kind.FIELD) return !selection.name.value.startsWith('__') && !allowed.has(selection.name.value);
    const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : args.fragmentDefinitions[selection.name.value];
    return fragment !== undefined && asksBeyond(allowed, fragment.selectionSet, args);
  });
}

/**
 * Answers after the time that an operation may take, whatever it still does: resolvers of a query are told to stop, a mutation that
 * has begun may yet take effect, and its request key will tell.
 */
async function withinTime(
  execution: PromiseLike<ExecutionResult> | ExecutionResult,
  limits: Limits,
  stop: () => void,
): Promise<ExecutionResult> {
  if (!('then' in execution)) return execution;
  const { promise: timeIsUp, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), limits.executionMilliseconds);
  try {
    const result = await Promise.race([execution, timeIsUp]);
    if (result !== null) return result;
    // stopping makes the abandoned execution reject; this answer is the one that tells
    execution.then(undefined, () => undefined);
    stop();
    return { errors: [tookTooLong(limits)] };
  } finally {
    clearTimeout(timer);
  }
}

function tookTooLong({ executionMilliseconds }: Limits): GraphQLError {
  const message = `This took longer than ${executionMilliseconds} ms. A change may still take effect: send it again with the same request key.`;
  return requestError('EXECUTION_TIMEOUT', message, { status: 503, facts: { executionMilliseconds } });
}
