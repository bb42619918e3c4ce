import { useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';

const minute = 60_000;
const day = 24 * 60 * minute;

/** A moment: relative within a day, else the date; the absolute time in the network's zone on hover. */
export function When({ at }: { at: string }) {
  const { i18n } = useTranslation();
  const { timeZone } = useViewer();
  const now = useSyncExternalStore(subscribe, () => tick);
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={`${fullTime(time, i18n.language, timeZone)} · ${timeZone}`}>
      {now - time < day ? relative(time - now, i18n.language) : shortTime(time, i18n.language, timeZone)}
    </time>
  );
}

/** A calendar day as the API gives it (YYYY-MM-DD), in the person's language. */
export function dayText(date: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(`${date}T00:00:00Z`));
}

/** A moment's full text in a zone. */
export function fullTime(time: number, language: string, timeZone: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium', timeZone }).format(time);
}

function shortTime(time: number, language: string, timeZone: string): string {
  return new Intl.DateTimeFormat(language, {
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
    timeZone,
  }).format(time);
}

function relative(distance: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' });
  const past = Math.min(distance, 0);
  if (past > -minute) return format.format(0, 'second');
  if (past > -60 * minute) return format.format(Math.ceil(past / minute), 'minute');
  return format.format(Math.ceil(past / (60 * minute)), 'hour');
}

// One clock for all rows: it moves twice a minute, and only while somebody looks.
let tick = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    tick = Date.now();
    for (const one of listeners) one();
  }, 30_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
