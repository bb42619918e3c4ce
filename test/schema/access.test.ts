import SchemaBuilder from '@pothos/core';
import { execute, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { accessPlugin } from '#schema/access.ts';
import type { Context } from '#schema/context.ts';
import type { Permission, Viewer } from '#server/accounts/rules.ts';

const fresh = () =>
  new SchemaBuilder<{ Context: Context; DefaultFieldNullability: false }>({ plugins: [accessPlugin], defaultFieldNullability: false });
// what the compiler would refuse anyway
const undeclared = {} as { access: 'ANYBODY' };

describe('default deny', () => {
  test('a field of the query root that does not say who may ask it is not built', () => {
    const builder = fresh();
    builder.queryType({ fields: (t) => ({ secret: t.string({ ...undeclared, resolve: () => 'x' }) }) });
    expect(() => builder.toSchema()).toThrow('Query.secret does not say who may see it');
  });

  test('nor is a mutation, nor a subscription', () => {
    const mutating = fresh();
    mutating.queryType({ fields: (t) => ({ open: t.string({ access: 'ANYBODY', resolve: () => 'x' }) }) });
    mutating.mutationType({ fields: (t) => ({ burn: t.string({ ...undeclared, resolve: () => 'x' }) }) });
    expect(() => mutating.toSchema()).toThrow('Mutation.burn does not say who may see it');
    const watching = fresh();
    watching.queryType({ fields: (t) => ({ open: t.string({ access: 'ANYBODY', resolve: () => 'x' }) }) });
    watching.subscriptionType({
      fields: (t) => ({ burned: t.string({ ...undeclared, subscribe: () => ({}) as AsyncIterable<string>, resolve: () => 'x' }) }),
    });
    expect(() => watching.toSchema()).toThrow('Subscription.burned does not say who may see it');
  });

  test('nor is an object type', () => {
    const builder = fresh();
    const Thing = builder
      .objectRef<{ name: string }>('Thing')
      .implement({ ...undeclared, fields: (t) => ({ name: t.exposeString('name') }) });
    builder.queryType({ fields: (t) => ({ thing: t.field({ type: Thing, access: 'ANYBODY', resolve: () => ({ name: 'x' }) }) }) });
    expect(() => builder.toSchema()).toThrow('Thing does not say who may see it');
  });

  test('nor is a field that is hidden from some and cannot be null', () => {
    const builder = fresh();
    const Thing = builder.objectRef<{ cost: string }>('Thing').implement({
      access: 'WITH_PARENT',
      fields: (t) => ({ cost: t.string({ access: { party: 'STATION', only: () => false }, resolve: ({ cost }) => cost }) }),
    });
    builder.queryType({ fields: (t) => ({ thing: t.field({ type: Thing, access: 'ANYBODY', resolve: () => ({ cost: '1' }) }) }) });
    expect(() => builder.toSchema()).toThrow('Thing.cost is hidden from some viewers, so it must be nullable');
  });
});

describe('a declared access', () => {
  const builder = fresh();
  const Thing = builder.objectRef<{ owner: boolean }>('Thing').implement({
    access: { party: 'STATION', permission: 'STOCK_READ' },
    fields: (t) => ({
      name: t.string({ resolve: () => 'thing' }),
      cost: t.string({ nullable: true, access: { party: 'STATION', only: ({ owner }) => owner }, resolve: () => '46.0713' }),
      late: t.string({ nullable: true, access: { party: 'STATION', only: async ({ owner }) => owner }, resolve: () => '46.0713' }),
    }),
  });
  builder.queryType({
    fields: (t) => ({
      own: t.field({ type: Thing, access: 'ANYBODY', resolve: () => ({ owner: true }) }),
      others: t.field({ type: Thing, access: 'ANYBODY', resolve: () => ({ owner: false }) }),
      persons: t.string({ access: 'SIGNED_IN', resolve: () => 'you' }),
      parties: t.string({ access: { party: 'ANY' }, resolve: () => 'us' }),
    }),
  });
  const schema = builder.toSchema();
  const viewer = (kind: 'STATION' | 'SUPPLIER', ...permissions: Permission[]) =>
    ({ party: { kind, stationId: 's', supplierId: 's' }, permissions: new Set(permissions) }) as unknown as Viewer;
  const run = async (who: Partial<Context>, document: string) =>
    (await execute({ schema, document: parse(document), contextValue: { viewer: null, person: null, ...who } as Context })) as {
      data: unknown;
      errors?: { message: string; extensions: Record<string, unknown> }[];
    };

  test('of a type holds for each of its fields, and names the permission that is missing', async () => {
    const { errors } = await run({ viewer: viewer('STATION', 'ORDERS_READ') }, '{ own { name } }');
    expect(errors?.[0]?.extensions).toEqual({ code: 'FORBIDDEN', permission: 'STOCK_READ' });
  });

  test('of a row answers null to those whom it does not concern, also when that is known late', async () => {
    const who = { viewer: viewer('STATION', 'STOCK_READ') };
    expect((await run(who, '{ own { cost late } others { name cost late } }')).data).toEqual({
      own: { cost: '46.0713', late: '46.0713' },
      others: { name: 'thing', cost: null, late: null },
    });
  });

  test('tells nobody, a person without a party, and the wrong kind of party apart', async () => {
    expect((await run({}, '{ parties }')).errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED');
    expect((await run({ person: { userId: 'u' } }, '{ persons }')).data).toEqual({ persons: 'you' });
    expect((await run({ person: { userId: 'u' } }, '{ parties }')).errors?.[0]?.message).toBe('Choose the party that you act for.');
    expect((await run({ viewer: viewer('SUPPLIER', 'STOCK_READ') }, '{ own { name } }')).errors?.[0]?.message).toBe(
      'Only a station may ask this.',
    );
  });
});
