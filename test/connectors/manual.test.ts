import { expect, it } from 'vitest';
import type { UpstreamPurchase } from '#server/connectors/connector.ts';
import { connectorOf } from '#server/connectors/connectors.ts';
import { playBack } from './playback.ts';

const { outgoing, sent } = playBack([]);
const connector = connectorOf('MANUAL', { outgoing, clock: () => new Date() });
const account = { baseUrl: '', settings: {}, currency: 'CNY', callbackUrl: null };
const purchase: UpstreamPurchase = {
  requestKey: 'fzmanual1',
  goods: { note: '微信找老王' },
  quantity: 3,
  maxCost: '30.00',
  inputFields: {},
  goodsKind: 'CARD_KEY',
  sentAt: null,
  upstreamRef: null,
};

it('what a person buys by hand waits for the person, however often it is asked for, and nothing goes over a wire', async () => {
  expect(await connector.checkAccount(account)).toMatchObject({ kind: 'ANSWERED' });
  expect(await connector.purchase(account, purchase)).toEqual({ outcome: { kind: 'PENDING', upstreamRef: null }, wire: [] });
  const later = { ...purchase, sentAt: new Date(0), upstreamRef: 'paper 7' };
  expect(await connector.query(account, later)).toEqual({ outcome: { kind: 'PENDING', upstreamRef: 'paper 7' }, wire: [] });
  expect(await connector.quote(account, purchase.goods, 3)).toMatchObject({ kind: 'FAILED', reason: 'OTHER' });
  expect(sent).toHaveLength(0);
});
