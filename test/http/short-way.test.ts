import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { startTestServer, type TestServer } from './test-server.ts';

let fresh: FreshDatabase;
let server: TestServer;
beforeAll(async () => {
  fresh = await freshDatabase();
  server = await startTestServer(fresh.db);
});
afterAll(async () => {
  await server.close();
  await fresh.drop();
});

type Sent = { readonly accept: string; readonly body: object | string };

async function send({ accept, body }: Sent) {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    cache: response.headers.get('cache-control'),
    // what is left of the budget and the request's id are a request's own
    body: text.replace(/"remaining":\d+/, '"remaining":0').replaceAll(/"requestId":"[^"]+"/g, '"requestId":""'),
  };
}

/** A document is new to the server the first time and known from then on: the comment makes it new. */
let number = 0;
const newDocument = (query: string) => `# ${(number += 1)}\n${query}`;

describe.each(['application/json', 'application/graphql-response+json', '*/*'])('a known document (Accept: %s)', (accept) => {
  test.each([
    ['plain', 'query { hello }', {}],
    ['with variables', 'query ($name: String) { hello(name: $name) }', { variables: { name: 'A' } }],
    ['with null for what is left out', 'query { hello }', { variables: null, operationName: null }],
    ['with one of several operations', 'query A { hello } query B { hello(name: "B") }', { operationName: 'B' }],
    ['with an operation that it lacks', 'query A { hello } query B { hello(name: "B") }', { operationName: 'C' }],
    ['with variables that do not fit', 'query ($name: String) { hello(name: $name) }', { variables: { name: 1 } }],
    ['with variables that are no object', 'query { hello }', { variables: [1] }],
    ['with a parameter that nobody knows', 'query { hello }', { parameter: 1 }],
    ['with a field that fails', 'query { hello boom }', {}],
    ['with a field that is refused', 'query { refused }', {}],
    ['for somebody who is signed in', 'query { whoami }', {}],
    ['that costs too much', 'query { rows(first: 100) { rows(first: 100) { rows(first: 100) { id } } } }', {}],
    ['that is a mutation', 'mutation { change }', {}],
  ])('%s is answered as it was when it was new', async (_, query, rest) => {
    const sent = { accept, body: { query: newDocument(query), ...rest } };
    const whenNew = await send(sent);
    const whenKnown = await send(sent);
    expect(whenKnown).toEqual(whenNew);
    expect(whenKnown.body).toMatch(/"data"|"errors"/);
  });
});

test('a known document in a body that is no JSON is refused', async () => {
  const query = newDocument('query { hello }');
  await send({ accept: '*/*', body: { query } });
  expect(await send({ accept: '*/*', body: `{"query":${JSON.stringify(query)}` })).toMatchObject({ status: 400 });
});
