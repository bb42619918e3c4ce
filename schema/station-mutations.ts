import { closeStation, freezeStation, unfreezeStation } from '#server/flows/freeze-station.ts';
import { moveStation } from '#server/flows/move-station.ts';
import { openStation } from '#server/flows/open-station.ts';
import { createPriceLevel, setPriceLevel } from '#server/flows/set-price-level.ts';
import type { PriceLevelRecord } from '#server/network/sql.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { StationKindEnum } from './enums.ts';
import { idOf, optionalIdOf } from './ids.ts';
import { done, mutation, REPLAYED_TEXT, REQUEST_KEY_TEXT, successType } from './mutation.ts';
import {
  InvalidInput,
  MoveRefused,
  NotAllowed,
  NotFound,
  notFound,
  RequestKeyReused,
  refused,
  StaleVersion,
  StationFrozen,
  staleVersion,
} from './refusals.ts';
import { resultUnion } from './results.ts';
import { PriceLevelType, type StationRow, StationType } from './station.ts';

const managing = { party: 'STATION', permission: 'STATIONS_MANAGE' } as const;
const pricing = { party: 'STATION', permission: 'PRICES_MANAGE' } as const;
const EXPECTED_VERSION = 'The version that the edit is based on.';

interface Answer<Name extends string> {
  readonly __typename: Name;
  readonly station: StationRow;
}

const StationOpened = successType<Answer<'StationOpened'> & { readonly replayed: boolean; readonly temporaryPassword: string | null }>(
  'StationOpened',
  'A station was opened.',
  (t) => ({
    station: t.field({ type: StationType, description: 'The new station.', resolve: ({ station }) => station }),
    replayed: t.exposeBoolean('replayed', { description: REPLAYED_TEXT }),
    temporaryPassword: t.exposeString('temporaryPassword', {
      nullable: true,
      description: 'The password of its first member, shown this once; null when the person has one already, and in a replay.',
    }),
  }),
);

mutation('openStation', {
  description: 'Opens a station below the acting one, with its first member.',
  access: managing,
  input: builder.inputType('OpenStationInput', {
    description: 'The station to open.',
    fields: (t) => ({
      requestKey: t.string({ required: true, description: REQUEST_KEY_TEXT }),
      parentId: t.id({ description: 'Its parent; the acting station when left out. Only headquarters opens for others.' }),
      kind: t.field({ type: StationKindEnum, required: true, description: 'What it is.' }),
      name: t.string({ required: true, description: 'What people call it.' }),
      code: t.string({ required: true, description: 'Its number or short name, unique in the network.' }),
      levelId: t.id({ description: 'The price level that it gets.' }),
      ownerEmail: t.string({ description: 'The e-mail of its first member, its OWNER.' }),
      ownerName: t.string({ description: 'The name of its first member.' }),
    }),
  }),
  result: resultUnion('OpenStationResult', 'A station that was opened, or why not.', [
    StationOpened,
    RequestKeyReused,
    NotFound,
    NotAllowed,
    InvalidInput,
    MoveRefused,
    StationFrozen,
  ]),
  resolve: async (input, context) => {
    const parentId = optionalIdOf('Station', input.parentId);
    const levelId = optionalIdOf('PriceLevel', input.levelId);
    if (parentId === null) return notFound('station');
    if (levelId === null) return notFound('price level');
    const { ownerEmail, ownerName, ...rest } = input;
    const outcome = await openStation(context.db, viewerOf(context), {
      ...rest,
      parentId: parentId ?? null,
      levelId: levelId ?? null,
      ownerEmail: ownerEmail ?? null,
      ownerName: ownerName ?? null,
    });
    if (outcome.kind !== 'STATION_OPENED') return refused(outcome, 'station or price level');
    const { station, replayed, temporaryPassword } = outcome;
    return done('StationOpened', { station, replayed, temporaryPassword });
  },
});

const StationMoved = stationAnswer('StationMoved', 'A station was moved, with its subtree.');

mutation('moveStation', {
  description: 'Moves a station of the downline, with its subtree, below another. Orders already placed keep their chain.',
  access: managing,
  input: builder.inputType('MoveStationInput', {
    description: 'The move.',
    fields: (t) => ({
      stationId: t.id({ required: true, description: 'The station to move.' }),
      newParentId: t.id({ required: true, description: 'Where it shall stand.' }),
      expectedVersion: t.int({ required: true, description: EXPECTED_VERSION }),
    }),
  }),
  result: resultUnion('MoveStationResult', 'A station that was moved, or why not.', [
    StationMoved,
    NotFound,
    NotAllowed,
    StaleVersion,
    MoveRefused,
  ]),
  resolve: async ({ expectedVersion, ...input }, context) => {
    const stationId = idOf('Station', input.stationId);
    const newParentId = idOf('Station', input.newParentId);
    if (stationId === null || newParentId === null) return notFound('station');
    const outcome = await moveStation(context.db, viewerOf(context), { stationId, newParentId, expectedVersion });
    if (outcome.kind === 'STALE_VERSION') return staleVersion('Station', outcome.current);
    return outcome.kind === 'STATION_MOVED'
      ? done('StationMoved', { station: outcome.station })
      : refused(outcome, 'station or price level');
  },
});

const StationFroze = stationAnswer('StationFroze', 'A station was frozen.');

mutation('freezeStation', {
  description: 'Freezes a station of the downline: no new order by it, from it or through it.',
  access: managing,
  input: freezeInput('FreezeStationInput', 'The station to freeze.'),
  result: resultUnion('FreezeStationResult', 'A station that was frozen, or why not.', [StationFroze, NotFound, NotAllowed, StaleVersion]),
  resolve: (input, context) => changeTrading(context, 'StationFroze', freezeStation, input),
});

const StationUnfroze = stationAnswer('StationUnfroze', 'A station trades again.');

mutation('unfreezeStation', {
  description: 'Lets a frozen station of the downline trade again.',
  access: managing,
  input: freezeInput('UnfreezeStationInput', 'The station to unfreeze.'),
  result: resultUnion('UnfreezeStationResult', 'A station that trades again, or why not.', [
    StationUnfroze,
    NotFound,
    NotAllowed,
    StaleVersion,
  ]),
  resolve: (input, context) => changeTrading(context, 'StationUnfroze', unfreezeStation, input),
});

const StationClosed = stationAnswer('StationClosed', 'A station was closed for ever.');

mutation('closeStation', {
  description:
    'Closes a frozen station of the downline for ever, once no station stands below it and its money, goods and purchases are settled. Its people and programs are signed out, its streams end.',
  access: managing,
  input: freezeInput('CloseStationInput', 'The station to close.'),
  result: resultUnion('CloseStationResult', 'A station that was closed, or why not.', [StationClosed, NotFound, NotAllowed, StaleVersion]),
  resolve: (input, context) => changeTrading(context, 'StationClosed', closeStation, input),
});

const PriceLevelSet = stationAnswer('PriceLevelSet', 'A child has another price level.');

mutation('setPriceLevel', {
  description: 'Gives a direct child a price level of the acting station, or takes it away.',
  access: pricing,
  input: builder.inputType('SetPriceLevelInput', {
    description: 'The child and its level.',
    fields: (t) => ({
      stationId: t.id({ required: true, description: 'The direct child.' }),
      levelId: t.id({ description: 'The level; none when left out.' }),
      expectedVersion: t.int({ required: true, description: EXPECTED_VERSION }),
    }),
  }),
  result: resultUnion('SetPriceLevelResult', 'A child with its level, or why not.', [PriceLevelSet, NotFound, NotAllowed, StaleVersion]),
  resolve: async ({ expectedVersion, ...input }, context) => {
    const stationId = idOf('Station', input.stationId);
    const levelId = optionalIdOf('PriceLevel', input.levelId);
    if (stationId === null) return notFound('station');
    if (levelId === null) return notFound('price level');
    const outcome = await setPriceLevel(context.db, viewerOf(context), { stationId, levelId: levelId ?? null, expectedVersion });
    if (outcome.kind === 'STALE_VERSION') return staleVersion('Station', outcome.current);
    return outcome.kind === 'PRICE_LEVEL_SET'
      ? done('PriceLevelSet', { station: outcome.station })
      : refused(outcome, 'station or price level');
  },
});

const PriceLevelCreated = successType<{ readonly __typename: 'PriceLevelCreated'; readonly level: PriceLevelRecord }>(
  'PriceLevelCreated',
  'A price level was made.',
  (t) => ({ level: t.field({ type: PriceLevelType, description: 'The level.', resolve: ({ level }) => level }) }),
);

mutation('createPriceLevel', {
  description: 'Makes a price level that the acting station can give to its children.',
  access: pricing,
  input: builder.inputType('CreatePriceLevelInput', {
    description: 'The level to make.',
    fields: (t) => ({ name: t.string({ required: true, description: 'What people call it; unique for the station.' }) }),
  }),
  result: resultUnion('CreatePriceLevelResult', 'A price level, or why there is none.', [PriceLevelCreated, InvalidInput]),
  resolve: async ({ name }, context) => {
    const outcome = await createPriceLevel(context.db, viewerOf(context), name);
    return outcome.kind === 'PRICE_LEVEL_CREATED'
      ? done('PriceLevelCreated', { level: outcome.level })
      : refused(outcome, 'station or price level');
  },
});

function stationAnswer<Name extends string>(name: Name, description: string) {
  return successType<Answer<Name>>(name, description, (t) => ({
    station: t.field({ type: StationType, description: 'The station.', resolve: ({ station }) => station }),
  }));
}

/** Freezes, unfreezes or closes the station of the input; answers with it as it is then, or why it is as it was. */
async function changeTrading<const Name extends string>(
  context: Context,
  name: Name,
  change: typeof freezeStation | typeof unfreezeStation | typeof closeStation,
  input: { readonly stationId: string; readonly expectedVersion: number; readonly reason: string },
) {
  const stationId = idOf('Station', input.stationId);
  if (stationId === null) return notFound('station');
  const outcome = await change(context.db, viewerOf(context), { ...input, stationId });
  if (outcome.kind === 'STALE_VERSION') return staleVersion('Station', outcome.current);
  return 'station' in outcome ? done(name, { station: outcome.station }) : refused(outcome, 'station or price level');
}

function freezeInput(name: string, description: string) {
  return builder.inputType(name, {
    description,
    fields: (t) => ({
      stationId: t.id({ required: true, description: 'The station.' }),
      expectedVersion: t.int({ required: true, description: EXPECTED_VERSION }),
      reason: t.string({ required: true, description: 'Why; kept in the audit log.' }),
    }),
  });
}
