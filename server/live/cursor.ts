/** What a cursor is good for: one subscription of one party. */
export type CursorScope = { readonly networkId: string; readonly partyId: string; readonly subscription: string };

/** The cursor does not belong to this viewer and subscription, or is no cursor. */
export class CursorInvalid extends Error {
  constructor() {
    super(
      'this cursor does not belong to this subscription; use the cursor of an event of the same subscription and party, or eventCursor',
    );
    this.name = 'CursorInvalid';
  }
}

/** Stands for the name of a subscription in a cursor that any subscription of the party takes: one that came with a query. */
export const ANY_SUBSCRIPTION = '*';

/** The opaque text of a place in a network's events, bound to the viewer's party and the subscription (api: cursors). */
export function encodeCursor(scope: CursorScope, seq: bigint): string {
  return Buffer.from(`1:${scope.networkId}:${scope.partyId}:${scope.subscription}:${seq}`).toString('base64url');
}

/** The place that a cursor names; anything but a cursor of the same scope, or of the party for any subscription, throws CursorInvalid. It grants nothing: rights are checked for each event. */
export function decodeCursor(scope: CursorScope, cursor: string): bigint {
  const [version, networkId, partyId, subscription, seq, ...rest] = Buffer.from(cursor, 'base64url').toString().split(':');
  const belongs = version === '1' && networkId === scope.networkId && partyId === scope.partyId;
  const fits = subscription === scope.subscription || subscription === ANY_SUBSCRIPTION;
  if (!belongs || !fits || rest.length > 0 || seq === undefined || !/^\d{1,18}$/.test(seq)) throw new CursorInvalid();
  return BigInt(seq);
}
