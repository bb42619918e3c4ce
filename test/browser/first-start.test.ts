import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';

// What the README promises of the first start, on the server that all browser tests share.
const output = inject('firstOutput');

test('it prints the address, sign-ins for every kind of person, and a command that places an order', () => {
  expect(output).toMatch(/^Fenzhan is at http:\/\/localhost:\d+$/m);
  for (const party of ['云仓数码总部', '杭州西湖站', '小满游戏铺', '星河卡券供应链']) expect(output).toContain(party);
  expect(JSON.parse(inject('firstOrder'))).toMatchObject({
    data: { placeOrder: { __typename: 'OrderPlaced', order: { total: { currency: 'CNY' }, cardKeys: [{ secret: expect.any(String) }] } } },
  });
});

test('the page of the console is served, and a page within it', async () => {
  for (const path of ['/', '/orders']) {
    const response = await fetch(`${inject('serverUrl')}${path}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toContain('<div id="root">');
  }
});

test('the invariants hold after sixty days of business: npm run audit is clean', async () => {
  const audit = fileURLToPath(new URL('../../server/audit.ts', import.meta.url));
  const child = spawn(process.execPath, [audit], {
    env: { PATH: process.env['PATH'], DATA_DIR: inject('serverDataDir') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise((resolve) => {
    child.once('close', resolve);
  });
  expect({ code, output: Buffer.concat(chunks).toString() }).toEqual({
    code: 0,
    output: expect.stringMatching(/^(holds {3}.*\n){7}clean\n$/),
  });
});
