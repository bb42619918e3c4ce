import { CONNECTOR_KINDS } from '#server/connectors/connector.ts';
import { accountFieldsOf } from '#server/flows/supply-accounts.ts';
import {
  type AccountRow,
  accountsByIds,
  type CostEntry,
  costsOfOffers,
  countVisibleAccounts,
  countVisibleOffers,
  type OfferRow,
  offersByIds,
  visibleAccounts,
  visibleOffers,
} from '#server/offers/reads.ts';
import { aboveAgreed, isRateStale } from '#server/offers/rules.ts';
import { currencyCode, money } from '#server/platform/money.ts';
import { actsFor, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadSku, SkuType } from './catalogue.ts';
import { connectionType, emptyConnection, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import { LotTermsEnum } from './enums.ts';
import { optionalIdOf } from './ids.ts';
import { batched } from './loaders.ts';
import { MoneyType, shownUnitPrice, unitPriceOf } from './money.ts';
import { nodeType } from './node.ts';
import { loadSupplier, SupplierType } from './supplier.ts';

/** Who may read supply: an owner's people, and a supplier's of its own offers. */
export const readingSupply = { party: 'ANY', permission: 'SUPPLY_READ' } as const;
const owningSupply = { party: 'STATION', permission: 'SUPPLY_READ' } as const;

/** The kinds of upstreams of the contract. */
export const ConnectorKindEnum = builder.enumType('ConnectorKind', {
  description: 'By which protocol a supplier is bought from.',
  values: {
    ACG_FAKA: { description: 'An acg-faka shared store (异次元发卡).' },
    KASUSHOU_V2: { description: '卡速售 v2.' },
    DUJIAO_NEXT: { description: 'dujiao-next as an upstream (独角数卡).' },
    FENZHAN: { description: 'Another Fenzhan.' },
    MANUAL: { description: 'A person delivers in the console.' },
  } as const,
});

const BreakerStateEnum = builder.enumType('BreakerState', {
  description: 'Whether an upstream is asked at all.',
  values: {
    CLOSED: { description: 'It is, as ever.' },
    OPEN: { description: 'It failed too often or answered too slowly and is left alone for a while.' },
    HALF_OPEN: { description: 'One purchase finds out whether it answers again.' },
  } as const,
});

/** Settings are shown as a list: their names belong to the kind. */
const SettingType = builder.objectRef<readonly [name: string, value: string]>('SupplySetting').implement({
  description: 'One setting of an account, or one word by which an offer names its goods at the upstream.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    name: t.string({ description: 'Its name.', resolve: ([name]) => name }),
    value: t.string({ description: 'Its value; secrets are never shown.', resolve: ([, value]) => value }),
  }),
});

type FieldOf = ReturnType<typeof accountFieldsOf>[number];
const FieldType = builder.objectRef<FieldOf>('SupplyField').implement({
  description: 'A setting that a kind of upstream asks for.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name.' }),
    isSecret: t.exposeBoolean('isSecret', { description: 'Whether it is kept in the vault and never shown again.' }),
    isRequired: t.exposeBoolean('isRequired', { description: 'Whether it must be given.' }),
    maxLength: t.exposeInt('maxLength', { description: 'The most characters it may have.' }),
  }),
});

type KindOf = (typeof CONNECTOR_KINDS)[number];
const SupplyKindType = builder.objectRef<{ readonly kind: KindOf }>('SupplyKind').implement({
  description: 'A kind of upstream with what it asks for.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    kind: t.field({ type: ConnectorKindEnum, description: 'Which.', resolve: ({ kind }) => kind }),
    accountFields: t.field({
      type: [FieldType],
      description: 'The settings of an account.',
      resolve: ({ kind }, _, { upstreams }) => accountFieldsOf(upstreams, kind),
    }),
    goodsFields: t.field({
      type: [FieldType],
      description: 'The words by which an offer names its goods.',
      resolve: ({ kind }, _, { upstreams }) => upstreams.connectorOf(kind).goodsFields,
    }),
    callsAtOnceMax: t.int({
      description: 'Calls that one account may have under way at once.',
      resolve: ({ kind }, _, { upstreams }) => upstreams.connectorOf(kind).abilities.callsAtOnceMax,
    }),
    callsBack: t.boolean({
      description: 'Whether it tells of changes by itself.',
      resolve: ({ kind }, _, { upstreams }) => upstreams.connectorOf(kind).abilities.callsBack,
    }),
    goesOnAlone: t.boolean({
      description: 'Whether an outcome that is not known settles without a person: it can be asked, or the purchase sent again.',
      resolve: ({ kind }, _, { upstreams }) => {
        const { canQuery, resendIsSafe } = upstreams.connectorOf(kind).abilities;
        return canQuery || resendIsSafe;
      },
    }),
  }),
});

builder.queryField('supplyKinds', (t) =>
  t.field({
    type: [SupplyKindType],
    access: owningSupply,
    description: 'The kinds of upstreams that goods can be bought from.',
    resolve: () => CONNECTOR_KINDS.map((kind) => ({ kind })),
  }),
);

// ---- accounts ----

/** An account of the acting station, by id; batched. */
export const loadAccount = batched<string, AccountRow>((context, ids) => accountsByIds(context.db.pool, viewerOf(context), ids));

const Account = nodeType<AccountRow>('SupplyAccount', {
  description: "An account at a supplier's system, through which offers buy; seen by its owner alone.",
  access: owningSupply,
  load: loadAccount,
});

/** The account type of the contract. */
export const AccountType = Account.fields((t) => ({
  name: t.exposeString('name', { description: 'What people call it.' }),
  kind: t.field({ type: ConnectorKindEnum, description: 'By which protocol it is asked.', resolve: ({ kind }) => kind }),
  supplier: t.field({
    type: SupplierType,
    nullable: true,
    description: 'Whose system it is.',
    resolve: (row, _, context) => loadSupplier(context, row.supplier_id),
  }),
  baseUrl: t.string({ description: 'Where the system is; empty where a person delivers.', resolve: (row) => row.base_url }),
  currency: t.exposeString('currency', { description: 'The money that the system speaks of (ISO 4217).' }),
  settings: t.field({
    type: [SettingType],
    description: 'Its settings without the secret ones.',
    resolve: ({ settings }) => Object.entries(settings),
  }),
  callsAtOnce: t.int({ description: 'Calls under way at once, over all processes.', resolve: (row) => row.calls_at_once }),
  isEnabled: t.boolean({ description: 'Whether anything is bought through it.', resolve: (row) => row.is_enabled }),
  checkedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When its settings were last tried and taken; null for never.',
    resolve: (row) => row.checked_at,
  }),
  breaker: t.field({ type: BreakerStateEnum, description: 'Whether the system is asked now.', resolve: ({ breaker }) => breaker }),
  breakerOpenUntil: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'Until when it is left alone; null while it is asked.',
    resolve: (row) => (row.breaker === 'CLOSED' ? null : row.open_until),
  }),
  lastSuccessAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When a call last went well; null for never.',
    resolve: (row) => row.last_success_at,
  }),
  lastFailure: t.string({ nullable: true, description: 'Why a call last failed; null when none did.', resolve: (row) => row.last_failure }),
  goodsToldAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'Up to when costs and stock of its offers are as the system told them; null for never, and where a person delivers.',
    resolve: (row) => row.news_at,
  }),
  goodsFailure: t.string({
    nullable: true,
    description: 'Why it tells nothing of costs and stock now; null when it does.',
    resolve: (row) => row.news_failure,
  }),
  version: t.exposeInt('version', { description: 'Rises with every edit; the expectedVersion of the next.' }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.created_at }),
  updatedAt: t.field({ type: 'DateTime', description: 'When it was changed last.', resolve: (row) => row.updated_at }),
}));

const AccountConnection = connectionType<AccountRow>('SupplyAccount', AccountType);

builder.queryField('supplyAccounts', (t) =>
  t.field({
    type: AccountConnection,
    access: owningSupply,
    description: "The acting station's accounts at suppliers' systems, newest first.",
    complexity: pageCost,
    args: pageArgs(t.arg),
    resolve: async (_, args, context) => {
      const request = readPage('supplyAccounts', args);
      const page = await visibleAccounts(context.db.pool, viewerOf(context), request);
      return toConnection(
        'supplyAccounts',
        request,
        page,
        (row) => row.id,
        () => countVisibleAccounts(context.db.pool, viewerOf(context)),
      );
    },
  }),
);

// ---- offers ----

/** An offer of the viewer's party, by id; batched. */
export const loadSupplyOffer = batched<string, OfferRow>((context, ids) => offersByIds(context.db.pool, viewerOf(context), ids));
const loadCosts = batched<string, readonly CostEntry[]>((context, ids) => costsOfOffers(context.db.pool, viewerOf(context), ids));

const WarningEnum = builder.enumType('SupplyOfferWarning', {
  description: 'What somebody should look at.',
  values: {
    ABOVE_AGREED: { description: 'It costs more than was agreed.' },
    RATE_STALE: { description: 'Its rate of exchange is older than 72 hours.' },
    FROZEN: { description: 'It is not used: a licence has expired, or its supplier is not active.' },
  } as const,
});

const CostType = builder.objectRef<CostEntry>('SupplyOfferCost').implement({
  description: 'What an offer cost from a moment on.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    unitCost: t.field({
      type: MoneyType,
      description: "In the network's currency, for unitSize units.",
      resolve: (row) => unitPriceOf(row.unit_cost, row.currency),
    }),
    upstreamUnitCost: t.field({ type: 'Decimal', description: "In the supplier's currency.", resolve: (row) => row.upstream_unit_cost }),
    upstreamCurrency: t.string({ description: 'That currency (ISO 4217).', resolve: (row) => row.upstream_currency }),
    rate: t.string({
      description: "One unit of it in the network's currency, with up to eight decimals.",
      resolve: (row) => trimmed(row.rate),
    }),
    rateSource: t.string({
      description: 'Where the rate comes from; empty where nothing is converted.',
      resolve: (row) => row.rate_source,
    }),
    rateAt: t.field({ type: 'DateTime', nullable: true, description: 'When the rate was so.', resolve: (row) => row.rate_at }),
    agreedUnitCost: t.field({
      type: MoneyType,
      nullable: true,
      description: 'The most that was agreed then; null without an agreement.',
      resolve: (row) => (row.agreed_unit_cost === null ? null : unitPriceOf(row.agreed_unit_cost, row.currency)),
    }),
    reason: t.exposeString('reason', { description: 'Why it changed; may be empty.' }),
    createdAt: t.field({ type: 'DateTime', description: 'Since when.', resolve: (row) => row.created_at }),
  }),
});

const Offer = nodeType<OfferRow>('SupplyOffer', {
  description: "A supplier's way to fill a SKU (货源). Its owner sees all of it, the supplier what concerns itself, nobody else anything.",
  access: readingSupply,
  load: loadSupplyOffer,
});

const ofOwner = { ...readingSupply, only: (row: OfferRow, context: Parameters<typeof actsFor>[0]) => actsFor(context, row.owner_id) };

/** The offer type of the contract. */
export const SupplyOfferType = Offer.fields((t) => ({
  sku: t.field({
    type: SkuType,
    nullable: true,
    access: ofOwner,
    description: 'The SKU that it fills; for its owner alone, since a supplier sees nothing of the resale side.',
    resolve: (row, _, context) => loadSku(context, row.sku_id),
  }),
  skuName: t.string({ description: 'The denomination that it fills.', resolve: (row) => row.sku_name }),
  productName: t.string({ description: 'Of which product.', resolve: (row) => row.product_name }),
  unitSize: t.int({ description: 'Costs are for so many units: 1, 100 or 1,000.', resolve: (row) => row.unit_size }),
  supplier: t.field({
    type: SupplierType,
    nullable: true,
    description: 'Who supplies.',
    resolve: (row, _, context) => loadSupplier(context, row.supplier_id),
  }),
  account: t.field({
    type: AccountType,
    nullable: true,
    access: ofOwner,
    description: 'Through which account it buys; for its owner alone.',
    resolve: (row, _, context) => loadAccount(context, row.account_id),
  }),
  kind: t.field({ type: ConnectorKindEnum, description: 'By which protocol.', resolve: ({ kind }) => kind }),
  terms: t.field({ type: LotTermsEnum, description: 'When the supplier is paid.', resolve: ({ terms }) => terms }),
  goods: t.field({
    type: [SettingType],
    description: "The goods in the upstream's words.",
    resolve: ({ goods }) => Object.entries(goods),
  }),
  unitCost: t.field({
    type: MoneyType,
    description: "What unitSize units cost, in the network's currency.",
    resolve: (row) => unitPriceOf(row.unit_cost, row.currency),
  }),
  upstreamUnitCost: t.field({
    type: 'Decimal',
    description: "The same in the supplier's currency.",
    resolve: (row) => row.upstream_unit_cost,
  }),
  upstreamCurrency: t.string({ description: 'That currency (ISO 4217).', resolve: (row) => row.upstream_currency }),
  rate: t.string({
    description: "One unit of it in the network's currency, with up to eight decimals.",
    resolve: (row) => trimmed(row.rate),
  }),
  rateSource: t.string({ description: 'Where the rate comes from; empty where nothing is converted.', resolve: (row) => row.rate_source }),
  rateAt: t.field({ type: 'DateTime', nullable: true, description: 'When the rate was so.', resolve: (row) => row.rate_at }),
  agreedUnitCost: t.field({
    type: MoneyType,
    nullable: true,
    description: '最低价保障: the most that was agreed; null without an agreement.',
    resolve: (row) => (row.agreed_unit_cost === null ? null : unitPriceOf(row.agreed_unit_cost, row.currency)),
  }),
  aboveAgreed: t.field({
    type: MoneyType,
    nullable: true,
    description: 'By how much it is dearer than agreed; null when it is not.',
    resolve: (row) => {
      const above = aboveAgreed(money(row.unit_cost, currencyCode(row.currency)), agreedOf(row));
      return above && shownUnitPrice(above);
    },
  }),
  warnings: t.field({
    type: [WarningEnum],
    description: 'What somebody should look at.',
    resolve: (row, _, { db }) => [
      ...(aboveAgreed(money(row.unit_cost, currencyCode(row.currency)), agreedOf(row)) ? (['ABOVE_AGREED'] as const) : []),
      ...(isRateStale(row.rate_at, db.clock()) ? (['RATE_STALE'] as const) : []),
      ...(row.frozen_reason === null ? [] : (['FROZEN'] as const)),
    ],
  }),
  minQuantity: t.int({ description: 'The smallest quantity that it sells.', resolve: (row) => row.min_quantity }),
  maxQuantity: t.int({ description: 'The largest.', resolve: (row) => row.max_quantity }),
  leadTimeSeconds: t.int({ description: 'How long it takes to deliver, as the supplier says.', resolve: (row) => row.lead_time_seconds }),
  priority: t.int({
    nullable: true,
    access: ofOwner,
    description: 'The smaller goes first where the policy finds two alike; for its owner alone.',
    resolve: (row) => row.priority,
  }),
  weight: t.int({
    nullable: true,
    access: ofOwner,
    description: 'Its share of the orders under WEIGHTED; for its owner alone.',
    resolve: (row) => row.weight,
  }),
  dailyCap: t.int({
    nullable: true,
    description: 'Units that it fills in a local day; null without a cap.',
    resolve: (row) => row.daily_cap,
  }),
  isEnabled: t.boolean({ description: 'Whether its owner uses it.', resolve: (row) => row.is_enabled }),
  isPaused: t.boolean({ description: 'Whether the supplier has taken it off sale.', resolve: (row) => row.is_paused }),
  frozenReason: t.string({
    nullable: true,
    description: 'Why it is not used though it is on, as a word: LICENCE_EXPIRED, SUPPLIER_SUSPENDED …; null when it is.',
    resolve: (row) => row.frozen_reason,
  }),
  stockCount: t.int({
    nullable: true,
    description: 'How many it has, as was last said; null: not known.',
    resolve: (row) => row.stock_count,
  }),
  stockAt: t.field({ type: 'DateTime', nullable: true, description: 'When that was said.', resolve: (row) => row.stock_at }),
  costs: t.field({
    type: [CostType],
    description: 'What it cost, newest first, at most 100.',
    complexity: 20,
    resolve: async (row, _, context) => (await loadCosts(context, row.id)) ?? [],
  }),
  version: t.exposeInt('version', { description: 'Rises with every edit; the expectedVersion of the next.' }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.created_at }),
  updatedAt: t.field({ type: 'DateTime', description: 'When it was changed last.', resolve: (row) => row.updated_at }),
  archivedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'Since when it is no longer used for good; null while it may be.',
    resolve: (row) => row.archived_at,
  }),
}));

function agreedOf(row: OfferRow) {
  return row.agreed_unit_cost === null ? null : money(row.agreed_unit_cost, currencyCode(row.currency));
}

/** '7.12' for the '7.12000000' of a column. */
function trimmed(rate: string): string {
  return rate.includes('.') ? rate.replace(/\.?0+$/, '') : rate;
}

const OfferConnection = connectionType<OfferRow>('SupplyOffer', SupplyOfferType);

builder.queryField('supplyOffers', (t) =>
  t.field({
    type: OfferConnection,
    access: readingSupply,
    description: "The offers of the acting station's SKUs, or a supplier's own, newest first.",
    complexity: pageCost,
    args: {
      skuId: t.arg.id({ description: 'Only of this SKU.' }),
      supplierId: t.arg.id({ description: 'Only of this supplier.' }),
      withArchived: t.arg.boolean({ description: 'Also those that are no longer used for good.' }),
      ...pageArgs(t.arg),
    },
    resolve: async (_, { skuId, supplierId, withArchived, ...args }, context) => {
      const request = readPage('supplyOffers', args);
      const [sku, supplier] = [optionalIdOf('Sku', skuId), optionalIdOf('Supplier', supplierId)];
      if (sku === null || supplier === null) return emptyConnection<OfferRow>();
      const filter = { skuId: sku ?? null, supplierId: supplier ?? null, withArchived: withArchived ?? false };
      const page = await visibleOffers(context.db.pool, viewerOf(context), filter, request);
      return toConnection(
        'supplyOffers',
        request,
        page,
        (row) => row.id,
        () => countVisibleOffers(context.db.pool, viewerOf(context), filter),
      );
    },
  }),
);
