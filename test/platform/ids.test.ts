import { expect, test } from 'vitest';
import { controllableClock } from '#server/platform/clock.ts';
import { createIds, idTime, isId } from '#server/platform/ids.ts';

const noon = new Date('2026-11-22T12:00:00.123Z');

test('an id is a UUIDv7 that carries the clock’s time', () => {
  const id = createIds(() => noon)();
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(idTime(id)).toEqual(noon);
});

test('ids sort by creation: within a millisecond, as time goes on, and when the clock jitters back', () => {
  const clock = controllableClock(noon);
  const newId = createIds(clock.now);
  const ids: string[] = [];
  for (const step of [0, 1, -3, 0, 2, 5]) {
    clock.advance(step);
    for (let i = 0; i < 2_000; i += 1) ids.push(newId());
  }
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(12_000);
});

test('a clock that is set back on purpose takes the ids along', () => {
  const clock = controllableClock(noon);
  const newId = createIds(clock.now);
  newId();
  clock.set(new Date('2026-09-23T08:00:00.000Z'));
  expect(idTime(newId())).toEqual(new Date('2026-09-23T08:00:00.000Z'));
});

test('only a UUID is an id', () => {
  expect(isId('0199c7d1-0000-7000-8000-000000000000')).toBe(true);
  expect(isId('0199C7D1-0000-7000-8000-000000000000')).toBe(false);
  expect(isId("0199c7d1-0000-7000-8000-00000000000'")).toBe(false);
  expect(isId('')).toBe(false);
});
