import type { Viewer } from '#server/accounts/rules.ts';
import type { ControllableClock } from '#server/platform/clock.ts';
import { inTransaction } from '#server/platform/database.ts';
import type { DemoData } from './data.ts';
import type { PlannedOrder } from './plan-orders.ts';
import type { PlannedRefund } from './plan-refunds.ts';
import type { PlannedLot } from './plan-stock.ts';
import type { PlannedTopUp } from './plan-top-ups.ts';
import { type Office, playFreeze, playRefund, playReveal, playRuleEdit, playTopUp } from './play-business.ts';
import { cutIntoLists, type NumberedOrder, placeList } from './play-orders.ts';
import { isRuleHere } from './write-catalogue.ts';
import { known } from './write-network.ts';
import { type StockSource, writeLots } from './write-stock.ts';

const DAY = 86_400_000;
/** Orders of long ago share a commit by the hours, those of the last days by the minutes: that is as near as anybody looks. */
const SPAN_MINUTES = 280;
const RECENT_SPAN_MINUTES = 20;
const RECENT_DAYS = 2;
/** After so many orders the planner's statistics are made anew: plans made over empty tables are slow over full ones. */
const STATISTICS_AFTER = [40, 1_500, 15_000, 150_000];
const REVEAL_EVERY_DAYS = 6;
const REVEAL_ORDERS = 40;

/** Everything that happens, planned. */
export interface Story {
  readonly start: Date;
  readonly until: Date;
  readonly orders: readonly PlannedOrder[];
  readonly lots: readonly PlannedLot[];
  readonly topUps: readonly PlannedTopUp[];
  readonly refunds: readonly PlannedRefund[];
  readonly frozen: { readonly station: string; readonly reason: string; readonly from: Date } | null;
  /** Stations whose people look at the keys that they bought, by code. */
  readonly revealers: readonly string[];
}

/** Where it happens. */
export interface Stage {
  readonly office: Office;
  readonly stock: StockSource;
  readonly data: DemoData;
  readonly clock: ControllableClock;
  /** By station code. */
  readonly buyers: ReadonlyMap<string, Viewer>;
  /** Has the database look at its tables again. */
  refreshStatistics(): Promise<void>;
}

/** What became of the orders: how many of each outcome. */
export type StoryOutcome = ReadonlyMap<string, number>;

interface Act {
  readonly at: Date;
  run(): Promise<void>;
}

/** Lives through the story, act by act, with the clock of each. */
export async function playStory(stage: Stage, story: Story): Promise<StoryOutcome> {
  const outcomes = new Map<string, number>();
  // of acts at one instant the first named comes first: money and goods before those who buy
  const acts = [
    ...story.topUps.map((topUp) => ({ at: topUp.at, run: () => playTopUp(stage.office, topUp) })),
    ...lotActs(stage, story.lots),
    ...ruleEditActs(stage, story),
    ...orderActs(stage, story, outcomes),
    ...(story.frozen === null ? [] : [freezeAct(stage, story.frozen)]),
  ].toSorted((a, b) => a.at.getTime() - b.at.getTime());
  for (const act of acts) {
    stage.clock.set(act.at);
    await act.run();
  }
  stage.clock.set(story.until);
  return outcomes;
}

function lotActs({ office, stock }: Stage, lots: readonly PlannedLot[]): Act[] {
  const byInstant = Map.groupBy(lots, ({ at }) => at.getTime());
  return [...byInstant].map(([instant, arriving]) => ({
    at: new Date(instant),
    run: () => inTransaction(office.db, (tx) => writeLots(tx, stock, arriving)),
  }));
}

function ruleEditActs({ office, data }: Stage, { start, until }: Story): Act[] {
  const { markupRules, markupRuleEdits } = data.network;
  const target = ({ station, child, level, category, product, sku }: (typeof markupRules)[number]) =>
    [station, child, level, category, product, sku].join('\0');
  return markupRuleEdits
    .filter((edit) => isRuleHere(office.network, office.goods, edit))
    .map((edit) => {
      const replaces = markupRules.some((rule) => target(rule) === target(edit));
      return { at: new Date(start.getTime() + edit.day * DAY + DAY / 2), run: () => playRuleEdit(office, edit, replaces) };
    })
    .filter(({ at }) => at < until);
}

function freezeAct({ office }: Stage, frozen: NonNullable<Story['frozen']>): Act {
  return { at: frozen.from, run: () => playFreeze(office, frozen) };
}

function orderActs(stage: Stage, story: Story, outcomes: Map<string, number>): Act[] {
  const recent = new Date(story.until.getTime() - RECENT_DAYS * DAY);
  const numbered = story.orders.map((order, number) => ({ ...order, number }));
  const lists = [
    ...cutIntoLists(
      numbered.filter(({ at }) => at < recent),
      { spanMinutes: SPAN_MINUTES, midnight: story.start },
    ),
    ...cutIntoLists(
      numbered.filter(({ at }) => at >= recent),
      { spanMinutes: RECENT_SPAN_MINUTES, midnight: story.start },
    ),
  ];
  const desk = { db: stage.office.db, buyers: stage.buyers, skus: stage.office.goods.skus, finance: stage.office.finance };
  const placed = new Map<number, string>();
  let count = 0;
  const run = async (list: readonly NumberedOrder[]) => {
    for (const [index, outcome] of (await placeList(desk, list)).entries()) {
      const order = list[index];
      if (outcome.kind === 'ORDER_PLACED' && order !== undefined) placed.set(order.number, outcome.orderId);
      const name = outcome.kind === 'NOT_SELLABLE' ? `${outcome.kind} ${outcome.reason}` : outcome.kind;
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
    }
    const before = count;
    count += list.length;
    if (STATISTICS_AFTER.some((after) => before < after && after <= count)) await stage.refreshStatistics();
  };
  return [
    ...lists.map((list) => ({ at: list.at(-1)?.at ?? story.start, run: () => run(list) })),
    ...revealActs(stage, story, numbered, placed),
    ...story.refunds.map((refund) => refundAct(stage, refund, placed)),
  ];
}

function refundAct({ office }: Stage, refund: PlannedRefund, placed: ReadonlyMap<number, string>): Act {
  const run = async () => {
    const orderId = placed.get(refund.order);
    if (orderId !== undefined) await playRefund(office, orderId, refund);
  };
  return { at: refund.at, run };
}

/** Every few days some buyers look at what they bought; of the last days' orders nothing is revealed yet. */
function revealActs(
  stage: Stage,
  { start, until, revealers }: Story,
  orders: readonly NumberedOrder[],
  placed: ReadonlyMap<number, string>,
): Act[] {
  const acts: Act[] = [];
  const step = REVEAL_EVERY_DAYS * DAY;
  for (let from = start.getTime(); from + step < until.getTime() - RECENT_DAYS * DAY; from += step) {
    const bought = orders.filter(({ at }) => at.getTime() >= from && at.getTime() < from + step);
    for (const code of revealers) {
      const mine = bought.filter(({ buyer }) => buyer === code).slice(0, REVEAL_ORDERS);
      const run = async () => {
        const orderIds = mine.flatMap(({ number }) => placed.get(number) ?? []);
        if (orderIds.length > 0) await playReveal(stage.office, known(stage.buyers, code), orderIds);
      };
      if (mine.length > 0) acts.push({ at: new Date(from + step + DAY / 6), run });
    }
  }
  return acts;
}
