import {
  createSourceEventStream,
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
import type { Budgets, Cost } from './budget.ts';
import type { Caller, RequestFacts } from './caller.ts';
import { costOf } from './cost.ts';
import { tooMany } from './document-limits.ts';
import { requestError } from './errors.ts';
import { unauthenticated } from './identify.ts';
import type { Limits } from './limits.ts';

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
  subscribe(args: ExecutionArgs): Promise<AsyncGenerator<ExecutionResult, void, void> | ExecutionResult>;
}

/** Makes the engine. */
export function createEngine(options: EngineOptions): Engine {
  const hideSuggestions = !options.introspection;
  return {
    execute: async (given) => {
      const stop = new AbortController();
      const args = validateExecutionArgs({ ...given, hideSuggestions, abortSignal: stop.signal });
      if (isRefused(args)) return { errors: args.map(ofVariables) };
      const admission = admit(args, options);
      if ('errors' in admission) return admission;
      const result = await withinTime(executeRootSelectionSet(args), options.limits, () => stop.abort());
      return { ...result, extensions: { ...result.extensions, cost: admission.cost } };
    },
    subscribe: async (given) => {
      const args = validateSubscriptionArgs({ ...given, hideSuggestions });
      if (isRefused(args)) return { errors: args.map(ofVariables) };
      const admission = admit(args, options);
      if ('errors' in admission) return admission;
      const events = await createSourceEventStream(args);
      return Symbol.asyncIterator in events ? mapSourceToResponseEvent(args, events, (event) => executeEvent(event, options)) : events;
    },
  };
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
