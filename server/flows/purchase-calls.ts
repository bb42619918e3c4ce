import type { ConnectorAbilities, UpstreamPurchase, UpstreamReply, WireRecord } from '#server/connectors/connector.ts';
import { run } from '#server/platform/database.ts';
import { currencyCode, money } from '#server/platform/money.ts';
import type { NewStep } from '#server/purchases/commands.ts';
import {
  type AttemptFacts,
  canBeAsked,
  type Decision,
  judgeLostWorker,
  judgeReply,
  type KeyShape,
  keyShapeOf,
  type SealedWire,
  sealWire,
} from '#server/purchases/rules.ts';
import { type ClaimedAttemptRow, selectSampleKeys } from '#server/purchases/sql.ts';
import { fingerprintCardKey, lotContext, openCardKey, sealCardKey } from '#server/stock/rules.ts';
import { openOrderInputs } from './order-input.ts';
import type { Claim } from './purchase-claims.ts';
import type { PurchaseGround } from './purchase-ground.ts';
import type { BoughtGoods } from './settle-lines.ts';

/** An attempt after its call: what is to become of it, the goods sealed, what went over the wire sealed. */
export interface CalledAttempt {
  readonly row: ClaimedAttemptRow;
  readonly workerId: string;
  readonly decision: Decision;
  readonly goods: BoughtGoods | null;
  readonly upstreamRef: string | null;
  /** Whether the upstream can be asked, later, if a refusal of it stands. */
  readonly canVerify: boolean;
  readonly step: Pick<NewStep, 'kind' | 'outcome' | 'message' | 'status' | 'durationMs'> & { readonly wire: SealedWire | null };
}

/** What a call brought, for the account's health; null when nobody was called. */
export type CallHealth = { readonly outcome: UpstreamReply['outcome']; readonly durationMs: number } | null;

/**
 * Asks the upstream, outside of any transaction: buys what was never sent, asks for the outcome of everything else. Its answer is judged,
 * and the goods in it are sealed for the rows that they will be. Never throws for what the other side does.
 */
export async function callUpstream(
  ground: PurchaseGround,
  claim: Claim,
  row: ClaimedAttemptRow,
): Promise<{ readonly called: CalledAttempt; readonly health: CallHealth }> {
  const { abilities } = claim.connector;
  const facts = factsOf(claim, row);
  const kind = row.was === 'PLANNED' ? 'SENT' : abilities.canQuery || row.upstream_ref !== null ? 'QUERIED' : 'RESENT';
  if (kind !== 'SENT' && !canBeAsked(abilities, facts)) {
    const decision = judgeLostWorker({ attempt: facts, abilities, shape: null, now: ground.db.clock(), chance: ground.chance() });
    return {
      called: { ...undelivered(claim, row, decision), step: { kind: 'LEASE_LOST', outcome: 'CANNOT_ASK', wire: null } },
      health: null,
    };
  }
  const start = performance.now();
  const reply = await sent(ground, claim, row);
  const durationMs = Math.round(performance.now() - start);
  const called = await judged(ground, claim, { row, facts, abilities, reply, durationMs, kind });
  return { called, health: { outcome: reply.outcome, durationMs } };
}

function factsOf({ connector }: Claim, row: ClaimedAttemptRow): AttemptFacts {
  const currency = currencyCode(row.currency);
  return {
    state: row.state,
    connectorKind: connector.kind,
    quantity: row.quantity,
    goodsKind: row.goods_kind,
    quotedCost: money(row.quoted_cost, currency),
    costLimit: row.cost_limit === null ? null : money(row.cost_limit, currency),
    rate: row.rate,
    sentAt: row.sent_at,
    acceptedAt: row.accepted_at,
    upstreamRef: row.upstream_ref,
    queryCount: row.query_count,
    notFoundCount: row.not_found_count,
  };
}

async function sent(ground: PurchaseGround, { account, connector, networkId }: Claim, row: ClaimedAttemptRow): Promise<UpstreamReply> {
  try {
    if (account === null) throw new Error('the account could not be opened');
    const purchase = await purchaseOf(ground, networkId, row);
    return row.was === 'PLANNED' ? await connector.purchase(account, purchase) : await connector.query(account, purchase);
  } catch (error) {
    // a connector throws for nothing that the other side does: this is ours, and nobody knows how far it came
    ground.log.error({ err: error, attemptId: row.id }, 'a purchase attempt could not be sent');
    const message = 'It could not be sent; see the log.';
    const neverLeft = row.was === 'PLANNED' && account === null;
    return neverLeft
      ? { outcome: { kind: 'REJECTED', reason: 'NOT_SENT', message, upstreamRef: null }, wire: [] }
      : { outcome: { kind: 'UNKNOWN', reason: 'NOT_READABLE', message }, wire: [] };
  }
}

async function purchaseOf({ db, vault }: PurchaseGround, networkId: string, row: ClaimedAttemptRow): Promise<UpstreamPurchase> {
  const inputs =
    row.goods_kind === 'TOP_UP' && row.order_id !== null ? await openOrderInputs(db.pool, vault, networkId, [row.order_id]) : null;
  return {
    requestKey: row.request_key,
    goods: row.goods,
    quantity: row.quantity,
    maxCost: row.upstream_max_cost,
    inputFields: inputs?.get(row.order_id ?? '') ?? {},
    goodsKind: row.goods_kind,
    sentAt: row.was === 'PLANNED' ? null : row.sent_at,
    upstreamRef: row.upstream_ref,
  };
}

type Judged = {
  readonly row: ClaimedAttemptRow;
  readonly facts: AttemptFacts;
  readonly abilities: ConnectorAbilities;
  readonly reply: UpstreamReply;
  readonly durationMs: number;
  readonly kind: 'SENT' | 'RESENT' | 'QUERIED';
};

async function judged(
  ground: PurchaseGround,
  claim: Claim,
  { row, facts, abilities, reply, durationMs, kind }: Judged,
): Promise<CalledAttempt> {
  const { outcome, wire } = reply;
  const shape = outcome.kind === 'SUCCEEDED' && outcome.cardKeys.length > 0 ? await shapeOf(ground, claim.networkId, row.sku_id) : null;
  const decision = judgeReply({ attempt: facts, abilities, shape, now: ground.db.clock(), chance: ground.chance() }, outcome);
  return {
    ...undelivered(claim, row, decision),
    goods: decision.kind === 'GOODS' ? sealGoods(ground, claim.networkId, row, decision) : null,
    upstreamRef: 'upstreamRef' in outcome ? outcome.upstreamRef : null,
    step: {
      kind,
      outcome: outcome.kind,
      message: 'reason' in outcome ? `${outcome.reason}: ${outcome.message}` : '',
      status: wire.at(-1)?.status ?? null,
      durationMs,
      wire: sealWire(ground.vault, claim.networkId, row.id, wire as readonly WireRecord[]),
    },
  };
}

function undelivered({ workerId, connector }: Claim, row: ClaimedAttemptRow, decision: Decision): Omit<CalledAttempt, 'step'> {
  return { row, workerId, decision, goods: null, upstreamRef: null, canVerify: connector.abilities.canQuery };
}

/** Seals what came, before any transaction, for the lot and the rows that it will be. */
export function sealGoods(
  { db, vault }: Pick<PurchaseGround, 'db' | 'vault'>,
  networkId: string,
  { sku_id: skuId, goods_kind: goodsKind }: Pick<ClaimedAttemptRow, 'sku_id' | 'goods_kind'>,
  { cardKeys, deliveredQuantity }: Pick<Decision & { readonly kind: 'GOODS' }, 'cardKeys' | 'deliveredQuantity'>,
): BoughtGoods {
  if (goodsKind === 'TOP_UP') return { kind: 'TOP_UP', deliveredQuantity };
  const lotId = db.newId();
  const wrapped = vault.createDataKey(lotContext(networkId, lotId));
  const keys = cardKeys.map((key) => {
    const id = db.newId();
    return {
      id,
      sealed: sealCardKey(vault, { wrapped, networkId, lotId, skuId, keyId: id }, key),
      fingerprint: fingerprintCardKey(vault, networkId, key),
    };
  });
  return { kind: 'CARD_KEY', lot: { id: lotId, ...wrapped, expiresOn: null }, keys };
}

const SHAPE_STANDS_MILLISECONDS = 60_000;
const SHAPES_KEPT = 5_000;
const shapes = new WeakMap<PurchaseGround, Map<string, { readonly shape: KeyShape | null; readonly until: number }>>();

/** What the SKU's card keys look like; looked up once a minute. */
async function shapeOf(ground: PurchaseGround, networkId: string, skuId: string): Promise<KeyShape | null> {
  const known = shapes.get(ground) ?? new Map();
  shapes.set(ground, known);
  const found = known.get(skuId);
  if (found !== undefined && found.until > performance.now()) return found.shape;
  const rows = await run(ground.db.pool, selectSampleKeys, [networkId, skuId]);
  const keys = rows.map((row) => {
    const wrapped = { dataKey: row.data_key, vaultKeyId: row.vault_key_id };
    return openCardKey(ground.vault, { wrapped, networkId, lotId: row.lot_id, skuId: row.sku_id, keyId: row.id }, row.sealed);
  });
  const shape = keyShapeOf(keys);
  if (known.size >= SHAPES_KEPT) known.clear();
  known.set(skuId, { shape, until: performance.now() + SHAPE_STANDS_MILLISECONDS });
  return shape;
}
