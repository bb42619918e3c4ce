import { randomBytes } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import type { Context } from '#schema/context.ts';
import { partyId, type Viewer } from '#server/accounts/rules.ts';
import { type Draft, type Drafts, likenessOf, type Moment, newMoment, newTrace, observed, type Sight } from './sight.ts';
import type { Guard } from './visibility.ts';

/** Executes a document once for all parties that see the same of an event, however many they are. */
export interface SharedExecution {
  /**
   * The answers to roots, as JSON; null when something has looked at the very person. `upTo`: the place in the events that has been
   * reached; what was read for others before does not count.
   */
  answer(asked: AskedTogether, roots: readonly Rooted[], upTo: bigint): Promise<readonly Buffer[] | null>;
}

/** What is executed, and for whom. */
export interface AskedTogether {
  /** Equal for those who ask the same: document, operation and variables. */
  readonly documentKey: string;
  readonly viewer: Viewer;
  /** A context of the party's own, and the guard that it is under. */
  readonly open: () => { readonly own: Context; readonly guard: Guard };
  /** Executes the document. */
  readonly execute: (root: Rooted, context: Context) => Promise<ExecutionResult>;
  /** Whether the document is known to look at the party itself, so that nobody can say what its answers depend on; and how to note it. */
  readonly isBlind: () => boolean;
  readonly noteBlind: () => void;
  /** What the answer is told as, in JSON. */
  readonly textOf: (result: ExecutionResult) => string;
}

/** An event as an execution gets it; the cursor is the party's own. */
export type Rooted = { readonly event: { readonly cursor?: string } };

/** What was read is good for those who come to the same place within this time. */
const MOMENT_MILLISECONDS = 1_000;

/** Shares the executions of a process. */
export function createSharedExecution(): SharedExecution {
  const moments = new Map<string, Moment>();

  function momentOf(key: string): Moment {
    const known = moments.get(key);
    if (known !== undefined) return known;
    const opened = newMoment();
    moments.set(key, opened);
    setTimeout(() => forget(key, opened), MOMENT_MILLISECONDS).unref();
    return opened;
  }

  function forget(key: string, moment: Moment): void {
    if (moments.get(key) === moment) moments.delete(key);
  }

  return {
    answer: async (asked, roots, upTo) => {
      const { networkId, party, permissions } = asked.viewer;
      const key = JSON.stringify([networkId, party.kind, [...permissions].sort(), upTo.toString()]);
      const moment = momentOf(key);
      try {
        const sight = sightOf(moment, asked);
        const answers = (asked.isBlind() ? null : await drafted(sight, asked, roots)) ?? (await answeredAlone(sight, asked, roots));
        return sight.guard.tripped() ? null : answers;
      } catch (error) {
        // whoever tries again reads again
        forget(key, moment);
        throw error;
      }
    },
  };
}

/** Null when the document turns out to be blind. */
async function drafted(sight: Sight, asked: AskedTogether, roots: readonly Rooted[]): Promise<readonly Buffer[] | null> {
  const drafts = await Promise.all(roots.map((root) => draftFor(sight, asked, root)));
  if (drafts.some(({ trace }) => trace.isBlind)) return null;
  return drafts.map(({ parts }, index) => withCursor(parts, roots[index]?.event.cursor ?? ''));
}

/** For this party alone; what it reads is still read once for all documents. */
async function answeredAlone(sight: Sight, asked: AskedTogether, roots: readonly Rooted[]): Promise<readonly Buffer[]> {
  const results = await Promise.all(roots.map((root) => asked.execute(root, sight.own)));
  return sight.guard.tripped() ? [] : results.map((result) => Buffer.from(asked.textOf(result)));
}

function sightOf(moment: Moment, { viewer, open }: AskedTogether): Sight {
  const id = partyId(viewer.party);
  const sight = moment.sights.get(id) ?? { moment, ...open(), seen: new Map() };
  moment.sights.set(id, sight);
  return sight;
}

/** A draft that says what this party is to be told: the first one's where it sees the same, else one that it shares with others like it. */
async function draftFor(sight: Sight, asked: AskedTogether, root: Rooted): Promise<Draft> {
  const drafts = draftsOf(sight.moment, asked, root);
  if (drafts === null) return begin(sight, asked, root);
  const first = await drafts.first;
  if (first.likeness === null) return make(sight, asked, root);
  const likeness = await likenessOf(sight, first.trace);
  if (likeness === first.likeness) return first;
  const other = drafts.others.get(likeness);
  if (other !== undefined) {
    const draft = await other;
    // it saw the same of what the first has read, and may have read more
    return draft.likeness !== null && draft.likeness === (await likenessOf(sight, draft.trace)) ? draft : make(sight, asked, root);
  }
  const own = make(sight, asked, root);
  drafts.others.set(likeness, own);
  return own;
}

function begin(sight: Sight, asked: AskedTogether, root: Rooted): Promise<Draft> {
  const first = make(sight, asked, root);
  const ofDocument = sight.moment.drafts.get(asked.documentKey) ?? new Map<string, Drafts>();
  sight.moment.drafts.set(asked.documentKey, ofDocument);
  ofDocument.set(factsOf(root), { first, others: new Map() });
  return first;
}

function draftsOf(moment: Moment, { documentKey }: AskedTogether, root: Rooted): Drafts | null {
  return moment.drafts.get(documentKey)?.get(factsOf(root)) ?? null;
}

/** What an event says but for its cursor, which differs between parties. */
function factsOf({ event }: Rooted): string {
  return JSON.stringify({ ...event, cursor: undefined });
}

async function make(sight: Sight, { execute, textOf, noteBlind }: AskedTogether, root: Rooted): Promise<Draft> {
  const trace = newTrace();
  // a text that nobody can have written into anything
  const mark = randomBytes(24).toString('base64url');
  const event = root.event.cursor === undefined ? root.event : { ...root.event, cursor: mark };
  const result = await execute({ event }, observed(sight, trace));
  if (trace.isBlind) noteBlind();
  if (trace.isBlind || sight.guard.tripped()) return { trace, likeness: null, parts: [] };
  // errors are told with the id of a request
  const likeness = result.errors === undefined ? await likenessOf(sight, trace) : null;
  return {
    trace,
    likeness,
    parts: textOf(result)
      .split(mark)
      .map((part) => Buffer.from(part)),
  };
}

function withCursor([first = Buffer.alloc(0), ...rest]: readonly Buffer[], cursor: string): Buffer {
  const own = Buffer.from(cursor);
  return Buffer.concat([first, ...rest.flatMap((part) => [own, part])]);
}
