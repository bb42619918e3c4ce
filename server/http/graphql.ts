import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  parse,
} from 'graphql';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import { type Caller } from './caller.ts';
import { documentLimitsRule } from './document-limits.ts';
import { boundedCache, type Documents } from './documents.ts';
import type { Engine, EngineOptions, OperationContext, Shareable } from './engine.ts';
import { presentResult, requestError } from './errors.ts';
import type { Limits } from './limits.ts';

/** What a transport hands over with a request. `executed`: what it came to, when only the answer is left to be made. */
export type ServerContext = { readonly caller: Caller; readonly executed?: ExecutionResult; readonly shared: SharedStream };

/** Where a subscription is left that the fan-out tells; what Yoga answers then is only its head. */
export type SharedStream = { shareable: Shareable | null };

/** GraphQL over HTTP and SSE: media types, methods, parsing, validation. What runs is the engine's business. */
export type Graphql = YogaServerInstance<ServerContext, OperationContext>;

/** Makes it of a schema. */
export function createGraphql(schema: GraphQLSchema, engine: Engine, documents: Documents, options: EngineOptions): Graphql {
  return createYoga<ServerContext, OperationContext>({
    schema,
    context: ({ caller }) => ({ ...options.context(caller.facts), caller }),
    plugins: [engineAndLimits(engine, documents, options)],
    parserAndValidationCache: { documentCache: documents, errorCache: boundedCache<unknown>() },
    graphqlEndpoint: '/graphql',
    // bodies are limited before they get here, by who sends them
    maxRequestBodySize: false,
    // errors are presented by us, with the request's id
    maskedErrors: false,
    logging: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    batching: false,
    cors: false,
  });
}

function engineAndLimits(
  engine: Engine,
  documents: Documents,
  { limits, introspection }: EngineOptions,
): Plugin<OperationContext, ServerContext> {
  const rule = documentLimitsRule(limits);
  return {
    onParse: ({ setParseFn }) => setParseFn((source, parseOptions) => parseWithin(limits, source, parseOptions)),
    onValidate: ({ addValidationRule, params }) => {
      addValidationRule(rule);
      if (!introspection) addValidationRule(NoSchemaIntrospectionCustomRule);
      return ({ valid }) => {
        if (valid) documents.approve(params.documentAST);
      };
    },
    onExecute: ({ args, setExecuteFn }) => {
      const { executed } = args.contextValue as unknown as ServerContext;
      setExecuteFn(executed === undefined ? engine.execute : () => executed);
    },
    onSubscribe: ({ setSubscribeFn, args }) => {
      const { shared } = args.contextValue as unknown as ServerContext;
      setSubscribeFn(async (given: ExecutionArgs) => {
        const answer = await engine.subscribe(given);
        if (!('key' in answer)) return answer;
        shared.shareable = answer;
        return nothing();
      });
    },
    onResultProcess: ({ result, setResult, serverContext }) => {
      const present = (each: ExecutionResult) => presentResult(each, serverContext.caller);
      if (Symbol.asyncIterator in result) setResult(presentEach(result as AsyncIterable<ExecutionResult>, present));
      else if (!Array.isArray(result)) setResult(present(result as ExecutionResult));
    },
  };
}

async function* nothing(): AsyncGenerator<never, void, undefined> {}

function parseWithin({ tokens }: Limits, source: Parameters<typeof parse>[0], options: Parameters<typeof parse>[1]): DocumentNode {
  try {
    return parse(source, { ...options, maxTokens: tokens });
  } catch (error) {
    if (!(error instanceof GraphQLError) || !error.message.includes('tokens. Parsing aborted')) throw error;
    throw requestError('TOKEN_LIMIT', `A document may have at most ${tokens} tokens.`, {
      status: 400,
      facts: { limit: tokens },
      ofDocument: true,
    });
  }
}

/** No generator: `return` must reach a source that waits for an event which may never come. */
function presentEach(
  results: AsyncIterable<ExecutionResult>,
  present: (result: ExecutionResult) => ExecutionResult,
): AsyncIterableIterator<ExecutionResult> {
  const source = results[Symbol.asyncIterator]();
  const presented = (next: IteratorResult<ExecutionResult>) => (next.done ? next : { done: false, value: present(next.value) });
  return {
    next: async () => presented(await source.next()),
    return: async () => presented((await source.return?.()) ?? { done: true, value: undefined }),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
