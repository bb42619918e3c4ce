import type { Duplex } from 'node:stream';
import { type Message, stringifyMessage } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Identity } from '#server/accounts/reads.ts';
import type { Credentials } from './identify.ts';
import type { Limits } from './limits.ts';

/** What runs under an id of a connection. */
export interface Operation {
  /** The client wants no more, or is gone. */
  stop(): void;
}

/** One WebSocket. There are tens of thousands: it keeps nothing of the request that opened it. */
export interface Connection {
  readonly socket: WebSocket;
  /** The socket under it. */
  readonly stream: Duplex;
  readonly limits: Limits;
  /** What the upgrade said of who comes; believed once connection_init has come. */
  readonly upgrade: Pick<Credentials, 'clientAddress' | 'sessionToken'>;
  readonly openedAt: number;
  readonly operations: Map<string, Operation>;
  state: 'NEW' | 'INITIALISING' | 'ACKNOWLEDGED';
  admitted: { readonly identity: Identity; readonly credentials: Credentials } | null;
  leaveStreams: (() => void) | null;
  /** Whether it has answered since it was last pinged. */
  isAlive: boolean;
}

/**
 * Close code of a client that read too slowly for events that can't be told in short: it may come back at once, and go on after the
 * last cursor that it has. (The protocol leaves 4000 to 4999 to applications; graphql-ws connects again after this one.)
 */
export const TOO_SLOW = 4413;
const TOO_SLOW_REASON = 'Too slow: subscribe again with after: the last cursor that you have';

/** Whether anything may still be written. */
export function isOpen({ socket }: Connection): boolean {
  return socket.readyState === socket.OPEN;
}

/** Sends a message of the protocol. */
export function sendMessage(connection: Connection, message: Message): void {
  if (isOpen(connection)) connection.socket.send(stringifyMessage(message));
}

/** Ends everything that runs, then the connection. */
export function closeConnection(connection: Connection, code: number, reason: string): void {
  stopAll(connection);
  connection.socket.close(code, reason);
}

/** Ends the connection of a client that reads too slowly. */
export function cutOff(connection: Connection): void {
  closeConnection(connection, TOO_SLOW, TOO_SLOW_REASON);
}

/** Stops what runs under an id; answers whether something did. */
export function stopOperation(connection: Connection, id: string): boolean {
  const operation = connection.operations.get(id);
  if (operation === undefined) return false;
  connection.operations.delete(id);
  operation.stop();
  return true;
}

/** Stops all that runs. */
export function stopAll(connection: Connection): void {
  for (const id of connection.operations.keys()) stopOperation(connection, id);
  connection.leaveStreams?.();
  connection.leaveStreams = null;
}
