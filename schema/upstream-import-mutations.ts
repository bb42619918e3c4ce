import { applyUpstreamImport, previewUpstreamImport } from '#server/flows/import-upstream.ts';
import type { UpstreamImportRow } from '#server/imports/reads.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { LotTermsEnum } from './enums.ts';
import { idOf } from './ids.ts';
import { forgetLoaded } from './loaders.ts';
import { done, mutation, successType } from './mutation.ts';
import { InvalidInput, invalidInput, NotAllowed, NotFound, notFound, refused, StaleVersion, staleVersion } from './refusals.ts';
import { resultUnion } from './results.ts';
import { ImportType, loadImport } from './upstream-import.ts';

const managingSupply = { party: 'STATION', permission: 'SUPPLY_MANAGE' } as const;
/** So many may be chosen by name; all of a preview are applied without naming them. */
const CHOSEN_MAX = 1_000;

type WithImport<Name extends string> = { readonly __typename: Name; readonly upstreamImport: UpstreamImportRow };

const Asked = successType<WithImport<'UpstreamImportAsked'>>('UpstreamImportAsked', 'The upstream is being asked what it sells.', (t) => ({
  upstreamImport: t.field({ type: ImportType, description: 'The preview, PENDING at first.', resolve: (row) => row.upstreamImport }),
}));

const MappedCategory = builder.inputType('UpstreamCategoryInput', {
  description: 'Where goods of an upstream’s category go.',
  fields: (t) => ({
    from: t.stringList({ required: true, description: 'The shelf as a preview shows it, from the top down.' }),
    to: t.stringList({ required: true, description: 'The shelf that it is, made where it misses; an empty list takes the mapping back.' }),
  }),
});

const MappedSku = builder.inputType('UpstreamSkuInput', {
  description: 'Which SKU one of an upstream’s goods is.',
  fields: (t) => ({
    itemId: t.id({ required: true, description: 'An item of the account’s newest preview.' }),
    skuId: t.id({ description: 'A SKU of the acting station; left out: a new one, whatever it is called.' }),
  }),
});

mutation('previewUpstreamImport', {
  description: 'Asks what importing the catalogue behind an account would do. It changes nothing but the account’s newest preview.',
  access: managingSupply,
  input: builder.inputType('PreviewUpstreamImportInput', {
    description: 'Whose catalogue, and by what its costs become prices.',
    fields: (t) => ({
      accountId: t.id({ required: true, description: 'The account at the upstream.' }),
      markupPercent: t.field({ type: 'Decimal', required: true, description: 'Added to the cost for the base price of new SKUs.' }),
      rate: t.string({
        description: 'The network’s money for one unit of the account’s, at most eight decimals; left out where it is the same.',
      }),
      rateSource: t.string({ description: 'Where the rate comes from.' }),
      categories: t.field({
        type: [MappedCategory],
        description: 'Shelves that are others here. Earlier ones of the account go on holding.',
      }),
      skus: t.field({ type: [MappedSku], description: 'Goods that are SKUs of your own. Earlier ones of the account go on holding.' }),
    }),
  }),
  result: resultUnion('PreviewUpstreamImportResult', 'A preview that is being made, or why there is none.', [
    Asked,
    NotFound,
    NotAllowed,
    InvalidInput,
  ]),
  resolve: async ({ accountId, markupPercent, rate, rateSource, categories, skus }, context) => {
    const id = idOf('SupplyAccount', accountId);
    if (id === null) return notFound('account');
    const shelves = (categories ?? []).map(({ from, to }) => [from, to] as const);
    // an id of another type is nobody's
    const said = (skus ?? []).map(
      ({ itemId, skuId }) => [idOf('UpstreamImportItem', itemId) ?? '', skuId == null ? null : (idOf('Sku', skuId) ?? '')] as const,
    );
    const input = { accountId: id, markupPercent, rate: rate ?? null, rateSource: rateSource ?? '', categories: shelves, skus: said };
    const outcome = await previewUpstreamImport(context.db, viewerOf(context), input);
    if (outcome.kind !== 'PREVIEW_ASKED') return refused(outcome, 'account');
    return done('UpstreamImportAsked', { upstreamImport: await requireImport(context, outcome.importId) });
  },
});

type Applied = WithImport<'UpstreamImportApplied'> & {
  readonly applied: number;
  readonly appliedBefore: number;
  readonly changedSince: number;
};

const AppliedType = successType<Applied>('UpstreamImportApplied', 'A preview was applied as it was seen.', (t) => ({
  upstreamImport: t.field({ type: ImportType, description: 'The preview.', resolve: (row) => row.upstreamImport }),
  appliedCount: t.int({ description: 'Goods that were imported now.', resolve: (row) => row.applied }),
  appliedBeforeCount: t.int({
    description: 'Goods that had been imported before: nothing is done twice.',
    resolve: (row) => row.appliedBefore,
  }),
  changedSinceCount: t.int({
    description: 'Goods that were left: their SKU, offer or cost had been changed since the preview.',
    resolve: (row) => row.changedSince,
  }),
}));

mutation('applyUpstreamImport', {
  description:
    'Imports what a preview shows, exactly as it shows it: all that changes something, or what is chosen. Sent again it does nothing twice.',
  access: managingSupply,
  input: builder.inputType('ApplyUpstreamImportInput', {
    description: 'What to import.',
    fields: (t) => ({
      upstreamImportId: t.id({ required: true, description: 'The preview; a newer one of the account makes it stale.' }),
      itemIds: t.idList({ description: `Which of its items, at most ${CHOSEN_MAX}; all of them when left out.` }),
      terms: t.field({ type: LotTermsEnum, required: true, description: 'On what terms the supplier delivers through the new offers.' }),
    }),
  }),
  result: resultUnion('ApplyUpstreamImportResult', 'What was imported, or why nothing was.', [
    AppliedType,
    NotFound,
    NotAllowed,
    InvalidInput,
    StaleVersion,
  ]),
  resolve: async ({ upstreamImportId, itemIds, terms }, context) => {
    const importId = idOf('UpstreamImport', upstreamImportId);
    if (importId === null) return notFound('preview');
    if ((itemIds?.length ?? 0) > CHOSEN_MAX) return invalidInput('itemIds', `At most ${CHOSEN_MAX} items are chosen by name.`);
    const chosen = itemIds?.flatMap((id) => idOf('UpstreamImportItem', id) ?? []) ?? null;
    const outcome = await applyUpstreamImport(context.db, viewerOf(context), { importId, itemIds: chosen, terms });
    if (outcome.kind === 'STALE_VERSION') return staleVersion('UpstreamImport', await requireImport(context, outcome.newestId));
    if (outcome.kind !== 'IMPORT_APPLIED') return refused(outcome, 'preview');
    const { applied, appliedBefore, changedSince } = outcome;
    return done('UpstreamImportApplied', { upstreamImport: await requireImport(context, importId), applied, appliedBefore, changedSince });
  },
});

async function requireImport(context: Context, id: string): Promise<UpstreamImportRow> {
  forgetLoaded(context);
  const row = await loadImport(context, id);
  if (row === null) throw new Error(`the preview ${id} is not there`);
  return row;
}
