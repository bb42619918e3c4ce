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
  return dateFormat(timeZone).format(instant);
}

/** The first instant of a calendar date (YYYY-MM-DD) in a time zone. */
export function startOfDay(date: string, timeZone: string): Date {
  const guess = new Date(`${date}T00:00:00Z`).getTime();
  // zones are at most 14 hours from UTC: the offset at the guess is right but across a change of the clock, hence twice
  const once = guess - offsetMilliseconds(guess, timeZone);
  return new Date(guess - offsetMilliseconds(once, timeZone));
}

function offsetMilliseconds(instant: number, timeZone: string): number {
  const parts = timeFormat(timeZone).formatToParts(new Date(instant));
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value);
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second')) - instant;
}

const dateFormat = formatOfZone('en-CA', { year: 'numeric', month: '2-digit', day: '2-digit' });
const timeFormat = formatOfZone('en-US', {
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
});

/** A format for each time zone. One costs a hundred times its use, and a deployment's networks stand in few zones (at most those that ICU knows). */
function formatOfZone(locale: string, parts: Intl.DateTimeFormatOptions): (timeZone: string) => Intl.DateTimeFormat {
  const made = new Map<string, Intl.DateTimeFormat>();
  return (timeZone) => {
    const known = made.get(timeZone);
    if (known) return known;
    const format = new Intl.DateTimeFormat(locale, { ...parts, timeZone });
    made.set(timeZone, format);
    return format;
  };
}

/** A calendar date (YYYY-MM-DD) moved by whole days: "T+N" of the domain's §5. */
export function addDays(date: string, days: number): string {
  const moved = new Date(`${date}T00:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}
