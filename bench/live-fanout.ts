import { globalId } from '#schema/ids.ts';
import { type Crowd, type CrowdSpec, openCrowd } from './live-crowd.ts';
import { expectExactly, type Push, type PushOrder, pushRound, quantile, untilAllWatch } from './live-push.ts';
import { startReference } from './live-reference.ts';
import { type LiveStage, pause } from './live-stage.ts';
import { type CaseResult, median, resultOf, short } from './report.ts';

const DOCUMENT =
  'subscription ($skuIds: [ID!], $after: Cursor) { stockUpdated(skuIds: $skuIds, after: $after) { cursor occurredAt sku { id } stock { availableCount many } } }';
const CHANGES_PER_SECOND = 2;

/** Everybody watches the stock of one SKU: deliveries a second at saturation, against `ws` sending the same frames. */
export async function fanOutToOne(stage: LiveStage): Promise<CaseResult[]> {
  const { ours, sample } = await withOurs(stage, { programs: 1, documents: [DOCUMENT] }, async (push, crowd) => ({
    ours: await rounds(stage, push),
    sample: (await crowd.report()).sample,
  }));
  const bare = await startReference('bare', referenceOf(stage));
  try {
    const crowd = await openCrowd({ ...specOf(stage, { port: bare.port, programs: [], documents: [DOCUMENT] }) });
    try {
      const frame = frameMaker(sample);
      const change = (n: number) => bare.tell({ kind: 'FRAME', ...frame(n) });
      const push = pusher({ crowd, serverPid: bare.pid, isOneGroup: true, change }, stage);
      await untilAllWatch(crowd, change);
      const references = await rounds(stage, push);
      const notes = [
        `${crowd.count} sockets, frames of ${Buffer.byteLength(sample)} bytes, one station`,
        costOf('ours', ours),
        costOf('ws', references),
      ];
      return [
        resultOf('live: fan-out of one SKU', {
          unit: 'deliveries/s',
          values: ours.map(rate),
          references: references.map(rate),
          goal: '≥ 0.5',
          notes,
        }),
      ];
    } finally {
      crowd.close();
    }
  } finally {
    bare.close();
  }
}

/** The same subscribers at two changes a second: how long after the commit each has it. */
export async function fanOutSlowly(stage: LiveStage): Promise<CaseResult[]> {
  const server = await stage.serve();
  const program = stage.shop.buyers[0]?.secret ?? '';
  const spec = specOf(stage, { port: portOf(server.url), programs: [program], documents: [DOCUMENT] });
  const crowd = await openCrowd({ ...spec, keepTimes: true });
  const shopper = await stage.shopper(server, 1);
  try {
    await untilAllWatch(crowd, () => shopper.buy());
    await crowd.reset();
    const orders: string[] = [];
    const changes = Math.max(3, stage.options.slowSeconds * CHANGES_PER_SECOND);
    const began = performance.now();
    for (let n = 0; n < changes; n += 1) {
      orders.push(await shopper.buy());
      await pause(Math.max(0, began + ((n + 1) * 1000) / CHANGES_PER_SECOND - performance.now()));
    }
    await crowd.reached(changes * crowd.count, 60);
    const report = await crowd.report();
    expectExactly(report, changes);
    const committed = await stage.committedAt(orders);
    const latencies = report.times.flatMap((times, n) => [...times].map((at) => at - (committed.get(orders[n] ?? '') ?? Number.NaN)));
    const notes = [
      `${crowd.count} subscribers, ${changes} changes at ${CHANGES_PER_SECOND} a second; from PostgreSQL's time of the commit to the frame read`,
      `p50 ${short(quantile(latencies, 0.5))} ms, slowest ${short(quantile(latencies, 1))} ms; subscribers' process ${short(report.cpuMicroseconds / report.total)} µs a frame`,
      'the reference is the limit',
    ];
    return [
      resultOf('live: fan-out at 2 changes/s, p99 from commit', {
        unit: 'ms',
        values: [quantile(latencies, 0.99)],
        references: [1_000],
        goal: '≤ 1',
        notes,
      }),
    ];
  } finally {
    shopper.close();
    crowd.close();
    await server.stop();
  }
}

/** Many documents and classes of visibility, against Yoga and graphql-ws with an execution for each subscriber. */
export async function fanOutToMany(stage: LiveStage): Promise<CaseResult[]> {
  const { options } = stage;
  const documents = Array.from({ length: options.documents }, (_, n) => documentOf(n));
  const ours = await withOurs(stage, { programs: options.classes, documents }, (push) => rounds(stage, push));
  const plain = await startReference('plain', referenceOf(stage));
  try {
    const crowd = await openCrowd(specOf(stage, { port: plain.port, programs: [], documents }));
    try {
      const change = (n: number) => plain.tell({ kind: 'CHANGED', cursor: `change-${performance.now()}-${n}` });
      await untilAllWatch(crowd, change);
      const references = await rounds(stage, pusher({ crowd, serverPid: plain.pid, isOneGroup: false, change }, stage));
      const notes = [
        `${crowd.count} subscribers, ${options.documents} documents, ${options.classes} stations, ${options.everyPair > 0 ? 'every document in every station' : 'each document in one station'}`,
        costOf('ours', ours),
        costOf('plain', references),
      ];
      return [
        resultOf('live: fan-out to many groups', {
          unit: 'deliveries/s',
          values: ours.map(rate),
          references: references.map(rate),
          goal: '≥ 3',
          notes,
        }),
        resultOf('live: fan-out to many groups, server CPU', {
          unit: 'µs/delivery',
          values: ours.map(({ serverMicroseconds }) => serverMicroseconds),
          references: references.map(({ serverMicroseconds }) => serverMicroseconds),
          goal: '≤ 0.2',
          notes,
        }),
      ];
    } finally {
      crowd.close();
    }
  } finally {
    plain.close();
  }
}

/** Documents of one weight that differ by a name. */
function documentOf(n: number): string {
  return `subscription Stock${n} ($skuIds: [ID!], $after: Cursor) { stockUpdated(skuIds: $skuIds, after: $after) { cursor occurredAt
    sku { id code name unitSize product { name category { name } } } stock { availableCount many } left${n}: stock { availableCount } } }`;
}

async function withOurs<Result>(
  stage: LiveStage,
  { programs, documents }: { programs: number; documents: readonly string[] },
  work: (push: () => Promise<Push>, crowd: Crowd) => Promise<Result>,
): Promise<Result> {
  const server = await stage.serve();
  const secrets = stage.shop.buyers.slice(0, programs).map(({ secret }) => secret);
  const crowd = await openCrowd(specOf(stage, { port: portOf(server.url), programs: secrets, documents }));
  const shopper = await stage.shopper(server, stage.shop.buyers.length - 1);
  try {
    await untilAllWatch(crowd, () => shopper.buy());
    return await work(
      pusher({ crowd, serverPid: server.pid, isOneGroup: documents.length === 1, change: () => shopper.buy() }, stage),
      crowd,
    );
  } finally {
    shopper.close();
    crowd.close();
    await server.stop();
  }
}

function pusher(of: Omit<PushOrder, 'seconds'>, { options }: LiveStage): () => Promise<Push> {
  return () => pushRound({ ...of, seconds: options.seconds });
}

/** The first round warms and does not count. */
async function rounds({ options }: LiveStage, push: () => Promise<Push>): Promise<Push[]> {
  const all: Push[] = [];
  for (let round = -1; round < options.rounds; round += 1) all.push(await push());
  return all.slice(1);
}

function specOf({ options, shop }: LiveStage, own: Pick<CrowdSpec, 'port' | 'programs' | 'documents'>): CrowdSpec {
  const variables = { skuIds: [globalId('Sku', shop.skuIds[0] ?? '')] };
  return { ...own, count: options.subscribers, everyPair: options.everyPair > 0, variables, reads: 'FRAMES', keepTimes: false };
}

function referenceOf({ cluster, shop }: LiveStage): Parameters<typeof startReference>[1] {
  return { databaseUrl: cluster.url, networkId: shop.networkId, skuId: shop.skuIds[0] ?? '' };
}

/** Our own frame again with another cursor of the same length, parted where the subscription's id stands. */
function frameMaker(sample: string): (n: number) => { before: string; after: string } {
  const [, cursor = ''] = /"cursor":"([^"]+)"/.exec(sample) ?? [];
  const [, id = ''] = /"id":"(subscriber-\d+)"/.exec(sample) ?? [];
  if (cursor === '' || id === '') throw new Error(`this frame has no cursor or no id: ${sample}`);
  let sent = 0;
  return () => {
    const [before = '', after = ''] = sample.replace(cursor, String((sent += 1)).padStart(cursor.length, '0')).split(id);
    return { before, after };
  };
}

function costOf(name: string, pushes: readonly Push[]): string {
  const of = (key: 'serverMicroseconds' | 'clientMicroseconds' | 'changes') => short(median(pushes.map((push) => push[key])));
  return `${name}: CPU µs a delivery: server ${of('serverMicroseconds')}, subscribers' process ${of('clientMicroseconds')}; ${of('changes')} changes a round`;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

function rate({ perSecond }: Push): number {
  return perSecond;
}
