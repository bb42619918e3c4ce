import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { placeOrders } from '#server/flows/place-orders.ts';
import { refundOrder } from '#server/flows/refund-order.ts';
import { REVEAL_ORDERS_MAX, revealCardKeys } from '#server/flows/reveal-card-keys.ts';
import { freshDatabase } from '#test/support/database.ts';
import { testVault, world } from '#test/support/world.ts';

const fresh = await freshDatabase();
afterAll(() => fresh.drop());

async function bought() {
  const w = await world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ' }, R: { parent: 'A', wallet: '1000.00' }, Q: { parent: 'A' } },
    suppliers: ['S'],
    skus: { steam: { basePrice: '50.00' } },
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '92.00', keys: ['AAAA-1111', 'BBBB-2222'] }],
  });
  const [outcome] = await placeOrders(fresh.db, [
    {
      viewer: w.viewer('R'),
      channel: 'API',
      requestKey: 'buy',
      skuId: w.skus.steam,
      quantity: 2,
      maxTotal: '100.00',
      externalRef: null,
      groupId: null,
    },
  ]);
  if (outcome?.kind !== 'ORDER_PLACED') throw new Error('not placed');
  return { w, orderId: outcome.orderId };
}

let b: Awaited<ReturnType<typeof bought>>;
beforeEach(async () => {
  b = await bought();
});

const reveal = (who: 'HQ' | 'A' | 'R' | 'Q', orderIds: readonly string[] = [b.orderId]) =>
  revealCardKeys(fresh.db, testVault, b.w.viewer(who), orderIds);
const audited = async () =>
  Number(
    (
      await fresh.sql<{ count: string }>(`SELECT count(*) FROM audit_entry WHERE network_id = $1 AND action = 'card_keys.revealed'`, [
        b.w.networkId,
      ])
    )[0]?.count,
  );

describe('card keys of an order', () => {
  test('are shown to the buyer in the order in which they were sold, and looking is audited each time', async () => {
    for (const looked of [1, 2]) {
      const outcome = await reveal('R');
      if (outcome.kind !== 'CARD_KEYS_REVEALED') throw new Error(outcome.kind);
      expect(outcome.cardKeys.get(b.orderId)?.map((key) => key.secret)).toEqual(['AAAA-1111', 'BBBB-2222']);
      expect(await audited()).toBe(looked);
    }
  });

  test('are not found by the seller, headquarters, a sibling, or beside an order of somebody else, and nothing is marked', async () => {
    for (const who of ['HQ', 'A', 'Q'] as const) expect(await reveal(who)).toEqual({ kind: 'NOT_FOUND' });
    expect(await reveal('R', [b.orderId, fresh.db.newId()])).toEqual({ kind: 'NOT_FOUND' });
    expect(await audited()).toBe(0);
    expect(await fresh.sql('SELECT 1 FROM card_key_sale WHERE network_id = $1 AND revealed_at IS NOT NULL', [b.w.networkId])).toEqual([]);
  });

  test('are not shown to people whose role does not serve customers', async () => {
    await expect(revealCardKeys(fresh.db, testVault, b.w.viewer('R', 'FINANCE'), [b.orderId])).rejects.toThrow('CARD_KEYS_REVEAL');
  });

  test('stay closed once the whole price was given back by amount before anybody looked', async () => {
    const refund = { requestKey: 'back', orderId: b.orderId, amount: '100.00', cardKeyIds: null, bearer: null, reason: 'late' };
    expect(await refundOrder(fresh.db, b.w.viewer('HQ', 'FINANCE'), refund)).toMatchObject({ kind: 'ORDER_REFUNDED' });
    const outcome = await reveal('R');
    if (outcome.kind !== 'CARD_KEYS_REVEALED') throw new Error(outcome.kind);
    expect(outcome.cardKeys.get(b.orderId)).toEqual([]);
  });

  test('can still be read after a whole refund when they had been seen before it', async () => {
    await reveal('R');
    const refund = { requestKey: 'back', orderId: b.orderId, amount: '100.00', cardKeyIds: null, bearer: null, reason: 'late' };
    expect(await refundOrder(fresh.db, b.w.viewer('HQ', 'FINANCE'), refund)).toMatchObject({ kind: 'ORDER_REFUNDED' });
    const outcome = await reveal('R');
    if (outcome.kind !== 'CARD_KEYS_REVEALED') throw new Error(outcome.kind);
    expect(outcome.cardKeys.get(b.orderId)).toHaveLength(2);
  });

  test(`are shown for at most ${REVEAL_ORDERS_MAX} orders at once`, async () => {
    const ids = Array.from({ length: REVEAL_ORDERS_MAX + 1 }, () => fresh.db.newId());
    expect(await reveal('R', ids)).toMatchObject({ kind: 'INVALID_INPUT', field: 'orderIds' });
    expect(await reveal('R', ids.slice(1))).toEqual({ kind: 'NOT_FOUND' });
  });
});
