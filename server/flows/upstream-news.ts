import type { Connector, NewsFeed, UpstreamAccount } from '#server/connectors/connector.ts';
import type { Upstreams } from '#server/connectors/upstreams.ts';
import { type OfferNews, openAccount } from '#server/offers/rules.ts';
import {
  claimNews,
  type NewsClaimRow,
  type NewsLease,
  releaseNews,
  renewNews,
  selectOffersToAsk,
  selectSealedAccount,
} from '#server/offers/sql.ts';
import type { Database } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { type Loop, startLoop } from '#server/platform/loop.ts';
import { pause } from '#server/platform/pause.ts';
import type { Vault } from '#server/platform/vault.ts';
import { LeaseLost, newsOfOffers, newsOfReading, takeNews } from './take-news.ts';

// What upstreams tell of costs and stock (issue of supply, points 2 and 5). Another Fenzhan is listened to; all others are asked now and
// then. One process at a time has an account, by a lease that it renews; whoever dies is followed by another, from the place that was
// noted with what had been taken in.

/** What following upstreams stands on. `chance`: a number from 0 up to (not with) 1. */
export type NewsGround = {
  readonly db: Database;
  readonly vault: Vault;
  readonly upstreams: Upstreams;
  readonly log: Log;
  readonly chance: () => number;
};

const POLL_MILLISECONDS = 1_000;
const LEASE_MILLISECONDS = 30_000;
const RENEW_MILLISECONDS = 10_000;
/** Accounts that one process follows, and of which it reads everything at a time: a catalogue may have 20,000 goods. */
const FOLLOWED_MOST = 100;
const READING_MOST = 2;
/** Everything is read anew after this: stock that nobody spoke of meanwhile still stands, and nothing stays wrong for ever. */
const READ_AGAIN_MILLISECONDS = 30 * 60_000;
/** News are taken in at most so often: what comes meanwhile is taken together. */
const TAKE_EVERY_MILLISECONDS = 200;
const TAKEN_AT_ONCE = 500;
/** Offers of an upstream that has to be asked: so many, so often, one after the other. */
const ASKED_AT_ONCE = 100;
const ASK_EVERY_MILLISECONDS = 5 * 60_000;
const ASK_PAUSE_MILLISECONDS = 100;
/** Who answers none of so many is left alone until the next round. */
const UNANSWERED_MOST = 3;
const AFTER_REFUSAL_MILLISECONDS = 15 * 60_000;
const AFTER_FAILURE_MOST_MILLISECONDS = 5 * 60_000;
/** Who was listened to for so long has not failed again and again. */
const WELL_AFTER_MILLISECONDS = 60_000;
const FAILURE_CHARACTERS = 300;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Follows the upstreams of all networks until it is stopped. Any number of processes may run it. */
export function startUpstreamNews(ground: NewsGround): Loop {
  const underWay = new Map<Promise<void>, Session>();
  const readingCount = () => [...underWay.values()].filter(({ isReading }) => isReading).length;
  const round = async (stopping: AbortSignal) => {
    const { db } = ground;
    const limit = Math.min(READING_MOST - readingCount(), FOLLOWED_MOST - underWay.size);
    if (limit <= 0) return false;
    const now = db.clock();
    const workerId = db.newId();
    const leaseUntil = new Date(now.getTime() + LEASE_MILLISECONDS);
    for (const claim of await claimNews(db.pool, { workerId, now, leaseUntil, limit })) {
      const session: Session = { claim, lease: leaseOf(claim, workerId), isReading: true, isLive: false, stopping };
      const following = follow(ground, session).finally(() => underWay.delete(following));
      underWay.set(following, session);
    }
    return false;
  };
  const loop = startLoop(ground.log, { subject: 'the following of upstreams', round, pollMilliseconds: POLL_MILLISECONDS });
  return {
    wake: () => loop.wake(),
    stop: async () => {
      await loop.stop();
      await Promise.all(underWay.keys());
    },
  };
}

type Session = {
  readonly claim: NewsClaimRow;
  readonly lease: NewsLease;
  /** From the beginning until everything is read. */
  isReading: boolean;
  /** While the upstream would tell what changes. */
  isLive: boolean;
  readonly stopping: AbortSignal;
};

/** How an account is left: when somebody looks at it next, and what is wrong. */
type Left = { readonly afterMilliseconds: number; readonly failure: string | null; readonly isWell: boolean; readonly readAgain?: boolean };

function leaseOf({ network_id, account_id }: NewsClaimRow, workerId: string): NewsLease {
  return { networkId: network_id, accountId: account_id, workerId };
}

/** Follows one account until it ends, and lets it go. Never throws. */
async function follow(ground: NewsGround, session: Session): Promise<void> {
  const { db, log } = ground;
  const { lease, claim } = session;
  const ending = new AbortController();
  const signal = AbortSignal.any([session.stopping, ending.signal]);
  const renewing = setInterval(() => void renew(ground, session).then((isKept) => isKept || ending.abort()), RENEW_MILLISECONDS);
  try {
    const left = await followUntil(ground, session, signal);
    const failureCount = left.isWell ? 0 : claim.failure_count + 1;
    const now = db.clock();
    const dueAt = new Date(now.getTime() + left.afterMilliseconds);
    const { failure, readAgain = false } = left;
    await releaseNews(db.pool, lease, { now, dueAt, failure: failure?.slice(0, FAILURE_CHARACTERS) ?? null, failureCount, readAgain });
  } catch (error) {
    // the lease runs out, and somebody takes the account up again
    if (!(error instanceof LeaseLost)) log.error({ err: error, accountId: lease.accountId }, 'an upstream could not be followed');
  } finally {
    clearInterval(renewing);
    ending.abort();
  }
}

/** Whether the account is still this worker's. While the database is away nobody else gets it either, until the lease is over. */
async function renew({ db, log }: NewsGround, { lease, isLive }: Session): Promise<boolean> {
  const now = db.clock();
  const leaseUntil = new Date(now.getTime() + LEASE_MILLISECONDS);
  try {
    return await renewNews(db.pool, lease, { now, leaseUntil, isLive });
  } catch (error) {
    log.warn({ err: error, accountId: lease.accountId }, 'the lease of an upstream account could not be renewed');
    return true;
  }
}

async function followUntil(ground: NewsGround, session: Session, signal: AbortSignal): Promise<Left> {
  const { db, vault, upstreams } = ground;
  const row = await selectSealedAccount(db.pool, session.lease.networkId, session.lease.accountId);
  if (row === undefined) throw new Error(`the account ${session.lease.accountId} is not there`);
  const connector = upstreams.connectorOf(row.kind);
  const account = openAccount(vault, row, upstreams.publicUrl);
  const upstream = { connector, account };
  return connector.news ? listen(ground, session, { ...upstream, news: connector.news }, signal) : ask(ground, session, upstream, signal);
}

type Upstream = { readonly connector: Connector; readonly account: UpstreamAccount };

// ---- who tells by itself ----

async function listen(
  ground: NewsGround,
  session: Session,
  upstream: Upstream & { readonly news: NewsFeed },
  signal: AbortSignal,
): Promise<Left> {
  const { db } = ground;
  const { claim, lease } = session;
  const { news, account } = upstream;
  const isRead = claim.read_at !== null && db.clock().getTime() - claim.read_at.getTime() < READ_AGAIN_MILLISECONDS;
  const read = isRead && claim.place !== null ? claim.place : await readAll(ground, session, upstream);
  if (typeof read !== 'string') return read;
  session.isReading = false;
  const begun = performance.now();
  const field = identityOf(upstream.connector);
  const readAt = isRead ? (claim.read_at?.getTime() ?? 0) : db.clock().getTime();
  const timely = AbortSignal.any([signal, AbortSignal.timeout(Math.max(1, readAt + READ_AGAIN_MILLISECONDS - db.clock().getTime()))]);
  const ended = await news.listen(account, {
    place: read,
    hear: async (told, place) => {
      await takeNews(db, lease, { news: await newsOfOffers(db, lease, field, told), place, isAll: false });
      await pause(TAKE_EVERY_MILLISECONDS, timely);
    },
    onLive: () => {
      session.isLive = true;
    },
    stopping: timely,
  });
  session.isLive = false;
  const isWell = performance.now() - begun >= WELL_AFTER_MILLISECONDS;
  switch (ended.kind) {
    case 'STOPPED':
      return { afterMilliseconds: 0, failure: null, isWell: true };
    case 'READ_AGAIN':
      return { ...afterFailure(ground, isWell ? 0 : claim.failure_count), failure: null, isWell, readAgain: true };
    case 'REFUSED':
      return refused(ground, ended.message);
    case 'CUT':
      return { ...afterFailure(ground, isWell ? 0 : claim.failure_count), failure: ended.message, isWell };
  }
}

/** Takes in the whole catalogue, also what it does not list any more; answers the place from which nothing after it is missed. */
async function readAll(ground: NewsGround, session: Session, upstream: Upstream & { readonly news: NewsFeed }): Promise<string | Left> {
  const { db } = ground;
  const { connector, account, news } = upstream;
  const read = await news.readAll(account);
  if (read.kind === 'FAILED') {
    const { reason, message } = read;
    if (reason === 'ACCOUNT_REFUSED') return refused(ground, message);
    return { ...afterFailure(ground, session.claim.failure_count), failure: `${reason}: ${message}`, isWell: false };
  }
  const { place, news: told } = read.value;
  const entries = [...(await newsOfReading(db, session.lease, identityOf(connector), told))];
  for (let from = 0; from < entries.length || from === 0; from += TAKEN_AT_ONCE) {
    const isAll = from + TAKEN_AT_ONCE >= entries.length;
    await takeNews(db, session.lease, { news: new Map(entries.slice(from, from + TAKEN_AT_ONCE)), place, isAll });
  }
  return place;
}

/** What goods are called first of all: other words of an offer only say more. */
function identityOf({ goodsFields, kind }: Connector): string {
  const [first] = goodsFields;
  if (first === undefined) throw new Error(`goods of ${kind} have no name`);
  return first.name;
}

// ---- who has to be asked ----

/** Asks what the next offers cost and how many there are, one after the other, and goes on behind them the next time. */
async function ask(ground: NewsGround, session: Session, { connector, account }: Upstream, signal: AbortSignal): Promise<Left> {
  const { db } = ground;
  const { lease, claim } = session;
  const offers = await selectOffersToAsk(db.pool, lease, { afterId: claim.place ?? FIRST_ID, limit: ASKED_AT_ONCE });
  const news = new Map<string, OfferNews>();
  let [lastId, failure, unanswered] = [claim.place ?? FIRST_ID, null as string | null, 0];
  for (const offer of offers) {
    if (signal.aborted || unanswered >= UNANSWERED_MOST) break;
    const quoted = await connector.quote(account, offer.goods, offer.min_quantity);
    if (quoted.kind === 'ANSWERED') news.set(offer.id, quoted.value);
    else if (quoted.reason === 'ACCOUNT_REFUSED') return refused(ground, quoted.message);
    else if (SOLD_OUT.includes(quoted.reason)) news.set(offer.id, { cost: null, stockCount: 0 });
    else failure = `${quoted.reason}: ${quoted.message}`;
    unanswered = news.has(offer.id) ? 0 : unanswered + 1;
    lastId = offer.id;
    await pause(ASK_PAUSE_MILLISECONDS, signal);
  }
  const isRound = offers.length < ASKED_AT_ONCE && lastId === (offers.at(-1)?.id ?? lastId);
  await takeNews(db, lease, { news, place: isRound ? FIRST_ID : lastId, isAll: isRound });
  return { afterMilliseconds: about(ground, ASK_EVERY_MILLISECONDS), failure, isWell: failure === null };
}

/** Answers that say of some goods that there are none to be had now. */
const SOLD_OUT: readonly string[] = ['OUT_OF_STOCK', 'GOODS_PAUSED', 'GOODS_NOT_FOUND'];

// ---- pauses ----

/** An account that was refused is asked again by itself, since keys are also put right at the other side. */
function refused(ground: NewsGround, message: string): Left {
  return { afterMilliseconds: about(ground, AFTER_REFUSAL_MILLISECONDS), failure: `ACCOUNT_REFUSED: ${message}`, isWell: false };
}

/** A random part of a wait that doubles with each failure, so that not all come back in the same moment. */
function afterFailure({ chance }: NewsGround, failureCount: number): { readonly afterMilliseconds: number } {
  return { afterMilliseconds: chance() * Math.min(AFTER_FAILURE_MOST_MILLISECONDS, 1_000 * 2 ** Math.min(failureCount, 20)) };
}

/** So long, more or less by a quarter. */
function about({ chance }: NewsGround, milliseconds: number): number {
  return milliseconds * (0.75 + chance() / 2);
}
