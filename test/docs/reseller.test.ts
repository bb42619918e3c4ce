import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openShop, type Shop } from './shop.ts';

const program = fileURLToPath(new URL('../../docs/examples/reseller.ts', import.meta.url));
let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

describe('docs/examples/reseller.ts', () => {
  test('buys three cards with its API key, pays 147.72 and prints three card keys', async () => {
    expect(await run('A-1001', shop.skuId, '3', '150.00')).toEqual({
      code: 0,
      output: 'Steam 50-1-1\nSteam 50-1-2\nSteam 50-1-3\n',
      complaint: 'paid 147.72 CNY\n',
    });
    expect(await balance()).toBe('852.28');
  });

  test('prints the same keys when it is run again with the same order number, and pays nothing more', async () => {
    expect(await run('A-1001', shop.skuId, '3', '150.00')).toMatchObject({ output: 'Steam 50-1-1\nSteam 50-1-2\nSteam 50-1-3\n' });
    expect(await balance()).toBe('852.28');
  });

  test('says what it would cost when that is more than it may pay, and buys nothing', async () => {
    const { code, output, complaint } = await run('A-1002', shop.skuId, '1', '49.00');
    expect({ code, output }).toEqual({ code: 1, output: '' });
    expect(complaint).toContain('PRICE_MOVED: It costs 49.24 now; at most 49.00 was agreed to.');
    expect(await balance()).toBe('852.28');
  });
});

function run(...words: string[]): Promise<{ code: number; output: string; complaint: string }> {
  const env = { PATH: process.env['PATH'], FENZHAN_URL: shop.url, FENZHAN_API_KEY: shop.apiKey };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...words], { env }, (error, output, complaint) => {
      resolve({ code: error === null ? 0 : Number(error.code), output, complaint });
    });
  });
}

async function balance(): Promise<string | undefined> {
  const rows = await shop.database.sql<{ balance: string }>(
    `SELECT a.balance::text FROM account a JOIN station s ON s.network_id = a.network_id AND s.id = a.station_id WHERE s.code = 'Shop' AND a.kind = 'WALLET'`,
  );
  return rows[0]?.balance.replace(/(\.\d\d)0*$/, '$1');
}
