import { readFileSync } from 'node:fs';
import { type ExecutionResult, parse, subscribe } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeId, globalId } from '#schema/ids.ts';
import { schema } from '#schema/schema.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { ask, contextOf, logged } from './ask.ts';
import { MUTATIONS, mutationDocument } from './mutations.ts';
import { ASKERS, type Asker, CANARIES, type Neighbourhood, neighbourhood, type Objects } from './network.ts';
import { allSteps, answerOf, deepDocuments, everything, rootFields } from './walk.ts';

// permissions.json is the table: one letter for each asker, in the order of `askers`. v value, e empty list, n null, h hidden
// (nothing leads to it), F forbidden, U unauthenticated; for mutations the type of the answer or the code of the error.
const table = JSON.parse(readFileSync(new URL('./permissions.json', import.meta.url), 'utf8')) as {
  askers: string[];
  fields: Record<string, string>;
  mutations: Record<string, Record<Asker, string>>;
  subscriptions: Record<string, Record<Asker, string>>;
};

let fresh: FreshDatabase;
let hood: Neighbourhood;
beforeAll(async () => {
  fresh = await freshDatabase({ poolSize: 20 });
  hood = await neighbourhood(fresh.db);
});
afterAll(() => fresh.drop());

const forEachAsker = async <Answer>(answer: (asker: Asker) => Promise<Answer>) =>
  Object.fromEntries(await Promise.all(ASKERS.map(async (asker) => [asker, await answer(asker)] as const))) as Record<Asker, Answer>;

describe('who may see what', () => {
  test('every field of the contract is answered to each asker as the table says, and stands in it', async () => {
    expect(table.askers).toEqual([...ASKERS]);
    const answers: Record<string, string> = {};
    for (const { name, document } of allSteps(hood.objects)) {
      const each = await forEachAsker(async (asker) => answerOf(await ask(fresh.db, hood.viewers[asker], document)));
      answers[name] = ASKERS.map((asker) => each[asker]).join('');
    }
    expect(answers).toEqual(table.fields);
  }, 120_000);

  test('every mutation is answered to each asker as the table says, each on a network of its own', async () => {
    expect(Object.keys(MUTATIONS).sort()).toEqual(rootFields('Mutation').sort());
    const each = await forEachAsker(async (asker) => Object.fromEntries(await tryAll(asker)) as Record<string, string>);
    const answers = Object.fromEntries(
      Object.keys(MUTATIONS).map((name) => [name, Object.fromEntries(ASKERS.map((asker) => [asker, each[asker][name]]))]),
    );
    expect(answers).toEqual(table.mutations);
  }, 120_000);

  test('every subscription is opened to each asker as the table says', async () => {
    const documents: Record<string, string> = {
      orderUpdated: 'subscription { orderUpdated(scope: DOWNLINE) { cursor } }',
      stockUpdated: `subscription { stockUpdated(skuIds: ["${hood.objects['Sku']}"]) { cursor } }`,
      priceChanged: `subscription { priceChanged(skuIds: ["${hood.objects['Sku']}"]) { cursor } }`,
      walletChanged: 'subscription { walletChanged { cursor } }',
      alertRaised: 'subscription { alertRaised { cursor } }',
      networkPulse: 'subscription { networkPulse { at } }',
      purchaseAttention: 'subscription { purchaseAttention { cursor } }',
    };
    expect(Object.keys(documents).sort()).toEqual(rootFields('Subscription').sort());
    for (const [name, document] of Object.entries(documents)) {
      expect([name, await forEachAsker((asker) => opened(asker, document))]).toEqual([name, table.subscriptions[name]]);
    }
  });
});

describe('ids', () => {
  test('of another network, or of a sibling, are answered like ids that do not exist', async () => {
    for (const asker of ['stranger', 'sibling', 'supplier'] as const) {
      for (const [name, id] of Object.entries(hood.objects)) {
        // their own network, the shelf and the goods that headquarters sells them all
        if (asker !== 'stranger' && ['Network', 'Category', 'Steam', 'ListingPolicy'].includes(name)) continue;
        const document = 'query ($id: ID!) { node(id: $id) { __typename id } nodes(ids: [$id]) { id } }';
        const answers = await Promise.all([id, elsewhere(id)].map((each) => ask(fresh.db, hood.viewers[asker], document, { id: each })));
        expect([asker, name, answers[0]]).toEqual([asker, name, answers[1]]);
        expect(answers[0]?.data).toEqual({ node: null, nodes: [null] });
      }
    }
  });

  test('are refused by mutations in the same words, too', async () => {
    const unknown = Object.fromEntries(Object.entries(hood.objects).map(([name, id]) => [name, elsewhere(id)]));
    for (const name of Object.keys(MUTATIONS)) {
      if (
        name === 'createPriceLevel' ||
        name === 'createApiKey' ||
        name === 'createWebhookEndpoint' ||
        name === 'createSupplier' ||
        name === 'setListingPolicy'
      )
        continue;
      const document = mutationDocument(name, everything(`${name[0]?.toUpperCase()}${name.slice(1)}Result`, 1));
      const asked = async (objects: Objects) => {
        const result = await ask(fresh.db, hood.viewers.stranger, document, { input: MUTATIONS[name]?.(objects) });
        return JSON.parse(JSON.stringify(result)) as unknown;
      };
      expect([name, await asked(hood.objects)]).toEqual([name, await asked(unknown)]);
    }
  });

  test('that are no ids are answered like them', async () => {
    for (const id of ['', 'x', '=', globalId('Order', 'x'), Buffer.from('Order:1:2').toString('base64url'), `${hood.objects['Order']}=`]) {
      expect((await ask(fresh.db, hood.viewers.OWNER, 'query ($id: ID!) { node(id: $id) { id } }', { id })).data).toEqual({ node: null });
    }
  });
});

describe('canaries', () => {
  /** Who may read each figure. Headquarters' other child pays what A pays, and A knows what it asks of R. */
  const ownPeople: readonly Asker[] = ['OWNER', 'MANAGER', 'FINANCE', 'OPERATOR', 'VIEWER'];
  const ALLOWED: Record<keyof typeof CANARIES, readonly Asker[]> = {
    hqCost: ['parent'],
    hqLot: ['parent'],
    // the supplier of the goods is owed it: its own payable, by whatever way it is read
    hqOrderCost: ['parent', 'supplier'],
    hqBase: ['parent'],
    ownCost: ownPeople,
    ownLot: ownPeople,
    // headquarters holds the cash and pays the suppliers: what is owed to them
    ownOrderCost: [...ownPeople, 'parent'],
    ownBase: ownPeople,
    paidByA: [...ownPeople, 'parent', 'sibling'],
    paidByR: [...ownPeople, 'child'],
    boughtByA: ['OWNER', 'MANAGER', 'OPERATOR'],
    boughtByR: ['child'],
    withdrawable: ['OWNER', 'MANAGER'],
  };

  test('stand in no answer, error or log line for those who may not read them, whatever they ask or do', async () => {
    const seen = {} as Record<Asker, string>;
    for (const asker of ASKERS) {
      const own = await neighbourhood(fresh.db);
      const lists = [
        '{ lots { edges { node { DEEP } } } }',
        '{ priceTable(childId: "CHILD") { edges { node { ROW } } } }',
        '{ catalogue { edges { node { SKU } } } }',
      ].map((text) =>
        text
          .replace('DEEP', everything('Lot', 1))
          .replace('ROW', everything('PriceTableRow', 1))
          .replace('SKU', everything('Sku', 2))
          .replace('CHILD', own.objects['Child'] ?? ''),
      );
      const texts: string[] = [];
      for (const document of [...lists, ...deepDocuments(own.objects, 3)])
        texts.push(JSON.stringify(await ask(fresh.db, own.viewers[asker], document)));
      for (const [name, input] of Object.entries(MUTATIONS)) {
        const document = mutationDocument(name, everything(`${name[0]?.toUpperCase()}${name.slice(1)}Result`, 3));
        texts.push(JSON.stringify(await ask(fresh.db, own.viewers[asker], document, { input: input(own.objects) })));
      }
      seen[asker] = texts.join('\n');
    }
    for (const [canary, figure] of Object.entries(CANARIES)) {
      const readers = ASKERS.filter((asker) => seen[asker].includes(figure));
      expect([canary, readers]).toEqual([canary, ASKERS.filter((asker) => ALLOWED[canary as keyof typeof CANARIES].includes(asker))]);
      expect(logged.filter((line) => line.includes(figure))).toEqual([]);
    }
  }, 180_000);
});

/** Tries all mutations as one asker, on a network of its own. */
async function tryAll(asker: Asker): Promise<[string, string][]> {
  const own = await neighbourhood(fresh.db);
  const outcomes: [string, string][] = [];
  for (const [name, input] of Object.entries(MUTATIONS)) {
    const result = await ask(fresh.db, own.viewers[asker], mutationDocument(name, '__typename'), { input: input(own.objects) });
    outcomes.push([name, outcomeOf(result)]);
  }
  return outcomes;
}

function outcomeOf({ data, errors }: ExecutionResult): string {
  const code = errors?.[0]?.extensions['code'];
  if (errors) return typeof code === 'string' ? code : `!${errors[0]?.message}`;
  return (data as { x: { __typename: string } }).x.__typename;
}

async function opened(asker: Asker, document: string): Promise<string> {
  const stream = await subscribe({ schema, document: parse(document), contextValue: contextOf(fresh.db, hood.viewers[asker]) });
  if (!(Symbol.asyncIterator in stream)) return outcomeOf(stream);
  await stream.return();
  return 'stream';
}

/** An id of the same type that nothing has. */
function elsewhere(id: string): string {
  return globalId(decodeId(id)?.type ?? '', '01a20176-0000-7000-8000-000000000000');
}
