import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy between a program and a server, through which a network misbehaves on command. */
export interface FlakyProxy {
  /** Where programs connect. */
  readonly url: string;
  /** Connections that pass it now. */
  openCount(): number;
  /** Cuts every connection without a word. */
  cut(): void;
  /** Ends what the server sends, decently, and lets the rest be as it is: the half that is left leads nowhere. */
  halfClose(): void;
  /** Passes nothing on until `resume`; connections stay, and new ones are taken. */
  stall(): void;
  /** Passes everything on again, what waited first. */
  resume(): void;
  /** Turns everybody away, and cuts who is there, until `accept`. */
  refuse(): void;
  accept(): void;
  close(): Promise<void>;
}

type Pair = { readonly client: Socket; readonly server: Socket };

/** Opens a proxy in front of a port of this machine. */
export async function openFlakyProxy(serverPort: number): Promise<FlakyProxy> {
  const pairs = new Set<Pair>();
  let isStalled = false;
  let isRefusing = false;
  const proxy: Server = createServer({ allowHalfOpen: true }, (client) => {
    if (isRefusing) return void client.resetAndDestroy();
    const pair = { client, server: connect({ port: serverPort, host: '127.0.0.1', allowHalfOpen: true }) };
    pairs.add(pair);
    pass(pair.client, pair.server);
    pass(pair.server, pair.client);
    if (isStalled) pause(pair);
  });

  function pass(from: Socket, to: Socket): void {
    from.on('data', (chunk) => to.write(chunk));
    from.on('end', () => to.end());
    // the other side learns of it by its own end
    from.on('error', () => from.destroy());
    from.on('close', () => {
      to.destroy();
      for (const pair of pairs) if (pair.client === from || pair.server === from) pairs.delete(pair);
    });
  }

  const cut = () => {
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  };
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    openCount: () => pairs.size,
    cut,
    halfClose: () => {
      for (const { client, server } of pairs) {
        server.removeAllListeners('data');
        server.resume();
        client.end();
      }
    },
    stall: () => {
      isStalled = true;
      for (const pair of pairs) pause(pair);
    },
    resume: () => {
      isStalled = false;
      for (const { client, server } of pairs) {
        client.resume();
        server.resume();
      }
    },
    refuse: () => {
      isRefusing = true;
      cut();
    },
    accept: () => {
      isRefusing = false;
    },
    close: async () => {
      cut();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

function pause({ client, server }: Pair): void {
  client.pause();
  server.pause();
}
