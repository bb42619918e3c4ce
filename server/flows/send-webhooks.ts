import { writeAudit } from '#server/accounts/commands.ts';
import { readStanding } from '#server/accounts/reads.ts';
import type { ActingParty, Viewer } from '#server/accounts/rules.ts';
import { type Database, inTransaction, run, type Transaction } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { type Outgoing, OutgoingFailure } from '#server/platform/outgoing.ts';
import type { Vault } from '#server/platform/vault.ts';
import { type Disabled, endEndpoint, signingSecrets, writeAttempt } from '#server/webhooks/commands.ts';
import { type AttemptOutcome, actorOf, answerText, freeSlots, type Slots, signatureHeader, webhookId } from '#server/webhooks/rules.ts';
import {
  type ClaimedDeliveryRow,
  claimDeliveries,
  claimProbe,
  type DueEndpointRow,
  giveUpOld,
  networksOfWebhooks,
  networksWithEndpoints,
  pruneDeliveries,
  selectDueEndpoints,
} from '#server/webhooks/sql.ts';

/** What a sender stands on. */
export interface SenderOptions {
  readonly db: Database;
  readonly vault: Vault;
  readonly outgoing: Outgoing;
  readonly log: Log;
  /** How long deliveries that ended stay in the log. */
  readonly logDays: number;
  readonly slots?: Slots;
  /** A random number from 0 to 1: spreads retries. */
  readonly chance?: () => number;
}

/** Sends what is due, so many at once as the slots allow. */
export interface WebhookSender {
  /** Claims what is due now and begins to send it; answers how many. */
  sendDue(): Promise<number>;
  /** Waits for everything that is under way. */
  settle(): Promise<void>;
  /** Gives up what waited too long and takes old entries out of the log. */
  sweep(): Promise<void>;
}

/** A claim runs out after this: longer than any call may take, so a delivery is sent twice at once only after a crash or a standstill. */
const CLAIM_MILLISECONDS = 60_000;
const SLOTS: Slots = { total: 64, perEndpoint: 8 };
const PRUNE_BATCH = 5_000;
const USER_AGENT = 'Fenzhan-Webhooks/1';

/**
 * Sends deliveries, at least once each. A claim is committed before the call and the outcome after it: no transaction waits for the
 * network, and whatever line a process dies at, the delivery falls due again when its claim runs out, under the same webhook-id.
 * Any number of processes may send.
 */
export function createWebhookSender(options: SenderOptions): WebhookSender {
  const { db } = options;
  const slots = options.slots ?? SLOTS;
  const underWay = new Set<Promise<void>>();
  const ofEndpoint = new Map<string, number>();

  const begin = (networkId: string, endpoint: DueEndpointRow, senderId: string, delivery: ClaimedDeliveryRow): void => {
    ofEndpoint.set(endpoint.id, (ofEndpoint.get(endpoint.id) ?? 0) + 1);
    const sending = sendOne(options, { networkId, endpoint, senderId, delivery })
      // the claim runs out and the delivery falls due again: nothing is lost
      .catch((error: unknown) => options.log.error({ err: error, deliveryId: delivery.id }, 'a webhook could not be written down'))
      .finally(() => {
        underWay.delete(sending);
        const left = (ofEndpoint.get(endpoint.id) ?? 1) - 1;
        if (left === 0) ofEndpoint.delete(endpoint.id);
        else ofEndpoint.set(endpoint.id, left);
      });
    underWay.add(sending);
  };

  const sendFor = async (networkId: string, endpoint: DueEndpointRow): Promise<number> => {
    const isHealthy = endpoint.failure_count === 0 && endpoint.open_until === null;
    const free = freeSlots(slots, { all: underWay.size, endpoint: ofEndpoint.get(endpoint.id) ?? 0 }, isHealthy);
    if (free === 0 || !(await stillStands(options, networkId, endpoint))) return 0;
    const now = db.clock();
    const until = new Date(now.getTime() + CLAIM_MILLISECONDS);
    if (endpoint.open_until !== null && (await run(db.pool, claimProbe, [networkId, endpoint.id, now, until])).length === 0) return 0;
    const senderId = db.newId();
    const claimed = await run(db.pool, claimDeliveries, [networkId, endpoint.id, senderId, now, until, free]);
    for (const delivery of claimed) begin(networkId, endpoint, senderId, delivery);
    return claimed.length;
  };

  return {
    sendDue: async () => {
      let count = 0;
      for (const { network_id } of await run(db.pool, networksWithEndpoints, [])) {
        for (const endpoint of await run(db.pool, selectDueEndpoints, [network_id, db.clock()]))
          count += await sendFor(network_id, endpoint);
      }
      return count;
    },
    settle: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    sweep: async () => {
      const now = db.clock();
      const oldest = new Date(now.getTime() - options.logDays * 86_400_000);
      for (const { network_id } of await run(db.pool, networksOfWebhooks, [])) {
        await run(db.pool, giveUpOld, [network_id, now]);
        await run(db.pool, pruneDeliveries, [network_id, oldest, PRUNE_BATCH]);
      }
    },
  };
}

/** Whether whoever saved the webhook may still act for its party; what was rendered before a right ended is not sent after it. */
async function stillStands({ db }: SenderOptions, networkId: string, endpoint: DueEndpointRow): Promise<boolean> {
  const standing = { networkId, party: partyOf(endpoint), actorKind: endpoint.actor_kind, actorId: endpoint.actor_id };
  if ((await readStanding(db, standing)) !== null) return true;
  await inTransaction(db, (tx) => endWebhook(tx, networkId, endpoint, 'RIGHTS_ENDED'));
  return false;
}

/** Disables a webhook because of what was met, and says so in its party's audit log. */
export async function endWebhook(
  tx: Transaction,
  networkId: string,
  endpoint: Disabled & Pick<DueEndpointRow, 'actor_kind' | 'actor_id'>,
  reason: 'GONE' | 'RIGHTS_ENDED',
): Promise<void> {
  const ended = await endEndpoint(tx, networkId, endpoint.id, reason);
  if (ended !== null) await auditEnd(tx, networkId, endpoint, reason);
}

function auditEnd(
  tx: Transaction,
  networkId: string,
  endpoint: Disabled & Pick<DueEndpointRow, 'actor_kind' | 'actor_id'>,
  reason: 'GONE' | 'RIGHTS_ENDED',
): Promise<void> {
  const actor = actorOf(endpoint.actor_kind, endpoint.actor_id);
  const viewer: Viewer = { networkId, party: partyOf(endpoint), actor, role: null, permissions: new Set(), clientAddress: null };
  return writeAudit(tx, viewer, { action: 'webhook.disabled', subjectId: endpoint.id, data: { reason } });
}

/** The party of an endpoint's row. */
export function partyOf({ station_id, supplier_id }: Pick<Disabled, 'station_id' | 'supplier_id'>): ActingParty {
  if (station_id !== null) return { kind: 'STATION', stationId: station_id };
  if (supplier_id !== null) return { kind: 'SUPPLIER', supplierId: supplier_id };
  throw new Error('a webhook has no party');
}

type Claimed = {
  readonly networkId: string;
  readonly endpoint: DueEndpointRow;
  readonly senderId: string;
  readonly delivery: ClaimedDeliveryRow;
};

async function sendOne(options: SenderOptions, claimed: Claimed): Promise<void> {
  const { db, chance = Math.random } = options;
  const { networkId, endpoint, senderId, delivery } = claimed;
  const startedAt = db.clock();
  const start = performance.now();
  const { outcome, answer } = await call(options, claimed, startedAt);
  const durationMs = Math.round(performance.now() - start);
  await inTransaction(db, async (tx) => {
    const disabled = await writeAttempt(tx, {
      networkId,
      endpointId: endpoint.id,
      deliveryId: delivery.id,
      senderId,
      startedAt,
      durationMs,
      triedCount: delivery.round_count,
      giveUpAt: delivery.give_up_at,
      outcome,
      answer,
      chance: chance(),
    });
    if (disabled !== null) await auditEnd(tx, networkId, endpoint, 'GONE');
  });
}

/** One signed call. Its signature's time is that of the attempt, so that receivers may refuse old ones. */
async function call(
  { vault, outgoing }: SenderOptions,
  { networkId, endpoint, delivery }: Claimed,
  now: Date,
): Promise<{ readonly outcome: AttemptOutcome; readonly answer: string }> {
  const id = webhookId(delivery.id);
  const timestampSeconds = Math.floor(now.getTime() / 1_000);
  const secrets = signingSecrets(vault, networkId, endpoint, now);
  const headers = {
    'content-type': 'application/json',
    'user-agent': USER_AGENT,
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': signatureHeader(secrets, { id, timestampSeconds, body: delivery.payload }),
  };
  try {
    const { status, body } = await outgoing.send({ url: endpoint.url, method: 'POST', headers, body: delivery.payload });
    return { outcome: { status, failure: null }, answer: answerText(body) };
  } catch (error) {
    if (!(error instanceof OutgoingFailure)) throw error;
    return { outcome: { status: null, failure: error.reason }, answer: '' };
  }
}
