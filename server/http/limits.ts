/** What one request, one document and one viewer may ask for; the same on HTTP and on WebSocket. */
export interface Limits {
  /** Largest body of a request, in bytes. */
  readonly bodyBytes: number;
  /** Largest body for a viewer who may import stock: the keys of one job arrive as a text. */
  readonly importBodyBytes: number;
  /** Largest message on a WebSocket, in bytes. Imports go by HTTP. */
  readonly frameBytes: number;
  /** Deepest nesting of fields. */
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
  readonly tokens: number;
  /** Cost of one document, in points: a field is one, a list as many times its row as it may hold. */
  readonly documentCost: number;
  /** Points that a viewer can save up. */
  readonly budget: number;
  /** Points that a viewer gets back in a second. */
  readonly refillPerSecond: number;
  readonly executionMilliseconds: number;
  /** Operations that run at once on one WebSocket. */
  readonly operationsPerSocket: number;
  /** Bytes that a client of live updates may leave unread before it is told in short, or cut. */
  readonly unreadBytes: number;
}

/** The limits in force. docs/decisions says why these numbers. */
export const LIMITS: Limits = {
  bodyBytes: 1024 * 1024,
  importBodyBytes: 12 * 1024 * 1024,
  frameBytes: 1024 * 1024,
  depth: 15,
  aliases: 50,
  directives: 50,
  tokens: 2_000,
  documentCost: 20_000,
  budget: 60_000,
  refillPerSecond: 20_000,
  executionMilliseconds: 20_000,
  operationsPerSocket: 100,
  unreadBytes: 128 * 1024,
};
