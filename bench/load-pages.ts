import type { PageLoad } from './load.ts';
import { openWire } from './wire.ts';
import { onLoad } from './worker.ts';

// A process that asks for pages, each connection the next one in turn.

onLoad<PageLoad>(async ({ port, requests, connections }, meter) => {
  const wires = await Promise.all(Array.from({ length: connections }, () => openWire(port)));
  let next = 0;
  await Promise.all(
    wires.map(async (wire) => {
      while (meter.running()) {
        const askedAt = performance.now();
        const request = requests[next++ % requests.length] ?? '';
        const answer = await wire.ask(request);
        if (!answer.startsWith('{"data":')) throw new Error(`this is no page: ${answer.slice(0, 1000)}`);
        meter.note(askedAt, 1);
      }
    }),
  );
  for (const wire of wires) wire.close();
});
