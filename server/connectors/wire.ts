import { type OutgoingAnswer, OutgoingFailure, type OutgoingFailureReason } from '#server/platform/outgoing.ts';
import {
  type ConnectorGround,
  type RejectedReason,
  type UnknownReason,
  type UpstreamOutcome,
  type UpstreamReply,
  type UpstreamResult,
  WIRE_ANSWER_CHARACTERS,
  type WireRecord,
} from './connector.ts';
import { type JsonValue, parseJson } from './json.ts';

/** One call to an upstream that answers with JSON. */
export interface WireCall {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What must not be kept, wherever it turns up: the account's secrets, and signatures that could be sent again. */
  readonly secrets: readonly string[];
  /** More than this is no answer; `PURCHASE_ANSWER_BYTES` where it is left out. */
  readonly answerBytes?: number;
  /** Statuses whose JSON is an answer of the protocol; every other one is none, whatever it holds. Only 200 where it is left out. */
  readonly isAnswerStatus?: (status: number) => boolean;
}

/** What came of a call: a document, or why there is none. */
export type WireReply = WireDocument | WireFailure;

/** A document that is JSON. Nothing of what it says has been looked at. */
export interface WireDocument {
  readonly kind: 'JSON';
  readonly status: number;
  readonly json: JsonValue;
  readonly wire: WireRecord;
  /** A text of the upstream made fit to be shown and kept: secrets out, no control characters, at most 200 characters. */
  readonly tell: (text: string) => string;
}

/** No document came. */
export interface WireFailure {
  readonly kind: 'FAILED';
  readonly reason: UnknownReason;
  readonly message: string;
  /** Nothing of this call can have arrived: no connection ever stood. */
  readonly neverLeft: boolean;
  readonly wire: WireRecord;
}

/** An answer to a purchase: 5,000 keys of 200 characters. */
export const PURCHASE_ANSWER_BYTES = 1024 * 1024;
/** A catalogue, or a page of one. */
export const CATALOGUE_ANSWER_BYTES = 16 * 1024 * 1024;

/** An answer may hold one value for so many bytes of what it may be long: 26,000 in a purchase's. */
const BYTES_OF_A_VALUE = 40;
const MESSAGE_CHARACTERS = 200;
const HIDDEN = '***';

/**
 * Sends one call and reads a JSON document out of the answer; never throws for what the other side does. Redirects, server errors,
 * answers that are too long, not JSON by their content type, in an encoding that they are not in, or compressed without being
 * asked, bring no document. `outgoing` bounds it in time; nothing is sent twice.
 */
export async function callForJson(ground: ConnectorGround, call: WireCall): Promise<WireReply> {
  const started = performance.now();
  const hide = hider(call.secrets);
  const recorded = (status: number | null, answer: string): WireRecord => ({
    url: hide(call.url),
    request: hide(call.body ?? ''),
    status,
    answer: hide(answer.replaceAll('\0', '')).slice(0, WIRE_ANSWER_CHARACTERS),
    durationMs: Math.round(performance.now() - started),
  });
  const answerBytes = call.answerBytes ?? PURCHASE_ANSWER_BYTES;
  const isAnswerStatus = call.isAnswerStatus ?? ((status) => status === 200);
  try {
    const answer = await ground.outgoing.send({
      url: call.url,
      method: call.method,
      headers: { accept: 'application/json', 'accept-encoding': 'identity', ...call.headers },
      ...(call.body === undefined ? {} : { body: call.body }),
      answerBytes,
    });
    const reading = readAnswer(answer, isAnswerStatus, Math.floor(answerBytes / BYTES_OF_A_VALUE));
    const wire = recorded(answer.status, reading.text);
    if (reading.kind === 'FAILED') return { kind: 'FAILED', reason: reading.reason, message: reading.message, neverLeft: false, wire };
    return { kind: 'JSON', status: answer.status, json: reading.json, wire, tell: (text) => presentable(hide(text)) };
  } catch (error) {
    if (!(error instanceof OutgoingFailure)) throw error;
    return { ...FAILURES[error.reason], kind: 'FAILED', neverLeft: !error.mayHaveArrived, wire: recorded(null, '') };
  }
}

/**
 * A purchase whose call brought no document. Only a call that never left, and was the first under its key, is a refusal; whatever may
 * have arrived, and every repeat of something that may have, is UNKNOWN (domain §6).
 */
export function failedPurchase(failure: WireFailure, isFirstTry: boolean, before: readonly WireRecord[] = []): UpstreamReply {
  const { reason, message, neverLeft } = failure;
  const outcome: UpstreamOutcome =
    neverLeft && isFirstTry ? { kind: 'REJECTED', reason: 'NOT_SENT', message, upstreamRef: null } : { kind: 'UNKNOWN', reason, message };
  return { outcome, wire: [...before, failure.wire] };
}

/** A call about the account or the catalogue that brought no document. */
export function failedResult(failure: WireFailure, before: readonly WireRecord[] = []): UpstreamResult<never> {
  const { reason, message, neverLeft } = failure;
  return { kind: 'FAILED', reason: neverLeft ? 'NOT_SENT' : reason, message, wire: [...before, failure.wire] };
}

/** A call about the account or the catalogue that the upstream refused. */
export function refusedResult(reason: RejectedReason | UnknownReason, message: string, wire: readonly WireRecord[]): UpstreamResult<never> {
  return { kind: 'FAILED', reason, message, wire };
}

/** An answer that cannot be believed: it holds together with nothing that the protocol knows. */
export function contradiction(message: string, wire: readonly WireRecord[]): UpstreamReply {
  return { outcome: { kind: 'UNKNOWN', reason: 'CONTRADICTION', message }, wire };
}

const FAILURES: Readonly<Record<OutgoingFailureReason, { readonly reason: UnknownReason; readonly message: string }>> = {
  URL_NOT_ALLOWED: { reason: 'CONNECTION_FAILED', message: 'The address may not be called.' },
  ADDRESS_NOT_ALLOWED: { reason: 'CONNECTION_FAILED', message: 'The host’s address is not a public one.' },
  NAME_NOT_FOUND: { reason: 'CONNECTION_FAILED', message: 'The host’s name does not exist.' },
  CONNECT_TIMEOUT: { reason: 'TIMEOUT', message: 'No connection stood in time.' },
  TOTAL_TIMEOUT: { reason: 'TIMEOUT', message: 'The answer did not come, or did not end, in time.' },
  CONNECTION_FAILED: { reason: 'CONNECTION_FAILED', message: 'The connection was refused or broke.' },
  TLS_FAILED: { reason: 'TLS_FAILED', message: 'The certificate is not theirs, or is not valid.' },
  NO_HTTP: { reason: 'NOT_READABLE', message: 'What answered speaks no HTTP, or sends headers without end.' },
};

type Reading =
  | { readonly kind: 'JSON'; readonly json: JsonValue; readonly text: string }
  | { readonly kind: 'FAILED'; readonly reason: UnknownReason; readonly message: string; readonly text: string };

function readAnswer(
  { status, headers, body, isCut }: OutgoingAnswer,
  isAnswerStatus: (status: number) => boolean,
  valuesMost: number,
): Reading {
  const contentType = String(headers['content-type'] ?? '');
  const decoded = decodedText(body, contentType);
  // a person may read what no program can
  const text = decoded ?? body.subarray(0, WIRE_ANSWER_CHARACTERS).toString('utf8');
  const failed = (reason: UnknownReason, message: string): Reading => ({ kind: 'FAILED', reason, message, text });
  if (status >= 300 && status < 400) return failed('REDIRECT', `It redirects (${status}); no redirect is followed.`);
  if (!isAnswerStatus(status)) return failed('HTTP_STATUS', `It answered with status ${status}.`);
  if (isCut) return failed('ANSWER_TOO_LONG', 'The answer is longer than any that the protocol knows.');
  if (!/^(application|text)\/(\S+\+)?json\s*(;|$)/i.test(contentType)) return failed('WRONG_CONTENT_TYPE', 'The answer is not JSON.');
  if (String(headers['content-encoding'] ?? 'identity') !== 'identity') return failed('NOT_READABLE', 'The answer is compressed, unasked.');
  if (decoded === null) return failed('NOT_READABLE', 'The answer is not in the encoding that it names.');
  const json = parseJson(decoded, valuesMost);
  return json === undefined ? failed('NOT_READABLE', 'The answer is no JSON.') : { kind: 'JSON', json, text };
}

/** The text in the encoding that its content type names, UTF-8 where it names none; null when it is not in it. */
function decodedText(body: Buffer, contentType: string): string | null {
  const charset = /;\s*charset\s*=\s*"?([\w.:-]{1,40})"?/i.exec(contentType)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset, { fatal: true }).decode(body);
  } catch {
    return null;
  }
}

function hider(secrets: readonly string[]): (text: string) => string {
  const spellings = secrets
    .filter((secret) => secret !== '')
    .flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      new URLSearchParams([['', secret]]).toString().slice(1),
      JSON.stringify(secret).slice(1, -1),
      secret.replaceAll('/', String.raw`\/`),
    ]);
  // the longest first: a secret may begin with another
  const ordered = [...new Set(spellings)].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((hidden, spelling) => hidden.replaceAll(spelling, HIDDEN), text);
}

function presentable(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return Array.from(line.slice(0, MESSAGE_CHARACTERS * 2))
    .slice(0, MESSAGE_CHARACTERS)
    .join('');
}
