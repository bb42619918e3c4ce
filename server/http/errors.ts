import { type ExecutionResult, type FormattedExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import { type MetBound, metBound } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import type { RequestFacts } from './caller.ts';

/** How an error of the transport is answered. */
export interface ErrorOptions {
  /** HTTP status. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Facts that a program can act on. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** An error of the document itself: with `Accept: application/json` it is answered 200, as GraphQL over HTTP asks. */
  readonly ofDocument?: boolean;
}

/** An error that is told as it is: authentication, rights, limits. */
export function requestError(code: string, message: string, options: ErrorOptions): GraphQLError {
  const { status, headers, facts, ofDocument } = options;
  return new GraphQLError(message, {
    extensions: { code, ...facts, http: { status, ...(headers && { headers }), ...(ofDocument && { spec: true }) } },
  });
}

/** The parts of an HTTP answer that an error asks for. */
export function httpOf(error: GraphQLError): { status: number; headers: Readonly<Record<string, string>> } {
  const http = error.extensions['http'] as { status?: number; headers?: Record<string, string> } | undefined;
  return { status: http?.status ?? 400, headers: http?.headers ?? {} };
}

/**
 * What the client is told of an error: always a code and the request's id. What nobody meant to tell (a bug, a database's
 * complaint, a value that does not fit its type) is logged with that id and masked.
 */
export function presentError(error: unknown, requestId: string, log: Log): GraphQLError {
  if (error instanceof GraphQLError && isMeant(error)) {
    const { code, ...extensions } = error.extensions;
    return new GraphQLError(error.message, {
      nodes: error.nodes,
      source: error.source,
      positions: error.positions,
      path: error.path,
      extensions: { code: code ?? usualCode(error), ...extensions, requestId },
    });
  }
  const bound = metBound(causeOf(error));
  const location = error instanceof GraphQLError ? { nodes: error.nodes, path: error.path } : {};
  if (bound !== null) {
    log.warn({ requestId, bound, path: error instanceof GraphQLError ? error.path?.join('.') : undefined }, 'the database took too long');
    return new GraphQLError(OF_BOUND[bound], {
      ...location,
      extensions: { code: bound, retryAfterSeconds: RETRY_AFTER_SECONDS, requestId, http: { status: 503 } },
    });
  }
  log.error(
    { requestId, err: causeOf(error), path: error instanceof GraphQLError ? error.path?.join('.') : undefined },
    'an operation failed unexpectedly',
  );
  return new GraphQLError('Something went wrong on our side. Tell us the request id.', {
    ...location,
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId, http: { status: 500 } },
  });
}

const RETRY_AFTER_SECONDS = 1;
const AGAIN = 'A change is safe to send again with the same request key.';
/** What a client is told when a bound of the database ended its request: what to do, and nothing of the statement. */
const OF_BOUND: Readonly<Record<MetBound, string>> = {
  STATEMENT_TIMEOUT: `This took the database too long. Ask for less: fewer rows, a shorter range, a narrower filter. ${AGAIN}`,
  LOCK_TIMEOUT: `Others are changing the same just now. Try again in a moment. ${AGAIN}`,
  NO_CONNECTION: `Too much is being read just now. Try again in a moment. ${AGAIN}`,
};
/** Errors of ours, not of the request: beside data they do not make an answer a failure. */
const OURS: ReadonlySet<unknown> = new Set(['INTERNAL_SERVER_ERROR', ...Object.keys(OF_BOUND)]);

/** Whether an error that was presented is the server's fault. */
function isOurs(error: GraphQLError): boolean {
  return OURS.has(error.extensions['code']);
}

/** An error as it stands in an answer: without what is meant for the transport alone. */
export function formatError(error: GraphQLError): GraphQLFormattedError {
  const { http: _, ...extensions } = error.extensions;
  return { ...error.toJSON(), extensions };
}

/** An answer with its errors as the client is told them. */
export function presentResult(
  result: ExecutionResult,
  { facts }: { readonly facts: Pick<RequestFacts, 'requestId' | 'log'> },
): ExecutionResult {
  if (result.errors === undefined || result.errors.length === 0) return result;
  const errors = result.errors.map((error) => presentError(error, facts.requestId, facts.log));
  // beside data an answer is a success to HTTP, whatever one of its fields met
  return { ...result, errors: 'data' in result ? errors.map(withoutUnexpectedStatus) : errors };
}

function withoutUnexpectedStatus(error: GraphQLError): GraphQLError {
  if (!isOurs(error)) return error;
  const { http: _, ...extensions } = error.extensions;
  return new GraphQLError(error.message, { nodes: error.nodes, path: error.path, extensions });
}

/** An answer as it stands in JSON. */
export function formatResult({ errors, ...rest }: ExecutionResult): FormattedExecutionResult {
  return errors === undefined ? rest : { ...rest, errors: errors.map(formatError) };
}

/** Meant for the client: it carries a code, or comes from the document before any resolver ran. */
function isMeant(error: GraphQLError): boolean {
  const cause = causeOf(error);
  if (cause !== error && !(cause instanceof GraphQLError)) return false;
  if (error.extensions['code'] !== undefined) return true;
  // while a field is completed, graphql-js itself complains about values, and repeats them: located at a field
  return error.path === undefined || error.nodes?.[0]?.kind !== 'Field';
}

function causeOf(error: unknown): unknown {
  let cause: unknown = error;
  while (cause instanceof GraphQLError && cause.originalError !== undefined) cause = cause.originalError;
  return cause;
}

function usualCode(error: GraphQLError): string {
  return error.message.startsWith('Syntax Error') ? 'GRAPHQL_PARSE_FAILED' : 'BAD_USER_INPUT';
}
