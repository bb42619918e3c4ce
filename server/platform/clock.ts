/** Where the present comes from. Injected, so that tests and the demo's sixty days choose their own. */
export type Clock = () => Date;

/** The machine's time. */
export const systemClock: Clock = () => new Date();

/** A clock that stands still until it is set: for tests, and for the demo network that lives through past days. */
export interface ControllableClock {
  readonly now: Clock;
  set(instant: Date): void;
  advance(milliseconds: number): void;
}

/** A controllable clock that stands at `start`. */
export function controllableClock(start: Date): ControllableClock {
  let current = start.getTime();
  return {
    now: () => new Date(current),
    set: (instant) => {
      current = instant.getTime();
    },
    advance: (milliseconds) => {
      current += milliseconds;
    },
  };
}

/** The calendar date (YYYY-MM-DD) of an instant in a time zone: days of a network are days of its own zone. */
export function localDate(instant: Date, timeZone: string): string {
  let format = dateFormats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
    dateFormats.set(timeZone, format);
  }
  return format.format(instant);
}

// a format costs a hundred times its use, and a deployment's networks stand in few zones (at most those that ICU knows)
const dateFormats = new Map<string, Intl.DateTimeFormat>();

/** A calendar date (YYYY-MM-DD) moved by whole days: "T+N" of the domain's §5. */
export function addDays(date: string, days: number): string {
  const moved = new Date(`${date}T00:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}
