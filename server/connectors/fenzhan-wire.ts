import type { ConnectorGround, RejectedReason, UpstreamAccount, WireRecord } from './connector.ts';
import { fieldOf, itemsOf, type JsonValue, textOf } from './json.ts';
import { callForJson, refusedResult, type WireDocument, type WireReply } from './wire.ts';

// How another Fenzhan is asked over HTTP, and how its errors are told apart.

/** Codes of errors that are told before anything ran. */
export const NOTHING_RAN: Readonly<Record<string, RejectedReason>> = {
  UNAUTHENTICATED: 'ACCOUNT_REFUSED',
  FORBIDDEN: 'ACCOUNT_REFUSED',
  THROTTLED: 'OTHER',
  BAD_USER_INPUT: 'INPUT_REFUSED',
  GRAPHQL_PARSE_FAILED: 'OTHER',
  GRAPHQL_VALIDATION_FAILED: 'OTHER',
  COST_LIMIT: 'OTHER',
};

/** Sends one document of the contract. */
export function sendToFenzhan(
  ground: ConnectorGround,
  account: UpstreamAccount,
  query: string,
  variables: object,
  answerBytes?: number,
): Promise<WireReply> {
  const apiKey = account.settings['api_key'] ?? '';
  return callForJson(ground, {
    url: `${account.baseUrl}/graphql`,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ query, variables }),
    secrets: [apiKey],
    // errors of the transport come as JSON with a status of their own
    isAnswerStatus: (status) => status === 200 || (status >= 400 && status < 500),
    ...(answerBytes === undefined ? {} : { answerBytes }),
  });
}

/** The first error of an answer, by its code; null where there is none. */
export function errorIn({ json, tell }: WireDocument): { readonly code: string; readonly message: string } | null {
  const first = itemsOf(fieldOf(json, 'errors'))?.[0];
  if (first === undefined) return null;
  const code = textOf(fieldOf(fieldOf(first, 'extensions'), 'code')) ?? '';
  return { code, message: tell(`${code}: ${textOf(fieldOf(first, 'message')) ?? ''}`) };
}

/** What a field of the query brought; null where it brought nothing. */
export function dataOf(reply: WireDocument, field: string): JsonValue {
  return fieldOf(fieldOf(reply.json, 'data'), field) ?? null;
}

/** Why a call about the account or the catalogue was not answered. */
export function unanswered(reply: WireDocument, wire: readonly WireRecord[]) {
  const error = errorIn(reply);
  return refusedResult(NOTHING_RAN[error?.code ?? ''] ?? 'CONTRADICTION', error?.message ?? 'The answer is not of the contract.', wire);
}
