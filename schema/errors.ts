import { GraphQLError } from 'graphql';
import type { Permission } from '#server/accounts/rules.ts';

// Top-level errors are for syntax, rights, limits and bugs; what a business rule refuses is data (refusals.ts).

/** Nobody is signed in: HTTP 401. */
export function unauthenticated(): GraphQLError {
  return new GraphQLError('Sign in, or send an API key.', { extensions: { code: 'UNAUTHENTICATED', http: { status: 401 } } });
}

/** The right is missing; names the permission (the scope of an API key) that would be needed. */
export function forbidden(permission: Permission): GraphQLError {
  return new GraphQLError(`This needs the permission ${permission}.`, { extensions: { code: 'FORBIDDEN', permission } });
}

/** The party that acts is of the wrong kind, or none was chosen. */
export function wrongParty(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'FORBIDDEN' } });
}

/** An argument that no query can answer: a page of 101, a cursor of another list. */
export function badInput(argument: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', argument } });
}
