import { createHash } from 'node:crypto';
import {
  type CheckProblem,
  contentProblems,
  isNearDuplicate,
  type ListingSnapshot,
  linksIn,
  marginBps,
  plainText,
  priceProblems,
  problem,
  titleOf,
  titleShape,
} from '#server/listings/rules.ts';
import {
  type BundlePart,
  type CheckResult,
  type ClaimedCheck,
  claimDueCheck,
  lockClaimedCheck,
  notePicture,
  type Picture,
  selectComponents,
  selectCosts,
  selectListings,
  selectParts,
  selectPolicy,
  selectTestPurchase,
  selectTitles,
  selectVersion,
  writeCheckResult,
} from '#server/listings/sql.ts';
import { selectNetwork } from '#server/network/sql.ts';
import { chooseOffer, type RoutingPolicy } from '#server/offers/rules.ts';
import { loadCandidates } from '#server/offers/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { type Loop, startLoop } from '#server/platform/loop.ts';
import { money, scaleMoney } from '#server/platform/money.ts';
import { type Outgoing, OutgoingFailure } from '#server/platform/outgoing.ts';
import { lookOf } from '#server/platform/picture-look.ts';
import { planAttempts } from '#server/purchases/commands.ts';
import { goLiveDue } from './listing-states.ts';
import { loadPriceFacts, tellOfListing } from './listing-versions.ts';

// The checks of a submitted listing (domain §6), done by workers: calls to addresses that users wrote, and purchases, are made
// outside of transactions. Any number of processes may run them: a check is claimed until a time, and a worker that dies leaves it.

/** What the checks stand on. */
export type CheckGround = { readonly db: Database; readonly outgoing: Outgoing };

const POLL_MILLISECONDS = 500;
const LEASE_MILLISECONDS = 120_000;
/** How often a test purchase that is under way is looked at. */
const PURCHASE_MILLISECONDS = 2_000;
/** A link that does not answer is called so many times before it fails, so long apart. */
const LINK_TRIES = 3;
const LINK_PAUSE_MILLISECONDS = 20_000;

/** Runs checks, and lets listings go live at their time, until it is stopped. */
export function startListingWorker(ground: CheckGround, log: Log): Loop {
  const round = async () => {
    const live = await goLiveDue(ground.db);
    const checked = await runNextCheck(ground);
    return checked || live > 0;
  };
  return startLoop(log, { subject: 'the checks of listings', round, pollMilliseconds: POLL_MILLISECONDS });
}

/** Does the check that has waited longest, of any network; false when none waits. */
export async function runNextCheck(ground: CheckGround): Promise<boolean> {
  const now = ground.db.clock();
  const check = await claimDueCheck(ground.db.pool, now, new Date(now.getTime() + LEASE_MILLISECONDS));
  if (check === null) return false;
  const version = await selectVersion(ground.db.pool, check.network_id, check.sku_id, check.number);
  if (version === null) throw new Error(`the version ${check.number} of ${check.sku_id} that is checked is not there`);
  const judged = await judge(ground, check, version.snapshot);
  await inTransaction(ground.db, (tx) => settle(tx, check, judged));
  return true;
}

/** What a check found, and what else is written with it. */
type Judged = {
  readonly result: CheckResult;
  /** Within the transaction of the result: may find more. */
  readonly effect?: (tx: Transaction) => Promise<readonly CheckProblem[]>;
};

async function settle(tx: Transaction, check: ClaimedCheck, { result, effect }: Judged): Promise<void> {
  const { network_id: networkId, owner_id: ownerId, sku_id: skuId } = check;
  // somebody else has it by now, or it is another submission's
  if (!(await lockClaimedCheck(tx, check))) return;
  const more = (await effect?.(tx)) ?? [];
  await writeCheckResult(tx, networkId, check.id, more.length === 0 ? result : failed([...result.problems, ...more], result.facts));
  if (result.state !== 'PENDING') await tellOfListing(tx, { networkId, ownerId }, [skuId], { buyersToo: false });
}

function judge(ground: CheckGround, check: ClaimedCheck, said: ListingSnapshot): Promise<Judged> {
  switch (check.kind) {
    case 'CONTENT':
      return judgeContent(ground, check, said);
    case 'TECHNICAL':
      return judgeTechnical(ground, check, said);
    case 'PRICE':
      return judgePrice(ground, check);
  }
}

// ---- content ----

async function judgeContent({ db, outgoing }: CheckGround, check: ClaimedCheck, said: ListingSnapshot): Promise<Judged> {
  const [listing] = await selectListings(db.pool, { networkId: check.network_id, stationId: check.owner_id }, [check.sku_id]);
  if (!listing) throw new Error(`the listing ${check.sku_id} that is checked is not there`);
  const policy = await selectPolicy(db.pool, check.network_id);
  const calls = await callAddresses(outgoing, said);
  const linkTries = Number(check.facts['linkTries'] ?? 0) + 1;
  if (calls.silent && linkTries < LINK_TRIES) return { result: pending(db, LINK_PAUSE_MILLISECONDS, { linkTries }) };
  const twins = await findTitleTwins(db, check, listing.product_id, said);
  const problems = [...contentProblems(said, policy), ...calls.problems, ...twins];
  const facts = { linkCount: linksIn(said.description).length };
  const { picture } = calls;
  return {
    result: ended(problems, facts),
    ...(picture === null ? {} : { effect: (tx) => pictureTwins(tx, check, listing.product_id, picture) }),
  };
}

const TITLES_AT_ONCE = 2_000;
const TWINS_MAX = 5;

/** Listings on the owner's line whose title says the same; denominations of one product are told apart by their own names. */
async function findTitleTwins(db: Database, check: ClaimedCheck, productId: string, said: ListingSnapshot): Promise<CheckProblem[]> {
  const shape = titleShape(titleOf(said));
  const problems: CheckProblem[] = [];
  for (let after = '00000000-0000-0000-0000-000000000000'; problems.length < TWINS_MAX; ) {
    const rows = await selectTitles(db.pool, check.network_id, check.owner_id, after, TITLES_AT_ONCE);
    for (const row of rows) {
      const isOther = row.product_id === productId && plainText(row.sku_name) !== plainText(said.skuName);
      if (row.id === check.sku_id || isOther || problems.length === TWINS_MAX) continue;
      const title = titleOf({ productName: row.product_name, skuName: row.sku_name, scene: row.scene });
      if (isNearDuplicate(shape, titleShape(title)))
        problems.push(problem('TITLE_DUPLICATE', 'title', `Another listing has nearly the same title: ${title}.`));
    }
    const last = rows.at(-1);
    if (rows.length < TITLES_AT_ONCE || !last) return problems;
    after = last.id;
  }
  return problems;
}

type Called = { readonly problems: readonly CheckProblem[]; readonly picture: Picture | null; readonly silent: boolean };

const PICTURE_BYTES_MAX = 2 * 1024 * 1024;
const LINK_BYTES = 1024;
const CALL_MILLISECONDS = 8_000;
/** The first bytes of PNG, JPEG, GIF; WebP stands in a RIFF. */
const GIF_HEAD = '47494638';
const PICTURE_HEADS = ['89504e470d0a1a0a', 'ffd8ff', GIF_HEAD, '52494646'];

/** Calls the links of the description and the picture, a few at a time. `silent`: one of them brought no answer at all, which may pass. */
async function callAddresses(outgoing: Outgoing, said: ListingSnapshot): Promise<Called> {
  const links = linksIn(said.description).slice(0, 20);
  const problems: CheckProblem[] = [];
  let silent = false;
  const call = async (url: string, field: string, answerBytes: number) => {
    try {
      const answer = await outgoing.send({
        url,
        method: 'GET',
        headers: { accept: '*/*' },
        answerBytes,
        totalMilliseconds: CALL_MILLISECONDS,
      });
      if (answer.status >= 200 && answer.status < 400) return answer;
      problems.push(problem('LINK_DEAD', field, `${url} answers ${answer.status}.`));
    } catch (error) {
      if (!(error instanceof OutgoingFailure)) throw error;
      silent ||= error.reason !== 'URL_NOT_ALLOWED' && error.reason !== 'ADDRESS_NOT_ALLOWED';
      problems.push(problem('LINK_DEAD', field, `${url} does not answer: ${error.reason}.`));
    }
    return null;
  };
  for (let from = 0; from < links.length; from += 4) {
    await Promise.all(links.slice(from, from + 4).map((url) => call(url, 'description', LINK_BYTES)));
  }
  const shown = said.pictureUrl === null ? null : await call(said.pictureUrl, 'pictureUrl', PICTURE_BYTES_MAX);
  if (shown === null) return { problems, picture: null, silent };
  const picture = shown.status === 200 && !shown.isCut ? await pictureIn(shown.body) : null;
  if (picture === null)
    problems.push(
      problem('PICTURE_UNREADABLE', 'pictureUrl', 'There is no whole PNG, JPEG, GIF or WebP of at most 2 MiB and 16 million dots.'),
    );
  return { problems, picture, silent };
}

/** The picture that an answer holds; null when it holds none. A GIF may move: it is known by its bytes alone. */
async function pictureIn(body: Buffer): Promise<Picture | null> {
  const head = body.subarray(0, 8).toString('hex');
  if (!PICTURE_HEADS.some((each) => head.startsWith(each))) return null;
  const seen = head.startsWith(GIF_HEAD) ? null : await lookOf(body);
  if (seen?.kind === 'UNREADABLE') return null;
  return { hash: createHash('sha256').update(body).digest(), look: seen?.kind === 'LOOK' ? seen.look : null };
}

async function pictureTwins(tx: Transaction, check: ClaimedCheck, productId: string, picture: Picture): Promise<CheckProblem[]> {
  const twins = await notePicture(tx, check.network_id, productId, picture);
  return twins.map(({ name, is_same }) =>
    problem('PICTURE_DUPLICATE', 'pictureUrl', `Another product shows ${is_same ? 'the same' : 'nearly the same'} picture: ${name}.`),
  );
}

// ---- technical ----

async function judgeTechnical(ground: CheckGround, check: ClaimedCheck, said: ListingSnapshot): Promise<Judged> {
  const { db } = ground;
  if (said.deliveryKind === 'BUNDLE') return { result: ended(await componentProblems(db, check), {}) };
  if (said.deliveryKind === 'FROM_STOCK') {
    const [stock] = await selectCosts(db.pool, check.network_id, [check.sku_id], db.clock(), said.minQuantity);
    const isThere = (stock?.available_count ?? 0) >= said.minQuantity;
    const missing = problem('STOCK_MISSING', 'stock', `Fewer than ${said.minQuantity} card keys are in stock: import some first.`);
    return { result: ended(isThere ? [] : [missing], { availableCount: stock?.available_count ?? 0 }) };
  }
  // a machine has no account to top up: a person tries it and says so
  if (said.goodsKind === 'TOP_UP') return { result: { ...pending(db, 0, { needsPerson: true }), dueAt: null } };
  return check.attempt_id === null ? planTestPurchase(db, check, said) : { result: await purchaseResult(db, check, check.attempt_id) };
}

const COMPONENT_STATES: readonly string[] = ['LIVE', 'APPROVED'];

async function componentProblems(db: Database, check: ClaimedCheck): Promise<CheckProblem[]> {
  return inTransaction(db, async (tx) => {
    const components = (await selectComponents(tx, check.network_id, [check.sku_id])).get(check.sku_id) ?? [];
    if (components.length === 0) return [problem('COMPONENTS_MISSING', 'components', 'The bundle has no components.')];
    const parts = await selectParts(
      tx,
      check.network_id,
      components.map(({ componentSkuId }) => componentSkuId),
    );
    const isSold = (part: BundlePart | undefined) => part !== undefined && COMPONENT_STATES.includes(part.listingState);
    return components.some(({ componentSkuId }) => !isSold(parts.get(componentSkuId)))
      ? [problem('COMPONENT_NOT_LIVE', 'components', 'A component is neither for sale nor approved.')]
      : [];
  });
}

/** Buys the smallest quantity from the cheapest offer; the goods come into stock. */
async function planTestPurchase(db: Database, check: ClaimedCheck, said: ListingSnapshot): Promise<Judged> {
  const { network_id: networkId, sku_id: skuId } = check;
  const { currency, timeZone } = await selectNetwork(db.pool, networkId);
  const now = db.clock();
  const offers =
    (await loadCandidates(db.pool, networkId, [skuId], { instant: now, localDate: localDate(now, timeZone) })).get(skuId) ?? [];
  const quantity = said.minQuantity;
  const costLimit = scaleMoney(money(said.basePrice, currency), BigInt(quantity), BigInt(said.unitSize), 'AMOUNT');
  const policy: RoutingPolicy = 'CHEAPEST';
  const choice = chooseOffer(offers, { policy, quantity, unitSize: said.unitSize, costLimit, excluded: new Set(), chance: 0 });
  if (choice.kind === 'NO_OFFER')
    return { result: failed([problem('NO_OFFER', 'offers', `No offer can fill ${quantity} of it: ${choice.reason}.`)], {}) };
  const id = db.newId();
  const { offer, quotedCost, upstreamMaxCost } = choice;
  return {
    result: { ...pending(db, PURCHASE_MILLISECONDS, { quantity }), attemptId: id },
    effect: async (tx) => {
      const purpose = { kind: 'TEST', subjectId: check.id } as const;
      const attempt = {
        id,
        purpose,
        attemptNumber: 1,
        offer,
        quantity,
        goodsKind: said.goodsKind,
        quotedCost,
        upstreamMaxCost,
        costLimit,
        dueAt: null,
      };
      await planAttempts(tx, networkId, [attempt]);
      return [];
    },
  };
}

/** How the test purchase stands: it has passed when all that was bought was really delivered. */
async function purchaseResult(db: Database, check: ClaimedCheck, attemptId: string): Promise<CheckResult> {
  const attempt = await selectTestPurchase(db.pool, check.network_id, attemptId);
  if (!attempt) throw new Error(`the test purchase ${attemptId} is not there`);
  const { state, quantity, delivered_quantity: delivered, discrepancy, outcome_message: message } = attempt;
  if (state === 'SUCCEEDED') {
    const isWhole = delivered >= quantity && discrepancy === null;
    const wrong = problem(
      'TEST_PURCHASE_WRONG',
      'offers',
      `The test purchase brought ${delivered} of ${quantity}${discrepancy ? `: ${discrepancy}` : ''}.`,
    );
    return { ...ended(isWhole ? [] : [wrong], { quantity, delivered }), attemptId };
  }
  // what a person has to judge stands in the queue of purchases: until then nobody knows whether it came
  const waiting = { ...check.facts, needsPerson: attempt.attention_since !== null };
  if (state !== 'REJECTED') return { ...pending(db, PURCHASE_MILLISECONDS, waiting), attemptId };
  const refused = problem('TEST_PURCHASE_REJECTED', 'offers', `The supplier refused the test purchase: ${message ?? 'no reason given'}.`);
  return { ...failed([refused], { quantity }), attemptId };
}

// ---- price ----

async function judgePrice({ db }: CheckGround, check: ClaimedCheck): Promise<Judged> {
  const { network_id: networkId, owner_id: stationId, sku_id: skuId } = check;
  const [policy, facts, [listing]] = await Promise.all([
    selectPolicy(db.pool, networkId),
    loadPriceFacts(db.pool, networkId, [skuId], db.clock()),
    selectListings(db.pool, { networkId, stationId }, [skuId]),
  ]);
  const price = facts.get(skuId);
  if (!price || !listing) throw new Error(`the price of ${skuId} that is checked is not there`);
  const margin: CheckResult['facts'] = price.unitCost === null ? {} : { marginBps: marginBps(price.basePrice, price.unitCost) };
  return { result: ended(priceProblems(price, policy, listing.margin_reason), margin) };
}

// ---- results ----

const DONE = { attemptId: null, dueAt: null, actorId: null };

function ended(problems: readonly CheckProblem[], facts: CheckResult['facts']): CheckResult {
  return problems.length > 0 ? failed(problems, facts) : { state: 'PASSED', problems: [], facts, ...DONE };
}

function failed(problems: readonly CheckProblem[], facts: CheckResult['facts']): CheckResult {
  return { state: 'FAILED', problems, facts, ...DONE };
}

function pending(db: Database, milliseconds: number, facts: CheckResult['facts']): CheckResult {
  return { state: 'PENDING', problems: [], facts, ...DONE, dueAt: new Date(db.clock().getTime() + milliseconds) };
}
