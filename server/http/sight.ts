import { isDeepStrictEqual } from 'node:util';
import type { Context, Observer } from '#schema/context.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import { NotShareable } from '#server/live/fan-out-group.ts';
import type { Guard } from './visibility.ts';

// What a party sees of an event is found out by reading it, once for all documents. Two parties whose reads have the same answers are
// told the same, whatever else differs between them: the class of an execution is what it has read, not who it was made for.

/** What a party sees at one moment. */
export interface Sight {
  readonly moment: Moment;
  /** Reads under the party's own rights; never given to a resolver that answers others too. */
  readonly own: Context;
  readonly guard: Guard;
  readonly seen: Map<object, Map<string, Promise<Seen>>>;
}

/** Parties with equal rights in one network, at one place of its events. Nothing in it was read before that place was reached. */
export interface Moment {
  readonly sights: Map<string, Sight>;
  readonly drafts: Map<string, Map<string, Drafts>>;
  readonly answers: Map<object, Map<string, unknown[]>>;
  /** Counts answers that are taken for unlike any other. */
  unlike: number;
}

/** What was made at a moment of one root by one document: the first draft, and others by what their parties saw of what the first has read. */
export type Drafts = { readonly first: Promise<Draft>; readonly others: Map<string, Promise<Draft>> };

/** An execution for one party, with what it learned of that party. */
export interface Draft {
  readonly trace: Trace;
  /** The reads' answers as the party saw them; null: nobody else may be told this. */
  readonly likeness: string | null;
  /** The answer as JSON, parted where a cursor stands. */
  readonly parts: readonly Buffer[];
}

/** The reads and looks of an execution, in order. */
export interface Trace {
  readonly reads: Read[];
  readonly looks: Look[];
  /** It has looked at the party itself: nothing says what its answer depends on. */
  isBlind: boolean;
}

type Seen = { readonly answer: unknown; readonly likeness: number };
type Read = { readonly what: object; readonly key: string; readonly ask: (own: Context) => Promise<unknown> };
type Look = (own: Context) => string | boolean;

/** Different answers of one read that are compared with a new one; where nearly all differ, comparing is work for nothing. */
const COMPARED_ANSWERS = 16;

/** A moment that nobody has looked at yet. */
export function newMoment(): Moment {
  return { sights: new Map(), drafts: new Map(), answers: new Map(), unlike: COMPARED_ANSWERS };
}

/** An execution that has read nothing yet. */
export function newTrace(): Trace {
  return { reads: [], looks: [], isBlind: false };
}

/** A context for an execution that may answer others too: the party's id can't be seen, and every read is noted. */
export function observed(sight: Sight, trace: Trace): Context {
  const { own } = sight;
  const noted = new Map<object, Set<string>>();
  const observer: Observer = {
    read: async <Row>(what: object, key: string, ask: (own: Context) => Promise<Row>) => {
      const keys = noted.get(what) ?? new Set<string>();
      noted.set(what, keys);
      if (!keys.has(key)) trace.reads.push({ what, key, ask });
      keys.add(key);
      return (await see(sight, { what, key, ask })).answer as Row;
    },
    look: (ask) => {
      trace.looks.push(ask);
      return ask(own);
    },
  };
  const viewer = own.viewer && hidden(own.viewer, trace);
  // the guarded person stays where it is: copying would look at it
  return Object.create(own, { viewer: { value: viewer }, observer: { value: observer } }) as Context;
}

/** A viewer whose party can't be looked at unnoticed, not even by copying it. */
function hidden(viewer: Viewer, trace: Trace): Viewer {
  const look = () => {
    trace.isBlind = true;
    throw new NotShareable();
  };
  const id = { enumerable: true, get: look };
  const party = Object.defineProperties({ kind: viewer.party.kind }, { stationId: id, supplierId: id }) as Viewer['party'];
  const { networkId, permissions } = viewer;
  return {
    networkId,
    permissions,
    party,
    get actor() {
      return viewer.actor;
    },
    get role() {
      return viewer.role;
    },
    get clientAddress() {
      return viewer.clientAddress;
    },
  };
}

/** How what a party sees compares with what others see, in all that a trace has read: equal texts, equal answers. */
export async function likenessOf(sight: Sight, { reads, looks }: Trace): Promise<string> {
  const seen = await Promise.all(reads.map((read) => see(sight, read)));
  return `${seen.map(({ likeness }) => likeness).join()} ${looks.map((look) => look(sight.own)).join()}`;
}

/** Each read once for a party. */
function see(sight: Sight, { what, key, ask }: Read): Promise<Seen> {
  const ofKind = sight.seen.get(what) ?? new Map<string, Promise<Seen>>();
  sight.seen.set(what, ofKind);
  const known = ofKind.get(key);
  if (known !== undefined) return known;
  const asked = ask(sight.own).then((answer) => ({ answer, likeness: numberOf(sight.moment, { what, key, answer }) }));
  ofKind.set(key, asked);
  return asked;
}

/** The number of an answer among the different ones that a read had at this moment. */
function numberOf(moment: Moment, { what, key, answer }: { what: object; key: string; answer: unknown }): number {
  const ofKind = moment.answers.get(what) ?? new Map<string, unknown[]>();
  moment.answers.set(what, ofKind);
  const known = ofKind.get(key) ?? [];
  ofKind.set(key, known);
  const at = known.findIndex((other) => isDeepStrictEqual(other, answer));
  if (at >= 0) return at;
  if (known.length < COMPARED_ANSWERS) return known.push(answer) - 1;
  moment.unlike += 1;
  return moment.unlike;
}
