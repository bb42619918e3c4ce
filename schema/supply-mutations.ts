import { createSupplyAccount, rotateSupplyCallback, type SupplyGround, updateSupplyAccount } from '#server/flows/supply-accounts.ts';
import {
  archiveSupplyOffer,
  createSupplyOffer,
  setRoutingPolicy,
  setSupplyOfferAvailability,
  setSupplyOfferCost,
  updateSupplyOffer,
} from '#server/flows/supply-offers.ts';
import type { AccountRow, OfferRow } from '#server/offers/reads.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadSku, SkuType } from './catalogue.ts';
import type { Context } from './context.ts';
import { LotTermsEnum } from './enums.ts';
import { idOf } from './ids.ts';
import { forgetLoaded } from './loaders.ts';
import { done, given, mutation, successType } from './mutation.ts';
import { InvalidInput, invalidInput, NotAllowed, NotFound, notFound, refused, StaleVersion, staleVersion } from './refusals.ts';
import { resultUnion } from './results.ts';
import { AccountType, ConnectorKindEnum, loadAccount, loadSupplyOffer, SupplyOfferType } from './supply-offer.ts';
import { RoutingPolicyEnum } from './supply-routing.ts';

const managing = { party: 'STATION', permission: 'SUPPLY_MANAGE' } as const;
/** A supplier's people say what concerns its own offers. */
const managingOwn = { party: 'ANY', permission: 'SUPPLY_MANAGE' } as const;
const ACCOUNT = 'account';
const OFFER = 'supply offer';

const SettingInput = builder.inputType('SupplySettingInput', {
  description: 'One setting, by the names of supplyKinds.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Its name.' }),
    value: t.string({ required: true, description: 'Its value; empty takes it away.' }),
  }),
});

type Settings = readonly { readonly name: string; readonly value: string }[];
const record = (settings: Settings): Record<string, string> => Object.fromEntries(settings.map(({ name, value }) => [name, value]));

// ---- accounts ----

type WithAccount<Name extends string> = { readonly __typename: Name; readonly supplyAccount: AccountRow };
const CALLBACK_TEXT = 'Where the upstream may call back, with a secret token. Shown this once';

const AccountCreated = successType<WithAccount<'SupplyAccountCreated'> & { readonly callbackUrl: string | null }>(
  'SupplyAccountCreated',
  'An account was made.',
  (t) => ({
    supplyAccount: t.field({ type: AccountType, description: 'The account.', resolve: ({ supplyAccount }) => supplyAccount }),
    callbackUrl: t.exposeString('callbackUrl', {
      nullable: true,
      description: `${CALLBACK_TEXT}; null where nothing calls back, or this deployment has no public address.`,
    }),
  }),
);

mutation('createSupplyAccount', {
  description:
    "Makes an account at a supplier's system. Its settings are tried there before they are saved, unless it is switched off. Secrets are never shown again.",
  access: managing,
  input: builder.inputType('CreateSupplyAccountInput', {
    description: 'The account to make.',
    fields: (t) => ({
      supplierId: t.id({ required: true, description: 'Whose system it is.' }),
      name: t.string({ required: true, description: 'What people call it; unique among the accounts of the station.' }),
      kind: t.field({ type: ConnectorKindEnum, required: true, description: 'By which protocol it is asked.' }),
      baseUrl: t.string({ description: 'Where it is: https, at a public address. Left out where a person delivers.' }),
      currency: t.string({ required: true, description: 'The money that it speaks of (ISO 4217).' }),
      settings: t.field({ type: [SettingInput], required: true, description: 'Its settings, secret ones too.' }),
      callsAtOnce: t.int({ description: 'Calls under way at once, over all processes; 1 when left out.' }),
      isEnabled: t.boolean({ description: 'Whether anything is bought through it; it is when left out.' }),
    }),
  }),
  result: resultUnion('CreateSupplyAccountResult', 'An account, or why there is none.', [
    AccountCreated,
    NotFound,
    InvalidInput,
    NotAllowed,
  ]),
  resolve: async ({ supplierId, name, kind, baseUrl, currency, settings, callsAtOnce, isEnabled }, context) => {
    const supplier = idOf('Supplier', supplierId);
    if (supplier === null) return notFound('supplier');
    const account = { name, kind, baseUrl: baseUrl ?? '', currency, settings: record(settings), callsAtOnce: callsAtOnce ?? 1 };
    const input = { ...account, supplierId: supplier, isEnabled: isEnabled ?? true };
    const outcome = await createSupplyAccount(groundOf(context), viewerOf(context), input);
    if (outcome.kind !== 'CREATED') return refused(outcome, 'supplier');
    const supplyAccount = await requireAccount(context, outcome.accountId);
    return done('SupplyAccountCreated', { supplyAccount, callbackUrl: outcome.callbackUrl });
  },
});

const AccountUpdated = successType<WithAccount<'SupplyAccountUpdated'>>('SupplyAccountUpdated', 'An account was changed.', (t) => ({
  supplyAccount: t.field({ type: AccountType, description: 'The account.', resolve: ({ supplyAccount }) => supplyAccount }),
}));

mutation('updateSupplyAccount', {
  description:
    'Changes an account; what is left out stays. Tried at the upstream while it is switched on. Switched off, its offers fill nothing.',
  access: managing,
  input: builder.inputType('UpdateSupplyAccountInput', {
    description: 'What to change.',
    fields: (t) => ({
      supplyAccountId: t.id({ required: true, description: 'The account.' }),
      expectedVersion: t.int({ required: true, description: 'Its version as it was read.' }),
      name: t.string({ description: 'What people call it.' }),
      baseUrl: t.string({ description: 'Where it is.' }),
      settings: t.field({ type: [SettingInput], description: 'The settings that change; others stay, secrets too.' }),
      callsAtOnce: t.int({ description: 'Calls under way at once.' }),
      isEnabled: t.boolean({ description: 'Whether anything is bought through it.' }),
    }),
  }),
  result: resultUnion('UpdateSupplyAccountResult', 'A changed account, or why it is as it was.', [
    AccountUpdated,
    NotFound,
    StaleVersion,
    InvalidInput,
  ]),
  resolve: async ({ supplyAccountId, expectedVersion, name, baseUrl, settings, callsAtOnce, isEnabled }, context) => {
    const id = idOf('SupplyAccount', supplyAccountId);
    if (id === null) return notFound(ACCOUNT);
    const change = {
      ...given('name', name),
      ...given('baseUrl', baseUrl),
      ...given('settings', settings && record(settings)),
      ...given('callsAtOnce', callsAtOnce),
      ...given('isEnabled', isEnabled),
    };
    const outcome = await updateSupplyAccount(groundOf(context), viewerOf(context), { id, expectedVersion }, change);
    if (outcome.kind === 'STALE_VERSION') return staleVersion('SupplyAccount', await requireAccount(context, id));
    if (outcome.kind !== 'SAVED') return refused(outcome, ACCOUNT);
    return done('SupplyAccountUpdated', { supplyAccount: await requireAccount(context, id) });
  },
});

const CallbackRotated = successType<WithAccount<'SupplyCallbackRotated'> & { readonly callbackUrl: string }>(
  'SupplyCallbackRotated',
  'An account has another address for calling back.',
  (t) => ({
    supplyAccount: t.field({ type: AccountType, description: 'The account.', resolve: ({ supplyAccount }) => supplyAccount }),
    callbackUrl: t.exposeString('callbackUrl', { description: `${CALLBACK_TEXT}.` }),
  }),
);

mutation('rotateSupplyCallback', {
  description: 'Gives an account another address for calling back; the one before is worth nothing at once.',
  access: managing,
  input: builder.inputType('RotateSupplyCallbackInput', {
    description: 'The account whose address is to change.',
    fields: (t) => ({
      supplyAccountId: t.id({ required: true, description: 'The account.' }),
      expectedVersion: t.int({ required: true, description: 'Its version as it was read.' }),
    }),
  }),
  result: resultUnion('RotateSupplyCallbackResult', 'Another address, or why there is none.', [
    CallbackRotated,
    NotFound,
    StaleVersion,
    NotAllowed,
  ]),
  resolve: async ({ supplyAccountId, expectedVersion }, context) => {
    const id = idOf('SupplyAccount', supplyAccountId);
    if (id === null) return notFound(ACCOUNT);
    const outcome = await rotateSupplyCallback(groundOf(context), viewerOf(context), { id, expectedVersion });
    if (outcome.kind === 'STALE_VERSION') return staleVersion('SupplyAccount', await requireAccount(context, id));
    if (outcome.kind !== 'ROTATED') return refused(outcome, ACCOUNT);
    return done('SupplyCallbackRotated', { supplyAccount: await requireAccount(context, id), callbackUrl: outcome.callbackUrl });
  },
});

// ---- offers ----

type WithOffer<Name extends string> = { readonly __typename: Name; readonly supplyOffer: OfferRow };
const offerSuccess = <Name extends string>(name: Name, description: string) =>
  successType<WithOffer<Name>>(name, description, (t) => ({
    supplyOffer: t.field({ type: SupplyOfferType, description: 'The offer.', resolve: ({ supplyOffer }) => supplyOffer as OfferRow }),
  }));

const CostInput = builder.inputType('SupplyOfferCostInput', {
  description: 'What unitSize units cost.',
  fields: (t) => ({
    unitCost: t.field({ type: 'Decimal', description: "In the account's currency. Left out: what the upstream asks now." }),
    rate: t.string({ description: "One unit of that currency in the network's, with at most eight decimals; only where they differ." }),
    rateSource: t.string({ description: 'Where the rate comes from; with a rate.' }),
    rateAt: t.field({ type: 'DateTime', description: 'When the rate was so; with a rate.' }),
  }),
});

type CostOf = typeof CostInput.$inferInput;
const costOf = ({ unitCost, rate, rateSource, rateAt }: CostOf) => ({
  upstreamUnitCost: unitCost ?? null,
  rate: rate ?? null,
  rateSource: rateSource ?? null,
  rateAt: rateAt ?? null,
});

const OfferCreated = offerSuccess('SupplyOfferCreated', 'An offer was made.');

mutation('createSupplyOffer', {
  description:
    'Makes an offer for a SKU of the acting station. Goods and cost are tried at the upstream before it is saved, unless it is switched off.',
  access: managing,
  input: builder.inputType('CreateSupplyOfferInput', {
    description: 'The offer to make.',
    fields: (t) => ({
      skuId: t.id({ required: true, description: 'The SKU that it fills.' }),
      supplyAccountId: t.id({ required: true, description: 'Through which account it buys; the supplier is the account’s.' }),
      terms: t.field({ type: LotTermsEnum, required: true, description: 'When the supplier is paid.' }),
      goods: t.field({ type: [SettingInput], required: true, description: "The goods in the upstream's words." }),
      cost: t.field({ type: CostInput, required: true, description: 'What it costs.' }),
      agreedUnitCost: t.field({ type: 'Decimal', description: "最低价保障: the most that was agreed, in the network's currency." }),
      minQuantity: t.int({ description: 'The smallest quantity; 1 when left out.' }),
      maxQuantity: t.int({ description: 'The largest; 1,000 when left out.' }),
      leadTimeSeconds: t.int({ description: 'How long it takes to deliver; 60 when left out.' }),
      priority: t.int({ description: 'The smaller goes first where the policy finds two alike; 100 when left out.' }),
      weight: t.int({ description: 'Its share under WEIGHTED; 100 when left out.' }),
      dailyCap: t.int({ description: 'Units in a local day; none when left out.' }),
      stockCount: t.int({ description: 'How many there are, where a person delivers; not known when left out.' }),
      isEnabled: t.boolean({ description: 'Whether it is used; it is when left out.' }),
      reason: t.string({ description: 'Why, at most 500 characters.' }),
    }),
  }),
  result: resultUnion('CreateSupplyOfferResult', 'An offer, or why there is none.', [OfferCreated, NotFound, InvalidInput, NotAllowed]),
  resolve: async (input, context) => {
    const [skuId, accountId] = [idOf('Sku', input.skuId), idOf('SupplyAccount', input.supplyAccountId)];
    if (skuId === null || accountId === null) return notFound('SKU or account');
    const outcome = await createSupplyOffer(groundOf(context), viewerOf(context), {
      skuId,
      accountId,
      terms: input.terms,
      goods: record(input.goods),
      cost: costOf(input.cost),
      agreedUnitCost: input.agreedUnitCost ?? null,
      minQuantity: input.minQuantity ?? 1,
      maxQuantity: input.maxQuantity ?? 1000,
      leadTimeSeconds: input.leadTimeSeconds ?? 60,
      priority: input.priority ?? 100,
      weight: input.weight ?? 100,
      dailyCap: input.dailyCap ?? null,
      stockCount: input.stockCount ?? null,
      isEnabled: input.isEnabled ?? true,
      reason: input.reason ?? '',
    });
    if (outcome.kind !== 'CREATED') return refused(outcome, 'SKU or account');
    return done('SupplyOfferCreated', { supplyOffer: await requireOffer(context, outcome.offerId) });
  },
});

const OfferUpdated = offerSuccess('SupplyOfferUpdated', 'An offer was changed.');

mutation('updateSupplyOffer', {
  description: 'Changes an offer of the acting station; what is left out stays. Goods, cost and switching on are tried at the upstream.',
  access: managing,
  input: builder.inputType('UpdateSupplyOfferInput', {
    description: 'What to change.',
    fields: (t) => ({
      supplyOfferId: t.id({ required: true, description: 'The offer.' }),
      expectedVersion: t.int({ required: true, description: 'Its version as it was read.' }),
      goods: t.field({ type: [SettingInput], description: "The goods in the upstream's words, all of them." }),
      cost: t.field({ type: CostInput, description: 'What it costs, whole.' }),
      agreedUnitCost: t.field({ type: 'Decimal', description: 'The most that was agreed; null takes the agreement away.' }),
      minQuantity: t.int({ description: 'The smallest quantity.' }),
      maxQuantity: t.int({ description: 'The largest.' }),
      leadTimeSeconds: t.int({ description: 'How long it takes to deliver.' }),
      priority: t.int({ description: 'The smaller goes first where the policy finds two alike.' }),
      weight: t.int({ description: 'Its share under WEIGHTED.' }),
      dailyCap: t.int({ description: 'Units in a local day; null takes the cap away.' }),
      isEnabled: t.boolean({ description: 'Whether it is used.' }),
      reason: t.string({ description: 'Why, at most 500 characters.' }),
    }),
  }),
  result: resultUnion('UpdateSupplyOfferResult', 'A changed offer, or why it is as it was.', [
    OfferUpdated,
    NotFound,
    StaleVersion,
    InvalidInput,
    NotAllowed,
  ]),
  resolve: async (input, context) => {
    const id = idOf('SupplyOffer', input.supplyOfferId);
    if (id === null) return notFound(OFFER);
    const change = {
      ...given('goods', input.goods && record(input.goods)),
      ...given('cost', input.cost && costOf(input.cost)),
      ...(input.agreedUnitCost === undefined ? {} : { agreedUnitCost: input.agreedUnitCost }),
      ...given('minQuantity', input.minQuantity),
      ...given('maxQuantity', input.maxQuantity),
      ...given('leadTimeSeconds', input.leadTimeSeconds),
      ...given('priority', input.priority),
      ...given('weight', input.weight),
      ...(input.dailyCap === undefined ? {} : { dailyCap: input.dailyCap }),
      ...given('isEnabled', input.isEnabled),
      ...given('reason', input.reason),
    };
    const outcome = await updateSupplyOffer(groundOf(context), viewerOf(context), { id, expectedVersion: input.expectedVersion }, change);
    return answerOf(context, id, outcome, 'SupplyOfferUpdated');
  },
});

const CostSet = offerSuccess('SupplyOfferCostSet', 'An offer has another cost.');

mutation('setSupplyOfferCost', {
  description:
    'Another cost of an offer, by its owner or its supplier (who gives no rate). It holds at once, guards and warnings with it; prices stay. Dearer than agreed is flagged.',
  access: managingOwn,
  input: builder.inputType('SetSupplyOfferCostInput', {
    description: 'What it costs now.',
    fields: (t) => ({
      supplyOfferId: t.id({ required: true, description: 'The offer.' }),
      expectedVersion: t.int({ required: true, description: 'Its version as it was read.' }),
      cost: t.field({ type: CostInput, required: true, description: 'What it costs.' }),
      reason: t.string({ description: 'Why, at most 500 characters.' }),
    }),
  }),
  result: resultUnion('SetSupplyOfferCostResult', 'An offer with another cost, or why it has none.', [
    CostSet,
    NotFound,
    StaleVersion,
    InvalidInput,
    NotAllowed,
  ]),
  resolve: async ({ supplyOfferId, expectedVersion, cost, reason }, context) => {
    const id = idOf('SupplyOffer', supplyOfferId);
    if (id === null) return notFound(OFFER);
    const said = { cost: costOf(cost), reason: reason ?? '' };
    const outcome = await setSupplyOfferCost(groundOf(context), viewerOf(context), { id, expectedVersion }, said);
    return answerOf(context, id, outcome, 'SupplyOfferCostSet');
  },
});

const AvailabilitySet = offerSuccess('SupplyOfferAvailabilitySet', 'An offer is on or off sale, or has another stock.');

mutation('setSupplyOfferAvailability', {
  description: 'What a supplier (or the owner) says of its offer: whether it sells now, and how many it has where a person delivers.',
  access: managingOwn,
  input: builder.inputType('SetSupplyOfferAvailabilityInput', {
    description: 'What is so now; what is left out stays.',
    fields: (t) => ({
      supplyOfferId: t.id({ required: true, description: 'The offer.' }),
      expectedVersion: t.int({ required: true, description: 'Its version as it was read.' }),
      isPaused: t.boolean({ description: 'Whether it is off sale.' }),
      stockCount: t.int({ description: 'How many there are; null: not known. What is bought from then on is counted off.' }),
    }),
  }),
  result: resultUnion('SetSupplyOfferAvailabilityResult', 'The offer as it is now, or why it is as it was.', [
    AvailabilitySet,
    NotFound,
    StaleVersion,
    InvalidInput,
    NotAllowed,
  ]),
  resolve: async ({ supplyOfferId, expectedVersion, isPaused, stockCount }, context) => {
    const id = idOf('SupplyOffer', supplyOfferId);
    if (id === null) return notFound(OFFER);
    const change = { ...given('isPaused', isPaused), ...(stockCount === undefined ? {} : { stockCount }) };
    const outcome = await setSupplyOfferAvailability(groundOf(context), viewerOf(context), { id, expectedVersion }, change);
    return answerOf(context, id, outcome, 'SupplyOfferAvailabilitySet');
  },
});

const OfferArchived = offerSuccess('SupplyOfferArchived', 'An offer is no longer used, for good.');

mutation('archiveSupplyOffer', {
  description: 'Takes an offer away for good; what was bought by it stays.',
  access: managing,
  input: builder.inputType('ArchiveSupplyOfferInput', {
    description: 'The offer to take away.',
    fields: (t) => ({
      supplyOfferId: t.id({ required: true, description: 'The offer.' }),
      expectedVersion: t.int({ required: true, description: 'Its version as it was read.' }),
    }),
  }),
  result: resultUnion('ArchiveSupplyOfferResult', 'That it is away, or why not.', [OfferArchived, NotFound, StaleVersion]),
  resolve: async ({ supplyOfferId, expectedVersion }, context) => {
    const id = idOf('SupplyOffer', supplyOfferId);
    if (id === null) return notFound(OFFER);
    const outcome = await archiveSupplyOffer(groundOf(context), viewerOf(context), { id, expectedVersion });
    if (outcome.kind === 'STALE_VERSION') return staleVersion('SupplyOffer', await requireOffer(context, id));
    if (outcome.kind === 'NOT_FOUND') return notFound(OFFER);
    return done('SupplyOfferArchived', { supplyOffer: await requireOffer(context, id) });
  },
});

// ---- routing ----

type SkuOf = NonNullable<Awaited<ReturnType<typeof loadSku>>>;
const PolicySet = successType<{
  readonly __typename: 'RoutingPolicySet';
  readonly sku: SkuOf;
  readonly policy: typeof RoutingPolicyEnum.$inferType;
}>('RoutingPolicySet', 'A SKU is routed by another policy.', (t) => ({
  sku: t.field({ type: SkuType, description: 'The SKU.', resolve: ({ sku }) => sku }),
  policy: t.field({ type: RoutingPolicyEnum, description: 'Its policy from now on.', resolve: ({ policy }) => policy }),
}));

mutation('setRoutingPolicy', {
  description: 'Says which offer fills the orders of a SKU of the acting station.',
  access: managing,
  input: builder.inputType('SetRoutingPolicyInput', {
    description: 'The policy.',
    fields: (t) => ({
      skuId: t.id({ required: true, description: 'The SKU.' }),
      expectedVersion: t.int({ required: true, description: 'Its version as it was read.' }),
      policy: t.field({ type: RoutingPolicyEnum, required: true, description: 'How it is routed from now on.' }),
    }),
  }),
  result: resultUnion('SetRoutingPolicyResult', 'The SKU with its policy, or why it has another.', [PolicySet, NotFound, StaleVersion]),
  resolve: async ({ skuId, expectedVersion, policy }, context) => {
    const id = idOf('Sku', skuId);
    if (id === null) return notFound('SKU');
    const outcome = await setRoutingPolicy(context, viewerOf(context), { skuId: id, expectedVersion, policy });
    if (outcome.kind === 'NOT_FOUND') return notFound('SKU');
    const sku = await requireSku(context, id);
    return outcome.kind === 'STALE_VERSION' ? staleVersion('Sku', sku) : done('RoutingPolicySet', { sku, policy });
  },
});

function groundOf({ db, vault, upstreams }: Context): SupplyGround {
  return { db, vault, upstreams };
}

type Saved = Awaited<ReturnType<typeof updateSupplyOffer>>;

async function answerOf<const Name extends string>(context: Context, id: string, outcome: Saved, name: Name) {
  if (outcome.kind === 'STALE_VERSION') return staleVersion('SupplyOffer', await requireOffer(context, id));
  if (outcome.kind === 'INVALID_INPUT') return invalidInput(outcome.field, outcome.message);
  if (outcome.kind !== 'SAVED') return refused(outcome, OFFER);
  return done(name, { supplyOffer: await requireOffer(context, id) });
}

async function requireAccount(context: Context, id: string): Promise<AccountRow> {
  forgetLoaded(context);
  const account = await loadAccount(context, id);
  if (account === null) throw new Error(`the account ${id} is not there`);
  return account;
}

async function requireOffer(context: Context, id: string): Promise<OfferRow> {
  forgetLoaded(context);
  const offer = await loadSupplyOffer(context, id);
  if (offer === null) throw new Error(`the offer ${id} is not there`);
  return offer;
}

async function requireSku(context: Context, id: string): Promise<SkuOf> {
  forgetLoaded(context);
  const sku = await loadSku(context, id);
  if (sku === null) throw new Error(`the SKU ${id} is not there`);
  return sku;
}
