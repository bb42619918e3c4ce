import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { DocumentNode, ExecutionResult, FormattedExecutionResult, GraphQLSchema } from 'graphql';
import type { Caller } from './caller.ts';
import type { Documents } from './documents.ts';
import type { Engine, EngineOptions, OperationContext } from './engine.ts';
import { formatResult, httpOf, presentResult } from './errors.ts';

/** What a request came to on the short way: answered; executed, but with errors whose telling is Yoga's; or not begun. */
export type ShortAnswer =
  | { readonly kind: 'SENT' }
  | { readonly kind: 'EXECUTED'; readonly executed: ExecutionResult }
  | { readonly kind: 'NOT_TAKEN' };

/** Takes what it can. */
export type ShortWay = (
  request: { headers: IncomingHttpHeaders; body: string; caller: Caller },
  response: ServerResponse,
) => Promise<ShortAnswer>;

/** Accept headers of programs that are answered in one piece, with the media type that Yoga would choose. */
const ANSWERED_AS = new Map([
  ['*/*', 'application/json'],
  ['application/json', 'application/json'],
  ['application/graphql-response+json', 'application/graphql-response+json'],
]);
const JSON_TYPES: ReadonlySet<string | undefined> = new Set([
  'application/json',
  'application/json; charset=utf-8',
  'application/json;charset=utf-8',
]);
const PARAMETERS: ReadonlySet<string> = new Set(['query', 'variables', 'operationName']);

/**
 * The short way through HTTP for what programs send all day: a POST of JSON whose document has been parsed and found valid
 * before. The same engine executes it (rights, cost, time) on the same schema; what is left out is Yoga's plugin layer, which
 * costs several times as much as the execution. Anything else, and every answer with errors but for one that the budget refuses, goes
 * Yoga's way.
 */
export function createShortWay(schema: GraphQLSchema, engine: Engine, documents: Documents, options: EngineOptions): ShortWay {
  return async ({ headers, body, caller }, response) => {
    const type = ANSWERED_AS.get(headers.accept ?? '*/*');
    if (type === undefined || !JSON_TYPES.has(headers['content-type'])) return NOT_TAKEN;
    const asked = readParameters(body, documents);
    if (asked === null) return NOT_TAKEN;
    const contextValue: OperationContext = { ...options.context(caller.facts), caller };
    const executed = await engine.execute({ schema, ...asked, contextValue });
    const answer = answerOf(executed, caller);
    if (answer === null) return { kind: 'EXECUTED', executed };
    const text = JSON.stringify(answer.body);
    // a text, unlike bytes, goes out in one piece with the head
    response
      .writeHead(answer.status, { ...answer.headers, 'Content-Type': `${type}; charset=utf-8`, 'Content-Length': Buffer.byteLength(text) })
      .end(text);
    return SENT;
  };
}

type Whole = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: FormattedExecutionResult };

/** The whole answer, or null when its errors are Yoga's to tell. Who floods is refused for its cost all day: telling that must be cheap. */
function answerOf(executed: ExecutionResult, { facts }: Caller): Whole | null {
  const [refusal] = executed.errors ?? [];
  if (refusal === undefined) return { status: 200, headers: {}, body: executed };
  if (refusal.extensions['code'] !== 'THROTTLED' || 'data' in executed) return null;
  return { ...httpOf(refusal), body: formatResult(presentResult(executed, { facts })) };
}

const NOT_TAKEN = { kind: 'NOT_TAKEN' } as const;
const SENT = { kind: 'SENT' } as const;

type Parameters = { document: DocumentNode; variableValues?: Record<string, unknown>; operationName?: string };

/** The parameters of a request whose document is known; null when anything about them is unusual. */
function readParameters(body: string, documents: Documents): Parameters | null {
  const sent = parseObject(body);
  if (sent === null || !Object.keys(sent).every((name) => PARAMETERS.has(name))) return null;
  const { query, variables, operationName } = sent;
  const document = typeof query === 'string' ? documents.approved(query) : undefined;
  if (document === undefined) return null;
  if (variables !== undefined && variables !== null && !isObject(variables)) return null;
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') return null;
  return { document, ...(variables && { variableValues: variables }), ...(operationName && { operationName }) };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    // Yoga says what is wrong with it
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
