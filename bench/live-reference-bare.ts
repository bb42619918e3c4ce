import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ReferenceOrder } from './live-reference.ts';

// `ws` and nothing else: it knows who subscribed under which id, and sends them frames.

const subscribers = new Map<WebSocket, string>();
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'graphql-transport-ws' });

server.on('listening', () => process.send?.((server.address() as AddressInfo).port));
server.on('connection', (socket) => {
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString('utf8')) as { type: string; id: string };
    if (message.type === 'connection_init') socket.send('{"type":"connection_ack"}');
    else if (message.type === 'subscribe') subscribers.set(socket, message.id);
  });
  socket.on('close', () => subscribers.delete(socket));
});

process.on('message', (order: ReferenceOrder) => {
  if (order.kind !== 'FRAME') return;
  const { before, after } = order;
  for (const [socket, id] of subscribers) socket.send(before + id + after);
});
process.on('disconnect', () => process.exit(0));
