import { globalId } from '#schema/ids.ts';
import { openCrowd } from './live-crowd.ts';
import { COLLECTOR, startReference } from './live-reference.ts';
import { type LiveStage, memoryOf, pause } from './live-stage.ts';
import { type CaseResult, resultOf } from './report.ts';

const DOCUMENT =
  'subscription ($skuIds: [ID!], $after: Cursor) { stockUpdated(skuIds: $skuIds, after: $after) { cursor occurredAt sku { id } stock { availableCount many } } }';
const WARM = 200;

/** Memory of the server for one subscriber to whom nothing happens, against Yoga and graphql-ws. */
export async function idleMemory(stage: LiveStage): Promise<CaseResult[]> {
  const { shop, options } = stage;
  const ours: number[] = [];
  const references: number[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const server = await stage.serve({ NODE_OPTIONS: `--import ${COLLECTOR}` });
    try {
      const programs = shop.buyers.map(({ secret }) => secret);
      ours.push(await eachOf(stage, { pid: server.pid, port: Number(new URL(server.url).port), programs }));
    } finally {
      await server.stop();
    }
    const start = { databaseUrl: stage.cluster.url, networkId: shop.networkId, skuId: shop.skuIds[0] ?? '' };
    const plain = await startReference('plain', start, { collectible: true });
    try {
      references.push(await eachOf(stage, { ...plain, programs: [] }));
    } finally {
      plain.close();
    }
  }
  return [
    resultOf('live: memory of an idle subscriber', {
      unit: 'KiB',
      values: ours,
      references,
      goal: '≤ 1',
      notes: [
        `${options.subscribers} subscribers of ${shop.buyers.length} programs; resident memory after a collection, less what it was before`,
      ],
    }),
  ];
}

/** KiB that the server grows by for each of the subscribers. A few come and go before, so that what is made once is made. */
async function eachOf(
  { options, shop }: LiveStage,
  { pid, port, programs }: { pid: number; port: number; programs: readonly string[] },
): Promise<number> {
  const variables = { skuIds: [globalId('Sku', shop.skuIds[0] ?? '')] };
  const spec = { port, programs, documents: [DOCUMENT], variables, reads: 'FRAMES', keepTimes: false } as const;
  const warm = await openCrowd({ ...spec, count: WARM });
  await pause(1_000);
  warm.close();
  await pause(1_000);
  const before = await settledMemory(pid);
  const crowd = await openCrowd({ ...spec, count: options.subscribers });
  try {
    await pause(2_000);
    const after = await settledMemory(pid);
    const { closed, complaints } = await crowd.report();
    if (Object.keys(closed).length > 0 || complaints.length > 0)
      throw new Error(`not every subscriber stayed: ${JSON.stringify(closed)} ${complaints.join(' ')}`);
    return (after - before) / options.subscribers / 1024;
  } finally {
    crowd.close();
  }
}

async function settledMemory(pid: number): Promise<number> {
  for (let time = 0; time < 3; time += 1) {
    process.kill(pid, 'SIGUSR2');
    await pause(500);
  }
  return memoryOf(pid);
}
