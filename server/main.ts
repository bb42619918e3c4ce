import { fileURLToPath } from 'node:url';
import type { GraphQLSchema } from 'graphql';
import type { Context } from '#schema/context.ts';
import { decodeId } from '#schema/ids.ts';
import { schema } from '#schema/schema.ts';
import type { ActingParty } from './accounts/rules.ts';
import { boot, fail, type Ground } from './boot.ts';
import { createUpstreams } from './connectors/upstreams.ts';
import { ensureDemo, type FirstSteps, sampleCommand } from './demo.ts';
import { startExpiryWorker } from './flows/expire-card-keys.ts';
import { startImportWorker } from './flows/import-worker.ts';
import { startListingWorker } from './flows/listing-checks.ts';
import { createOrderLane } from './flows/order-lane.ts';
import { receiveCallback } from './flows/receive-callback.ts';
import { receiveCardKeys } from './flows/receive-card-keys.ts';
import { startReplenishmentWorker } from './flows/replenish-stock.ts';
import { createWebhookSender } from './flows/send-webhooks.ts';
import { fileAccess, putDocumentFile, readDocumentFile } from './flows/supplier-files.ts';
import { startUpstreamImports } from './flows/upstream-import-worker.ts';
import { startUpstreamNews } from './flows/upstream-news.ts';
import type { RequestFacts } from './http/caller.ts';
import { createHttp, type Http } from './http/http.ts';
import { createWebhookDocuments } from './http/webhook-documents.ts';
import { alertConsumer, startAlerts } from './live/alerts.ts';
import { createEventSource } from './live/event-source.ts';
import { startLicences } from './live/licences.ts';
import { createPostgresBus } from './live/postgres-bus.ts';
import { startPruning } from './live/prune.ts';
import { startPurchaseWorker } from './live/purchase-worker.ts';
import { createRedisBus } from './live/redis-bus.ts';
import { startRelay } from './live/relay.ts';
import { rollUpConsumer, startRollUps } from './live/roll-ups.ts';
import { createWebhookReader, webhookConsumer } from './live/webhook-reader.ts';
import { startWebhookWorker } from './live/webhook-worker.ts';
import { CannotStart } from './platform/cannot-start.ts';
import type { Config } from './platform/config.ts';
import { buildConsole } from './platform/console-build.ts';
import { startFirstStatistics } from './platform/first-statistics.ts';
import { createOutgoing } from './platform/outgoing.ts';
import { findFreePort } from './platform/postgres-process.ts';
import { openPools } from './pools.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const EVENT_DAYS = 7;
/** Where `npm run dev` serves the console from; it passes requests on with the browser's Origin. */
const VITE_ORIGIN = 'http://localhost:5173';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The composition root: config → database → jobs → schema → http. */
async function serve(): Promise<void> {
  // until there is something to end in order, a signal ends the process by its exit, which takes the embedded PostgreSQL along
  for (const signal of SIGNALS) process.on(signal, leave);
  // the console is built while the database starts: both take seconds, on different cores
  const isDevelopment = process.argv.includes('--without-console');
  const building = isDevelopment ? Promise.resolve(null) : buildConsole(project);
  building.catch(() => undefined);
  const ground = await boot();
  const { config, log, vault } = ground;
  // a chosen port that is busy is refused now, rather than after the demo has been loaded
  if (config.portIsChosen) await choosePort(config);
  const firstSteps = await ensureDemo(ground);
  const port = await choosePort(config);
  const publicUrl = config.publicUrl ?? `http://localhost:${port}`;
  const pools = openPools(ground);
  const bus = config.redisUrl === null ? createPostgresBus(ground.databaseUrl, log) : createRedisBus(config.redisUrl, log);
  const relay = startRelay(pools.relay, log, bus);
  pools.changes.commits.add(relay.wake);
  pools.background.commits.add(relay.wake);
  const pruning = startPruning(pools.background, log, {
    retentionDays: EVENT_DAYS,
    consumers: [rollUpConsumer, alertConsumer, webhookConsumer],
  });
  const statistics = startFirstStatistics(pools.background, ground.ownerUrl, log);
  const rollUps = startRollUps(pools.background, log);
  const alerts = startAlerts(pools.background, log);
  const licences = startLicences(pools.background, log);
  const events = createEventSource(pools.background, log, bus);
  const lane = createOrderLane(pools.changes, { isShared: relay.isShared });
  const imports = startImportWorker(pools.background, log);
  const expiry = startExpiryWorker(pools.background, log, config.stockExpiringDays);
  const replenishment = startReplenishmentWorker(pools.background, log);
  const outgoing = createOutgoing({ allowedHosts: config.outgoingAllowedHosts });
  const calls = createOutgoing({
    allowedHosts: config.outgoingAllowedHosts,
    totalMilliseconds: config.supplyTimeoutSeconds * 1000,
  });
  const listings = startListingWorker({ db: pools.background, outgoing }, log);
  const upstreams = createUpstreams({ outgoing: calls, clock: pools.pages.clock }, config.publicUrl);
  const catalogues = startUpstreamImports({ db: pools.background, vault, upstreams, log });
  const context = (facts: RequestFacts): Context => ({
    ...facts,
    db: pools.pages,
    vault,
    events,
    lane,
    webhooks: webhookDocuments,
    upstreams,
  });
  const webhookDocuments = createWebhookDocuments({
    schema,
    context: (facts) => ({ ...context(facts), db: pools.background }),
    newRequestId: pools.background.newId,
    outgoing,
    log,
  });
  const webhooks = startWebhookWorker(
    createWebhookReader({ db: pools.background, log, render: webhookDocuments.render }),
    createWebhookSender({ db: pools.background, vault, outgoing, log, logDays: config.webhookLogDays }),
    log,
  );
  const purchases = config.purchases
    ? startPurchaseWorker(
        {
          db: pools.background,
          vault,
          upstreams,
          log,
          chance: Math.random,
          callMilliseconds: config.supplyTimeoutSeconds * 1000,
          logDays: config.purchaseLogDays,
        },
        [pools.changes.commits],
      )
    : null;
  const news = config.purchases ? startUpstreamNews({ db: pools.background, vault, upstreams, log, chance: Math.random }) : null;
  const http = createHttp({
    schema,
    db: pools.changes,
    log,
    context,
    partyOf,
    publicFields: publicFieldsOf(schema),
    publicUrl,
    allowedOrigins: [...config.allowedOrigins, `http://127.0.0.1:${port}`, ...(isDevelopment ? [VITE_ORIGIN] : [])],
    sessionSecret: config.sessionSecret,
    behindProxy: config.behindProxy,
    introspection: true,
    consoleDirectory: await building,
    limits: { unreadBytes: config.liveUnreadKib * 1024 },
    receiveCardKeys: (viewer, terms, source) => receiveCardKeys(pools.background, vault, viewer, terms, source),
    receiveCallback: (address, request) => receiveCallback({ db: pools.background, vault, upstreams }, address, request),
    documentFiles: {
      access: (viewer, id) => fileAccess(pools.changes, viewer, id),
      put: (viewer, file) => putDocumentFile(pools.changes, vault, viewer, file),
      read: (viewer, id) => readDocumentFile(pools.changes, vault, viewer, id),
    },
    health: () => ({ bus: bus.health(), relay: { lastRoundAt: relay.lastRoundAt() } }),
  });
  await http.listen(port, config.host);
  console.log(`Fenzhan is at ${publicUrl}`);
  if (firstSteps !== null) printFirstSteps(firstSteps, publicUrl);
  stopAtSignal(ground, http, async () => {
    await lane.stop();
    await imports.stop();
    await expiry.stop();
    await replenishment.stop();
    await listings.stop();
    await catalogues.stop();
    await purchases?.stop();
    await news?.stop();
    await webhooks.stop();
    await relay.stop();
    await pruning.stop();
    await statistics.stop();
    await rollUps.stop();
    await alerts.stop();
    await licences.stop();
    await events.stop();
    await bus.stop();
    await pools.close();
  });
}

function leave(): void {
  process.exit(130);
}

function printFirstSteps(steps: FirstSteps, publicUrl: string): void {
  console.log(`\nSign in to the demo, password ${steps.password}:`);
  const width = Math.max(...steps.signIns.map(({ email }) => email.length));
  for (const { email, role, party } of steps.signIns) console.log(`  ${email.padEnd(width)} ${role.padEnd(8)} ${party}`);
  const command = sampleCommand(steps, publicUrl);
  if (command !== null) console.log(`\nPlace an order:\n${command}`);
}

/** A port that was chosen must be free; the default one gives way to any other. */
async function choosePort({ port, host, portIsChosen }: Config): Promise<number> {
  const free = (await findFreePort(port, host)) ?? (portIsChosen ? null : await findFreePort(0, host));
  if (free === null) throw new CannotStart(`PORT: ${port} of ${host} is busy or not allowed`);
  return free;
}

function partyOf(globalId: string): ActingParty | null {
  const decoded = decodeId(globalId);
  if (decoded?.type === 'Station') return { kind: 'STATION', stationId: decoded.id };
  return decoded?.type === 'Supplier' ? { kind: 'SUPPLIER', supplierId: decoded.id } : null;
}

/** Root fields whose declaration lets anybody ask. */
function publicFieldsOf(contract: GraphQLSchema): string[] {
  const roots = [contract.getQueryType(), contract.getMutationType(), contract.getSubscriptionType()];
  return roots
    .flatMap((root) => Object.values(root?.getFields() ?? {}))
    .filter(({ extensions }) => (extensions['pothosOptions'] as { access?: unknown } | undefined)?.access === 'ANYBODY')
    .map(({ name }) => name);
}

/** Ends in order: requests finish, then what works behind them, the database last. Ends likewise when the embedded PostgreSQL is gone. */
function stopAtSignal(ground: Ground, http: Http, stopWork: () => Promise<void>): void {
  let isStopping = false;
  const stop = async (exitCode: number) => {
    if (isStopping) return;
    isStopping = true;
    await http.close();
    await stopWork();
    await ground.stop();
    process.exit(exitCode);
  };
  for (const signal of SIGNALS) process.off(signal, leave).on(signal, () => void stop(0).catch(fail));
  void ground.embedded?.ended.then(() => {
    if (isStopping) return;
    ground.log.fatal('PostgreSQL has ended by itself; see postgres.log in the data folder');
    void stop(1).catch(fail);
  });
}

await serve().catch(fail);
