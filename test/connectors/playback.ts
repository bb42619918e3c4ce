import type { Outgoing, OutgoingRequest } from '#server/platform/outgoing.ts';

/** An answer as it was recorded; JSON unless its content type says otherwise. */
export interface RecordedAnswer {
  readonly status?: number;
  readonly contentType?: string;
  readonly answer: unknown;
}

/** A wire that answers with what was recorded, in order, and keeps what was sent. One call too many is an error of the connector. */
export function playBack(answers: readonly RecordedAnswer[]): { readonly outgoing: Outgoing; readonly sent: readonly OutgoingRequest[] } {
  const sent: OutgoingRequest[] = [];
  const outgoing: Outgoing = {
    urlProblem: () => null,
    send: async (request) => {
      const recorded = answers[sent.length];
      sent.push(request);
      if (recorded === undefined) throw new Error(`call ${sent.length} to ${request.url} was never recorded`);
      const text = typeof recorded.answer === 'string' ? recorded.answer : JSON.stringify(recorded.answer);
      return {
        status: recorded.status ?? 200,
        headers: { 'content-type': recorded.contentType ?? 'application/json; charset=utf-8' },
        body: Buffer.from(text),
        isCut: false,
      };
    },
    pin: () => Promise.reject(new Error('nothing stays open here')),
  };
  return { outgoing, sent };
}
