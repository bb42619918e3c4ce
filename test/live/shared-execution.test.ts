import { type ExecutionResult, GraphQLError } from 'graphql';
import { expect, test } from 'vitest';
import type { Context } from '#schema/context.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import { type AskedTogether, createSharedExecution } from '#server/http/shared-execution.ts';

// Executions by hand, at their barest: what a party learns decides who shares. The whole of it, on a database: sharing.test.ts.

const READ = {};
const OTHER = {};

/** Tells stations of one event at one moment what `execute` makes of their contexts; answers texts and how often it was executed. */
async function tell(stations: readonly string[], execute: (context: Context) => Promise<unknown>) {
  const { answer } = createSharedExecution();
  let executions = 0;
  let isBlind = false;
  const asked = (stationId: string): AskedTogether => {
    const viewer = { networkId: 'N', party: { kind: 'STATION', stationId }, permissions: new Set() } as unknown as Viewer;
    return {
      documentKey: 'document',
      viewer,
      open: () => ({
        own: { viewer } as Context,
        guard: { viewer, into: (context) => context, tripped: () => false, lift: () => undefined },
      }),
      execute: async (_, context): Promise<ExecutionResult> => {
        executions += 1;
        try {
          return { data: { told: await execute(context) } };
        } catch (error) {
          return { errors: [new GraphQLError('failed', { originalError: error as Error })] };
        }
      },
      isBlind: () => isBlind,
      noteBlind: () => {
        isBlind = true;
      },
      textOf: ({ data }) => String(data?.['told']),
    };
  };
  const told = await Promise.all(stations.map((each) => answer(asked(each), [{ event: { cursor: each } }], 7n)));
  return { told: told.map((texts) => texts?.[0]?.toString('utf8')), executions };
}

const stationOf = ({ viewer }: Context) => (viewer?.party.kind === 'STATION' ? viewer.party.stationId : '');
const read = async (what: object, context: Context, answer: (station: string) => string) =>
  context.observer?.read(what, 'key', async (own) => answer(stationOf(own))) ?? answer(stationOf(context));

test('stations whose reads have the same answers share one execution', async () => {
  const { told, executions } = await tell(['A', 'B', 'C', 'B'], (context) =>
    read(READ, context, (station) => (station === 'C' ? 'dear' : 'cheap')),
  );
  expect(told).toEqual(['cheap', 'cheap', 'dear', 'cheap']);
  expect(executions).toBe(2);
});

test('a fact about the party parts those for whom it is another, even where they read the same', async () => {
  const { told, executions } = await tell(['A', 'B', 'C'], async (context) =>
    String(context.observer?.look((own) => stationOf(own) === 'B')),
  );
  expect(told).toEqual(['false', 'true', 'false']);
  expect(executions).toBe(2);
});

test('who sees what the first has read as another does, and not what that one has read beyond it, is told by itself', async () => {
  const { told } = await tell(['A', 'B', 'C'], async (context) => {
    const first = await read(READ, context, (station) => (station === 'A' ? 'stop' : 'more'));
    return first === 'stop' ? first : `${first} ${await read(OTHER, context, (station) => station)}`;
  });
  expect(told).toEqual(['stop', 'more B', 'more C']);
});

test('an execution that looks at the party itself answers nobody else, not even when it hides what it met', async () => {
  const looking = async (context: Context) => {
    try {
      return stationOf(context);
    } catch {
      return 'hidden';
    }
  };
  expect((await tell(['A', 'B'], looking)).told).toEqual(['A', 'B']);
  expect((await tell(['A', 'B'], async ({ viewer }) => JSON.stringify({ ...viewer?.party }))).told).toEqual([
    '{"kind":"STATION","stationId":"A"}',
    '{"kind":"STATION","stationId":"B"}',
  ]);
});
