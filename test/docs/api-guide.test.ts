import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openShop, type Shop } from './shop.ts';

/** A command of the guide, with the answer that stands below it. */
interface Example {
  readonly title: string;
  readonly command: string;
  readonly answer: unknown;
}

const guide = readFileSync(new URL('../../docs/api-guide.md', import.meta.url), 'utf8');
const examples = [...guide.matchAll(/```sh\n(curl [^`]*)```\n\n```json\n([^`]*)```/g)].map(([, command = '', answer = '']): Example => {
  const [, root] = /(?:mutation|subscription|query)[^{]*\{ (\w+)|"\{ (\w+)/.exec(command)?.filter(Boolean) ?? [];
  return { title: root ?? 'signing in', command, answer: JSON.parse(answer) };
});

let shop: Shop;
// what a reader would copy from one answer into the next command
const environment: Record<string, string> = {};

beforeAll(async () => {
  shop = await openShop();
  Object.assign(environment, { FENZHAN: shop.url, KEY: shop.apiKey, SKU: shop.skuId });
});
afterAll(() => shop.close());

describe('the commands of docs/api-guide.md, one after the other', () => {
  test('are all there with an answer', () => {
    expect(examples.length).toBe(guide.match(/^curl /gm)?.length);
    expect(examples.length).toBe(14);
  });

  test.each(examples)('$title: the answer has the shape that the guide shows', async ({ command, answer }) => {
    const given: unknown = command.includes('text/event-stream') ? await firstEvent(command) : JSON.parse(await output(command));
    remember(given);
    expect(difference(answer, given, '')).toEqual([]);
  });
});

/** Runs a command as a reader's shell would, and answers what it printed. */
async function output(command: string): Promise<string> {
  const child = run(command);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await new Promise((resolve) => child.once('close', resolve));
  return text;
}

/** Runs a command that goes on for ever until its first event, for which two orders are placed once it listens. */
async function firstEvent(command: string): Promise<unknown> {
  const child = run(command);
  let text = '';
  const event = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', () => void placeTwo().catch(reject));
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const [, data] = /^data: (\{.*)$/m.exec(text) ?? [];
      if (data !== undefined) resolve(data);
    });
    child.once('close', () => reject(new Error(`the stream ended: ${text}`)));
  });
  child.kill();
  return JSON.parse(event);
}

let placed = 0;

async function placeTwo(): Promise<void> {
  for (const requestKey of [`live-${(placed += 1)}`, `live-${(placed += 1)}`]) {
    const query = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename } }';
    const variables = { input: { requestKey, skuId: shop.skuId, quantity: 1, maxTotal: '50.00' } };
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${shop.apiKey}` };
    await fetch(`${shop.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  }
}

function run(command: string): ChildProcess {
  return spawn('bash', ['-c', `exec ${command}`], {
    cwd: shop.directory,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Keeps the ids that the guide tells its reader to keep. */
function remember(answer: unknown): void {
  const text = JSON.stringify(answer);
  const found = {
    PARTY: /"memberships":.*?"id":"([^"]+)"/.exec(text)?.[1],
    ORDER: /"order":\{"id":"([^"]+)"/.exec(text)?.[1],
    CURSOR: /"cursor":"([^"]+)"/.exec(text)?.[1],
  };
  for (const [name, value] of Object.entries(found)) if (value !== undefined) environment[name] = value;
}

/** Words that a program goes by, and which must therefore be as written. */
const EXACT: ReadonlySet<string> = new Set(['__typename', 'state', 'permission', 'role', 'currency', 'kind']);

/** Where an answer is not as shown: fields that are missing or too many, other types of values, other words to go by. */
function difference(shown: unknown, given: unknown, path: string): string[] {
  if (Array.isArray(shown) && Array.isArray(given)) {
    if (shown.length > 0 && given.length === 0) return [`${path} is empty`];
    return given.flatMap((each, index) => difference(shown[index] ?? shown[0], each, `${path}[${index}]`));
  }
  if (isObject(shown) && isObject(given)) {
    return [...new Set([...Object.keys(shown), ...Object.keys(given)])].flatMap((name) => {
      if (!(name in given)) return [`${path}.${name} is missing`];
      if (!(name in shown)) return [`${path}.${name} is not shown`];
      return difference(shown[name], given[name], `${path}.${name}`);
    });
  }
  const name = path.slice(path.lastIndexOf('.') + 1);
  const exact = EXACT.has(name) || (name === 'code' && /^[A-Z_]+$/.test(String(shown)));
  if (exact) return shown === given ? [] : [`${path} is ${String(given)}`];
  // what may be null is null in some networks and a value in others
  if (!isObject(shown) && !isObject(given) && (shown === null || given === null)) return [];
  return typeof shown === typeof given && isObject(shown) === isObject(given) ? [] : [`${path} is ${JSON.stringify(given)}`];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
