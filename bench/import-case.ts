import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { globalId } from '#schema/ids.ts';
import { createApiKey } from '#server/accounts/commands.ts';
import { permissionsOfRole } from '#server/accounts/rules.ts';
import { inTransaction } from '#server/platform/database.ts';
import type { ServerProcess } from '#test/support/server-process.ts';
import type { Shop } from './arrange.ts';
import { cpuOfPostgres, cpuOfProcess } from './cpu.ts';
import { type CaseResult, resultOf, short } from './report.ts';
import type { Site } from './site.ts';
import type { Stage } from './stage.ts';

/** Keys a second that the import is to reach. */
const GOAL_PER_SECOND = 20_000;
/** Every so many lines one stands twice: duplicates are named among the good ones. */
const AGAIN_EVERY = 10_000;
const LINES_AT_ONCE = 1_000;
const WARM_KEYS = 20_000;
const SAMPLE_MILLISECONDS = 100;
const MEBIBYTE = 2 ** 20;

type Sample = { readonly at: number; readonly bytes: number };

/**
 * A file of card keys through the whole of it: upload by HTTP → read → fingerprint → seal → stage → lot and keys for sale. Counted
 * from the first byte to the moment at which they are; the server's resident memory in the first, middle and last third of that time.
 */
export async function importOfMany(stage: Stage): Promise<CaseResult[]> {
  const { importKeys } = stage.options;
  const site = await stage.site('import');
  const shop = await stage.shop(site, 'import', { chain: 3, stations: 2, skus: 2, keysPerSku: 1, programs: 0 });
  const [server] = await site.servers(1);
  if (server === undefined) throw new Error('a server was asked for');
  const secret = await programOf(site, shop);
  await importOnce(stage, site, server, shop, { secret, count: WARM_KEYS, prefix: 'WARM' });
  const samples: Sample[] = [];
  const sampling = setInterval(() => samples.push({ at: performance.now(), bytes: residentBytes(server.pid) }), SAMPLE_MILLISECONDS);
  const before = { server: cpuOfProcess(server.pid), postgres: cpuOfPostgres(stage.cluster.pid) };
  const { seconds, uploadSeconds, duplicates } = await importOnce(stage, site, server, shop, { secret, count: importKeys, prefix: 'CARD' });
  clearInterval(sampling);
  const cpu = { server: cpuOfProcess(server.pid) - before.server, postgres: cpuOfPostgres(stage.cluster.pid) - before.postgres };
  await stage.audit(site, shop);
  await site.endServers();
  const each = (microseconds: number) => (microseconds / importKeys).toFixed(1);
  const [first, middle, last] = thirds(samples);
  return [
    resultOf(`import of ${importKeys} card keys`, {
      unit: 'keys/s',
      values: [importKeys / seconds],
      references: [GOAL_PER_SECOND],
      goal: '≥ 1.0',
      notes: [
        `${short(seconds)} s, of which upload ${short(uploadSeconds)}; CPU µs a key: server ${each(cpu.server)}, PostgreSQL ${each(cpu.postgres)}; ${duplicates} duplicates named`,
        `server resident at most, MiB: ${first} in the first third, ${middle} in the middle, ${last} in the last; load average ${loadavg()[0]?.toFixed(1)}`,
      ],
    }),
  ];
}

type File = { readonly secret: string; readonly count: number; readonly prefix: string };

async function importOnce(stage: Stage, site: Site, server: ServerProcess, shop: Shop, file: File) {
  stage.say(`importing ${file.count} card keys`);
  const began = performance.now();
  const jobId = await upload(server.url, shop, file);
  const uploaded = performance.now();
  for (;;) {
    const { rows } = await site.db.pool.query<{ state: string; imported_count: number; duplicate_count: number; failure: string | null }>(
      'SELECT state::text, imported_count, duplicate_count, failure FROM import_job WHERE network_id = $1 AND id = $2',
      [shop.networkId, jobId],
    );
    const [job] = rows;
    if (job?.state === 'FAILED') throw new Error(`the import failed: ${job.failure}`);
    if (job?.state === 'DONE') {
      const duplicates = Math.floor((file.count - 1) / AGAIN_EVERY);
      if (job.imported_count !== file.count || job.duplicate_count !== duplicates)
        throw new Error(`not what was sent: ${JSON.stringify(job)}`);
      return { seconds: (performance.now() - began) / 1000, uploadSeconds: (uploaded - began) / 1000, duplicates };
    }
    await pause(50);
  }
}

/** Sends the file line by line as it is made, no faster than the server reads; answers the job's id. */
async function upload(url: string, shop: Shop, { secret, count, prefix }: File): Promise<string> {
  const query = new URLSearchParams({
    requestKey: `${prefix}-${count}`,
    skuId: globalId('Sku', shop.skuIds[0] ?? ''),
    terms: 'OWN',
    totalCost: (count / 100).toFixed(2),
    format: 'TEXT',
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sending = request(
    `${url}/imports/card-keys?${query}`,
    { method: 'POST', headers: { authorization: `Bearer ${secret}` } },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => resolve(Buffer.concat(chunks).toString()));
    },
  );
  sending.once('error', reject);
  for (let start = 0; start < count; start += LINES_AT_ONCE) {
    let lines = start > 0 && start % AGAIN_EVERY === 0 ? `${lineOf(prefix, start - 1)}\n` : '';
    for (let index = start; index < Math.min(count, start + LINES_AT_ONCE); index += 1) lines += `${lineOf(prefix, index)}\n`;
    if (!sending.write(lines)) await new Promise((drained) => sending.once('drain', drained));
  }
  sending.end();
  const { jobId } = JSON.parse(await promise) as { jobId?: string };
  if (jobId === undefined) throw new Error(`the upload was refused: ${await promise}`);
  return Buffer.from(jobId, 'base64url').toString().split(':')[1] ?? '';
}

function lineOf(prefix: string, index: number): string {
  const digits = String(index).padStart(8, '0');
  return `${prefix}${digits}----${digits.slice(4)}-${prefix}-${digits}-KEY9`;
}

async function programOf(site: Site, { networkId, userId, trunk }: Shop): Promise<string> {
  const viewer = {
    networkId,
    party: { kind: 'STATION', stationId: trunk[0] ?? '' },
    actor: { kind: 'USER', userId, sessionId: '' },
    role: 'OWNER',
    permissions: permissionsOfRole.OWNER,
    clientAddress: null,
  } as const;
  const made = await inTransaction(site.db, (tx) =>
    createApiKey(tx, viewer, { name: 'import', permissions: ['STOCK_IMPORT'], expiresAt: null, allowedIps: [] }),
  );
  if (made.kind !== 'API_KEY_CREATED') throw new Error(made.message);
  return made.secret;
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** The most of each third of the time, in MiB. */
function thirds(samples: readonly Sample[]): readonly [number, number, number] {
  const [begin, end] = [samples[0]?.at ?? 0, samples.at(-1)?.at ?? 0];
  const most = (third: number) => {
    const within = samples.filter(({ at }) => Math.min(2, Math.floor(((at - begin) / Math.max(1, end - begin)) * 3)) === third);
    return Math.round(Math.max(0, ...within.map(({ bytes }) => bytes)) / MEBIBYTE);
  };
  return [most(0), most(1), most(2)];
}
