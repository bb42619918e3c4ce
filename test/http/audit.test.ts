import { auditServer } from 'graphql-http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { startTestServer, type TestServer } from './test-server.ts';

let database: FreshDatabase;
let server: TestServer;
beforeAll(async () => {
  database = await freshDatabase();
  server = await startTestServer(database.db);
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

test('the audit of GraphQL over HTTP passes 61 of 61', async () => {
  const results = await auditServer({ url: `${server.url}/graphql` });
  const failed = results
    .filter((result) => result.status !== 'ok')
    .map((result) => `${result.id} ${result.name}: ${'reason' in result ? result.reason : ''}`);
  expect(failed).toEqual([]);
  expect(results).toHaveLength(61);
});
