import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Log } from '#server/platform/log.ts';

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
  log.error(
    { requestId, err: causeOf(error), path: error instanceof GraphQLError ? error.path?.join('.') : undefined },
    'an operation failed unexpectedly',
  );
  const location = error instanceof GraphQLError ? { nodes: error.nodes, path: error.path } : {};
  return new GraphQLError('Something went wrong on our side. Tell us the request id.', {
    ...location,
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId, http: { status: 500 } },
  });
}

/** An error as it stands in an answer: without what is meant for the transport alone. */
export function formatError(error: GraphQLError): GraphQLFormattedError {
  const { http: _, ...extensions } = error.extensions;
  return { ...error.toJSON(), extensions };
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
