import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFairQueue, type FairQueue, type FairQueueLimits } from '#server/flows/fair-queue.ts';

const LIMITS: FairQueueLimits = { waitingMax: 4_000, listOrdersMax: 250, listKeysMax: 5_000, stationPartMax: 64, besideQuietMax: 16 };

type Order = { readonly stationId: string; readonly keys: number; readonly number: number };

const orders = (stationId: string, count: number, { keys = 1, from = 0 } = {}): Order[] =>
  Array.from({ length: count }, (_, index) => ({ stationId, keys, number: from + index }));
const countOf = (list: readonly Order[], stationId: string) => list.filter((order) => order.stationId === stationId).length;

/** The next list, which ends before another is asked for. */
function listOf(queue: FairQueue<Order>, nowMs: number): Order[] {
  const list = queue.next(nowMs);
  queue.ended(list);
  return list;
}

describe('a queue of orders', () => {
  test('gives one station that is alone a whole list, in its order', () => {
    const queue = createFairQueue<Order>(LIMITS);
    queue.enter(orders('big', 300), 0);
    expect(listOf(queue, 0).map(({ number }) => number)).toEqual(Array.from({ length: 250 }, (_, index) => index));
    expect(listOf(queue, 0)).toHaveLength(50);
    expect(listOf(queue, 0)).toEqual([]);
  });

  test('gives a station no more than its part while another orders, and for a second after it', () => {
    const queue = createFairQueue<Order>(LIMITS);
    queue.enter(orders('big', 1_000), 0);
    queue.enter(orders('other', 70), 10);
    expect(listOf(queue, 10)).toHaveLength(128);
    expect(listOf(queue, 20)).toHaveLength(70);
    expect(listOf(queue, 900)).toHaveLength(64);
    expect(listOf(queue, 1_011)).toHaveLength(250);
  });

  test('gives a station a smaller part beside one that orders little, and for a second after it', () => {
    const queue = createFairQueue<Order>(LIMITS);
    queue.enter(orders('big', 1_000), 0);
    queue.enter(orders('small', 1), 10);
    expect(listOf(queue, 10)).toHaveLength(17);
    expect(listOf(queue, 1_009)).toHaveLength(16);
    expect(listOf(queue, 1_010)).toHaveLength(250);
  });

  test('puts the one order of a station that comes new into the very next list, however many wait', () => {
    const queue = createFairQueue<Order>(LIMITS);
    for (let big = 0; big < 10; big += 1) queue.enter(orders(`big ${big}`, 250), 0);
    listOf(queue, 0);
    queue.enter(orders('small', 1), 1);
    const list = listOf(queue, 1);
    expect([list.length, list[0]?.stationId]).toEqual([161, 'small']);
  });

  test('leaves others room when one station sends without end', () => {
    const queue = createFairQueue<Order>(LIMITS);
    const admitted = Array.from({ length: 100 }, () => queue.enter(orders('flood', 100), 0)).filter(Boolean).length;
    // it may hold as much as stays free
    expect([admitted, queue.waiting]).toEqual([20, 2_000]);
    expect(queue.enter(orders('second', 900), 0)).toBe(true);
    expect(queue.enter(orders('flood', 1), 0)).toBe(false);
    expect(queue.enter(orders('third', 250), 0)).toBe(true);
  });

  test('takes a list of one station whole or not at all', () => {
    const queue = createFairQueue<Order>({ ...LIMITS, waitingMax: 100 });
    expect(queue.enter(orders('a', 101), 0)).toBe(false);
    expect(queue.waiting).toBe(0);
    expect(queue.enter(orders('a', 100), 0)).toBe(true);
  });

  test('keeps the rest of a station’s orders until the list that has its first ones ended; others go on', () => {
    const queue = createFairQueue<Order>({ ...LIMITS, besideQuietMax: 2 });
    queue.enter(orders('big', 5), 0);
    queue.enter(orders('small', 1), 0);
    const first = queue.next(0);
    expect(first.map(({ stationId }) => stationId)).toEqual(['big', 'big', 'small']);
    queue.enter(orders('small', 1, { from: 1 }), 1);
    expect(queue.next(1)).toEqual([]);
    queue.enter(orders('new', 1), 2);
    const second = queue.next(2);
    expect(second.map(({ stationId }) => stationId)).toEqual(['new']);
    queue.ended(first);
    expect(queue.next(3).map(({ stationId, number }) => [stationId, number])).toEqual([
      ['small', 1],
      ['big', 2],
      ['big', 3],
    ]);
    expect(queue.waiting).toBe(1);
  });

  test('does not pass over an order for 5,000 keys while small ones keep coming', () => {
    const queue = createFairQueue<Order>(LIMITS);
    queue.enter(orders('large', 2, { keys: 5_000 }), 0);
    let lists = 0;
    for (let found = 0; found < 2; lists += 1) {
      for (let station = 0; station < 20; station += 1) queue.enter(orders(`small ${lists} ${station}`, 1, { keys: 400 }), lists);
      found += listOf(queue, lists).filter(({ keys }) => keys === 5_000).length;
      expect(lists).toBeLessThan(10);
    }
    expect(lists).toBeLessThanOrEqual(4);
  });
});

const step = fc.record({
  station: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  count: fc.integer({ min: 1, max: 12 }),
  keys: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 5 }) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 60 }) }),
  lists: fc.integer({ min: 0, max: 3 }),
  milliseconds: fc.integer({ min: 0, max: 800 }),
});
const limits = fc.record({
  waitingMax: fc.integer({ min: 5, max: 60 }),
  listOrdersMax: fc.integer({ min: 1, max: 15 }),
  listKeysMax: fc.integer({ min: 1, max: 40 }),
  stationPartMax: fc.integer({ min: 5, max: 10 }),
  besideQuietMax: fc.integer({ min: 1, max: 5 }),
});

describe('whatever stations send', () => {
  test('each order that was admitted is in one list, in the order of its station, and no list is too long', () => {
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 40 }), (bounds, steps) => {
        const { admitted, lists } = play(bounds, steps);
        const served = lists.flatMap(({ list }) => list);
        expect(served.toSorted(byNumber)).toEqual(admitted.toSorted(byNumber));
        for (const station of ['a', 'b', 'c', 'd', 'e']) {
          const numbers = served.filter(({ stationId }) => stationId === station).map(({ number }) => number);
          expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
        }
        for (const { list } of lists) {
          expect(list.length).toBeGreaterThan(0);
          expect(list.length).toBeLessThanOrEqual(bounds.listOrdersMax);
          // an order for more keys than a list holds stands alone
          const keys = list.slice(list.length === 1 ? 1 : 0).reduce((sum, order) => sum + order.keys, 0);
          expect(keys).toBeLessThanOrEqual(bounds.listKeysMax);
        }
      }),
    );
  });

  test('no station has more than its part of a list in which another waits', () => {
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 40 }), (bounds, steps) => {
        for (const { list, waited } of play(bounds, steps).lists) {
          if (waited.size < 2) continue;
          for (const station of waited) expect(countOf(list, station)).toBeLessThanOrEqual(bounds.stationPartMax);
        }
      }),
    );
  });

  test('none waits for more lists than twice all stations that waited with it', () => {
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 40 }), (bounds, steps) => {
        const passedOver = new Map<string, number>();
        for (const { list, waited } of play(bounds, steps).lists) {
          for (const station of waited) passedOver.set(station, countOf(list, station) > 0 ? 0 : (passedOver.get(station) ?? 0) + 1);
          for (const count of passedOver.values()) expect(count).toBeLessThanOrEqual(2 * 5);
        }
      }),
    );
  });

  test('a station that is refused holds as much as is free, or its list is longer than that', () => {
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 40 }), (bounds, steps) => {
        for (const { held, asked, free } of play(bounds, steps).refused) expect(held + asked).toBeGreaterThan(free);
      }),
    );
  });
});

describe('while lists are under way', () => {
  test('no station is in two of them, none is forgotten, and each is served in its order', () => {
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 40 }), (bounds, steps) => {
        const queue = createFairQueue<Order>(bounds);
        const underWay: Order[][] = [];
        const served: Order[] = [];
        let admitted = 0;
        const begin = (nowMs: number) => {
          const list = queue.next(nowMs);
          const busy = new Set(underWay.flat().map(({ stationId }) => stationId));
          expect(list.filter(({ stationId }) => busy.has(stationId))).toEqual([]);
          if (list.length > 0) underWay.push(list);
          return list.length > 0;
        };
        const end = (index: number) => {
          const [list] = underWay.splice(index, 1);
          served.push(...(list ?? []));
          queue.ended(list ?? []);
        };
        for (const [index, { station, count, keys, lists, milliseconds }] of steps.entries()) {
          if (queue.enter(orders(station, count, { keys, from: admitted }), index * milliseconds)) admitted += count;
          for (let list = 0; list < lists; list += 1) begin(index * milliseconds);
          // the one that began last ends first as often as not
          if (underWay.length > 0 && milliseconds % 3 > 0) end(milliseconds % underWay.length);
        }
        while (begin(100_000) || underWay.length > 0) if (underWay.length > 0) end(0);
        expect([served.length, queue.waiting]).toEqual([admitted, 0]);
        for (const station of ['a', 'b', 'c', 'd', 'e']) {
          const numbers = served.filter(({ stationId }) => stationId === station).map(({ number }) => number);
          expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
        }
      }),
    );
  });
});

const byNumber = (one: Order, other: Order) => one.number - other.number;

/** Plays the steps on one queue, and empties it at the end. */
function play(
  bounds: FairQueueLimits,
  steps: readonly { station: string; count: number; keys: number; lists: number; milliseconds: number }[],
) {
  const queue = createFairQueue<Order>(bounds);
  const held = new Map<string, number>();
  const admitted: Order[] = [];
  const refused: { held: number; asked: number; free: number }[] = [];
  const lists: { list: Order[]; waited: Set<string> }[] = [];
  let now = 0;
  const takeList = () => {
    const waited = new Set([...held].filter(([, count]) => count > 0).map(([station]) => station));
    const list = listOf(queue, now);
    for (const { stationId } of list) held.set(stationId, (held.get(stationId) ?? 0) - 1);
    lists.push({ list, waited });
  };
  for (const { station, count, keys, lists: taken, milliseconds } of steps) {
    const sent = orders(station, count, { keys, from: admitted.length });
    const before = { held: held.get(station) ?? 0, asked: count, free: bounds.waitingMax - queue.waiting };
    if (queue.enter(sent, now)) {
      admitted.push(...sent);
      held.set(station, before.held + count);
    } else refused.push(before);
    for (let list = 0; list < taken && queue.waiting > 0; list += 1) takeList();
    now += milliseconds;
  }
  while (queue.waiting > 0) takeList();
  return { admitted, refused, lists };
}
