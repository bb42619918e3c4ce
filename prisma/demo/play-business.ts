import type { Viewer } from '#server/accounts/rules.ts';
import { freezeStation } from '#server/flows/freeze-station.ts';
import { decideWaitingRefund, refundOrder } from '#server/flows/refund-order.ts';
import { revealCardKeys } from '#server/flows/reveal-card-keys.ts';
import { setMarkupRule } from '#server/flows/set-markup-rule.ts';
import { topUpWallet } from '#server/flows/top-up-wallet.ts';
import type { Database } from '#server/platform/database.ts';
import type { Vault } from '#server/platform/vault.ts';
import type { MarkupRuleData } from './data.ts';
import { ownerViewer } from './people.ts';
import type { PlannedRefund } from './plan-refunds.ts';
import type { PlannedTopUp } from './plan-top-ups.ts';
import { type CatalogueIds, scopeIds } from './write-catalogue.ts';
import { known, levelKey, type NetworkIds } from './write-network.ts';

/** The network in which people act. */
export interface Office {
  readonly db: Database;
  readonly vault: Vault;
  readonly network: NetworkIds;
  readonly goods: CatalogueIds;
  readonly finance: Viewer;
  /** Headquarters' second person for large refunds. */
  readonly reviewer: Viewer;
  /** Headquarters by code. */
  readonly headquarters: string;
}

/** Pays money in, by headquarters' finance or from the parent's wallet. */
export async function playTopUp({ db, network, finance }: Office, { at, station, payer, amount }: PlannedTopUp): Promise<void> {
  const viewer = payer === null ? finance : ownerViewer(network, payer);
  const requestKey = `demo-top-up-${station}-${at.toISOString()}`;
  const outcome = await topUpWallet(db, viewer, {
    requestKey,
    stationId: known(network.stations, station),
    amount,
    note: payer === null ? '银行转账' : '上级拨款',
  });
  // a parent that ran dry itself pays nothing: headquarters helps when the child needs it
  if (outcome.kind !== 'WALLET_TOPPED_UP' && outcome.kind !== 'INSUFFICIENT_BALANCE')
    throw new Error(`the demo could not top up ${station}: ${outcome.kind}`);
}

/** Headquarters freezes a station. */
export async function playFreeze(
  { db, network, headquarters }: Office,
  frozen: { readonly station: string; readonly reason: string },
): Promise<void> {
  const input = { stationId: known(network.stations, frozen.station), expectedVersion: 1, reason: frozen.reason };
  const outcome = await freezeStation(db, ownerViewer(network, headquarters), input);
  if (outcome.kind !== 'STATION_FROZE') throw new Error(`the demo could not freeze ${frozen.station}: ${outcome.kind}`);
}

/** A station changes its mind about a markup: the old version ends, a new one begins. `replaces`: whether a rule stands there. */
export async function playRuleEdit({ db, network, goods }: Office, rule: MarkupRuleData, replaces: boolean): Promise<void> {
  const scope = scopeIds(goods, rule);
  const outcome = await setMarkupRule(db, ownerViewer(network, rule.station), {
    childId: rule.child === undefined ? null : known(network.stations, rule.child),
    levelId: rule.level === undefined ? null : known(network.levels, levelKey(rule.station, rule.level)),
    skuId: scope.sku_id,
    productId: scope.product_id,
    categoryId: scope.category_id,
    kind: rule.kind,
    value: rule.value,
    breaks: rule.breaks,
    inversion: rule.inversion,
    expectedVersion: replaces ? 1 : null,
    reason: rule.reason,
  });
  if (outcome.kind !== 'MARKUP_RULE_SET') throw new Error(`the demo could not set a rule of ${rule.station}: ${outcome.kind}`);
}

/** A buyer looks at the keys of some of its orders. */
export async function playReveal({ db, vault }: Office, buyer: Viewer, orderIds: readonly string[]): Promise<void> {
  const outcome = await revealCardKeys(db, vault, buyer, orderIds);
  if (outcome.kind !== 'CARD_KEYS_REVEALED') throw new Error(`the demo could not reveal card keys: ${outcome.kind}`);
}

/** Headquarters' finance gives money back. Above the network's limit a second person approves, unless the refund is to wait. */
export async function playRefund({ db, finance, reviewer }: Office, orderId: string, refund: PlannedRefund): Promise<void> {
  const requestKey = `demo-refund-${refund.order}`;
  const { amount, bearer, reason, waits } = refund;
  const outcome = await refundOrder(db, finance, { requestKey, orderId, amount, cardKeyIds: null, bearer, reason });
  if (outcome.kind === 'ORDER_REFUNDED' || (outcome.kind === 'REFUND_REQUESTED' && waits)) return;
  if (outcome.kind !== 'REFUND_REQUESTED') throw new Error(`the demo could not refund order ${refund.order}: ${outcome.kind}`);
  const decision = { requestKey, refundId: outcome.refundId, approve: true, bearer: null, reason: null };
  const decided = await decideWaitingRefund(db, reviewer, decision);
  if (decided.kind !== 'ORDER_REFUNDED') throw new Error(`the demo could not approve the refund of order ${refund.order}: ${decided.kind}`);
}
