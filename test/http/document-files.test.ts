import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { globalId } from '#schema/ids.ts';
import { fileAccess, putDocumentFile, readDocumentFile } from '#server/flows/supplier-files.ts';
import { submitDocument } from '#server/flows/supplier-papers.ts';
import { FILE_BYTES_MAX } from '#server/suppliers/rules.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, type World, world } from '#test/support/world.ts';
import { bearer, CSRF, givePassword, newKey, startTestServer, type TestServer, until } from './test-server.ts';

const PNG = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.from('<script>alert(1)</script>')]);

let fresh: FreshDatabase;
let server: TestServer;
let w: World<'HQ' | 'A', never, 'S' | 'T'>;
let path: string;
/** Requests that were looked at and let in, or not. */
let admitted = 0;
beforeAll(async () => {
  fresh = await freshDatabase();
  const { db } = fresh;
  w = await world(db, { stations: { HQ: {}, A: { parent: 'HQ' } }, suppliers: ['S', 'T'] });
  const { actor } = w.viewer('S');
  if (actor.kind === 'USER') await givePassword(db, actor.userId);
  server = await startTestServer(db, {
    documentFiles: {
      access: async (viewer, id) => {
        const access = await fileAccess(db, viewer, id);
        admitted += 1;
        return access;
      },
      put: (viewer, file) => putDocumentFile(db, testVault, viewer, file),
      read: (viewer, id) => readDocumentFile(db, testVault, viewer, id),
    },
  });
  const facts = { type: 'OTHER', number: '', issuedOn: null, expiresOn: null, categoryIds: [], brands: [] } as const;
  const saved = await submitDocument(db, w.viewer('S'), { supplierId: w.suppliers.S, facts });
  if (saved.kind !== 'DOCUMENT_SAVED') throw new Error(saved.kind);
  path = `${server.url}/files/supplier-documents/${globalId('SupplierDocument', saved.documentId)}`;
});
afterAll(async () => {
  await server.close();
  await fresh.drop();
});

const keyOf = async (party: 'HQ' | 'A' | 'S' | 'T') => bearer((await newKey(fresh.db, w.viewer(party), ['SUPPLIERS_MANAGE'])).secret);
const put = (headers: Record<string, string>, body: Uint8Array = PNG, name = '授权书.html') =>
  fetch(`${path}?name=${encodeURIComponent(name)}`, { method: 'PUT', headers, body: Buffer.from(body) });
const codeOf = async (response: Response) => [
  response.status,
  ((await response.json()) as { errors: { extensions: { code: string } }[] }).errors[0]?.extensions.code,
];

describe('the file of a document over HTTP', () => {
  test('is put by its supplier and got by headquarters as something to save, which no browser shows or guesses at', async () => {
    const stored = await put(await keyOf('S'));
    expect([stored.status, await stored.json()]).toEqual([
      200,
      { documentId: path.split('/').at(-1), name: '授权书.html.png', type: 'image/png', byteCount: PNG.length },
    ]);
    const got = await fetch(path, { headers: await keyOf('HQ') });
    expect(got.status).toBe(200);
    expect(Buffer.from(await got.arrayBuffer()).equals(PNG)).toBe(true);
    expect(
      Object.fromEntries(
        ['content-type', 'content-disposition', 'x-content-type-options', 'cache-control', 'content-security-policy'].map((name) => [
          name,
          got.headers.get(name),
        ]),
      ),
    ).toEqual({
      'content-type': 'image/png',
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent('授权书.html.png')}`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'content-security-policy': "sandbox; default-src 'none'",
    });
  });

  test('is kept from everybody else: nobody, another scope, another supplier, another station', async () => {
    expect(await codeOf(await fetch(path))).toEqual([401, 'UNAUTHENTICATED']);
    const reading = bearer((await newKey(fresh.db, w.viewer('S'), ['SUPPLY_READ'])).secret);
    expect(await codeOf(await fetch(path, { headers: reading }))).toEqual([403, 'FORBIDDEN']);
    expect(await codeOf(await fetch(path, { headers: await keyOf('T') }))).toEqual([404, 'NOT_FOUND']);
    expect(await codeOf(await put(await keyOf('T')))).toEqual([404, 'NOT_FOUND']);
    expect(await codeOf(await fetch(path, { headers: await keyOf('A') }))).toEqual([403, 'NOT_ALLOWED']);
    expect(await codeOf(await fetch(`${path}x`, { headers: await keyOf('S') }))).toEqual([404, 'NOT_FOUND']);
  });

  test('believes a cookie only with the header that another site’s page cannot send', async () => {
    const [user] = await fresh.sql<{ email: string }>(`SELECT email FROM users WHERE name = 'S OWNER'`);
    const cookie = await server.signIn(user?.email ?? '');
    const party = { 'x-fenzhan-party': globalId('Supplier', w.suppliers.S) };
    expect(await codeOf(await fetch(path, { headers: { cookie, ...party } }))).toEqual([403, 'CROSS_SITE']);
    expect(await codeOf(await fetch(path, { headers: { cookie, ...party, ...CSRF, origin: 'https://evil.test' } }))).toEqual([
      403,
      'CROSS_SITE',
    ]);
    expect((await fetch(path, { headers: { cookie, ...party, ...CSRF } })).status).toBe(200);
  });

  test('that is sent slowly takes the place of no other party', async () => {
    const mine = await keyOf('S');
    const before = admitted;
    const sending = [1, 2].map(() => request(path, { method: 'PUT', headers: { ...mine, 'content-length': PNG.length } }));
    const answered = sending.map(
      (each) => new Promise<number | undefined>((resolve) => each.once('response', ({ statusCode }) => resolve(statusCode))),
    );
    for (const each of sending) each.write(PNG.subarray(0, 8));
    await until(() => admitted === before + 2, 10_000);
    expect(await codeOf(await fetch(path, { headers: mine }))).toEqual([503, 'BUSY']);
    expect((await fetch(path, { headers: await keyOf('HQ') })).status).toBe(200);
    for (const each of sending) each.end(PNG.subarray(8));
    expect(await Promise.all(answered)).toEqual([200, 200]);
    expect((await fetch(path, { headers: mine })).status).toBe(200);
  });

  test('is bounded, is what its bytes say, and is put or got and nothing else', async () => {
    const key = await keyOf('S');
    expect(await codeOf(await put(key, Buffer.alloc(FILE_BYTES_MAX + 1)))).toEqual([413, 'BODY_LIMIT']);
    expect(await codeOf(await put(key, Buffer.from('<html>')))).toEqual([400, 'INVALID_INPUT']);
    expect(await codeOf(await fetch(path, { method: 'POST', headers: key }))).toEqual([405, 'METHOD_NOT_ALLOWED']);
  });
});
