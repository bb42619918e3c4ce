import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, type Viewer } from '#server/accounts/rules.ts';
import { lockOwnSku, type SkuRecord } from '#server/catalog/sql.ts';
import { type BundleComponent, bundleInputFields, bundleProblem, editScope } from '#server/listings/rules.ts';
import {
  type BundlePart,
  selectBundlesHolding,
  selectComponents,
  selectParts,
  writeComponents,
  writeInputFields,
} from '#server/listings/sql.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { asRefusal, type ListingRefused, tellOfListing, versionedChange } from './listing-versions.ts';

/** What a bundle is made of from now on, in the order in which it is shown. */
export type SetBundleComponentsInput = {
  readonly skuId: string;
  readonly expectedVersion: number;
  readonly components: readonly BundleComponent[];
  readonly reason: string;
};

/** What can become of it. */
export type SetBundleComponentsOutcome =
  | { readonly kind: 'BUNDLE_SET'; readonly skuId: string }
  | { readonly kind: 'STALE_VERSION'; readonly current: SkuRecord }
  | ListingRefused
  | NotAllowed
  | NotFound
  | InvalidInput;

/**
 * Sets the components of a bundle (套餐): SKUs of the same owner, none of them a bundle, each so many times in one bundle, with the
 * weight of its part of the total (domain §6). The bundle asks its buyer for whatever its components ask. Of a bundle that is for
 * sale this is a new version, and its price is judged by what it costs now.
 */
export async function setBundleComponents(
  db: Database,
  viewer: Viewer,
  input: SetBundleComponentsInput,
): Promise<SetBundleComponentsOutcome> {
  const owner = { networkId: viewer.networkId, ownerId: actingStationWith(viewer, 'LISTINGS_MANAGE') };
  return inTransaction(db, async (tx): Promise<SetBundleComponentsOutcome> => {
    const sku = await lockOwnSku(tx, owner, input.skuId);
    if (sku === null) return { kind: 'NOT_FOUND' };
    if (sku.version !== input.expectedVersion) return { kind: 'STALE_VERSION', current: sku };
    if (sku.deliveryKind !== 'BUNDLE') return { kind: 'NOT_ALLOWED', message: 'This SKU is no bundle: its delivery is of another kind.' };
    if (editScope(sku.listingState) === 'NOTHING')
      return { kind: 'NOT_ALLOWED', message: 'A bundle under review, rejected or retired is not edited.' };
    const parts = await selectParts(
      tx,
      owner.networkId,
      input.components.map(({ componentSkuId }) => componentSkuId),
    );
    const message = bundleProblem(sku, input.components, parts);
    if (message !== null) return invalid(`${message}.`);
    const asked = fieldsOf(input.components, parts);
    if (asked.kind === 'CLASH') return invalid(`two components ask for different things under the name ${asked.name}.`);
    const change = async () => {
      await writeComponents(tx, owner.networkId, sku.id, input.components);
      await writeInputFields(tx, owner.networkId, [{ skuId: sku.id, fields: asked.fields }]);
    };
    await versionedChange(tx, viewer, [sku.id], change, input.reason);
    await writeAudit(tx, viewer, { action: 'bundle.set', subjectId: sku.id, data: { components: input.components, reason: input.reason } });
    await tellOfListing(tx, owner, [sku.id], { buyersToo: sku.listingState !== 'DRAFT' });
    return { kind: 'BUNDLE_SET', skuId: sku.id };
  }).catch(asRefusal);
}

/**
 * Lets the bundles that hold a SKU ask for what it asks now; to be called in the transaction that changed its fields. Answers the name
 * of a field that a bundle cannot ask for any more, or null.
 */
export async function spreadInputFields(tx: Transaction, networkId: string, skuId: string): Promise<string | null> {
  const bundleIds = (await selectBundlesHolding(tx, networkId, [skuId])).get(skuId) ?? [];
  const components = await selectComponents(tx, networkId, bundleIds);
  const parts = await selectParts(tx, networkId, [...components.values()].flat().map(idOf));
  const rows: Parameters<typeof writeInputFields>[2][number][] = [];
  for (const [bundleId, own] of components) {
    const asked = fieldsOf(own, parts);
    if (asked.kind === 'CLASH') return asked.name;
    rows.push({ skuId: bundleId, fields: asked.fields });
  }
  await writeInputFields(tx, networkId, rows);
  return null;
}

function fieldsOf(components: readonly BundleComponent[], parts: ReadonlyMap<string, BundlePart>) {
  return bundleInputFields(components.map(({ componentSkuId }) => parts.get(componentSkuId)?.inputFields ?? []));
}

function idOf({ componentSkuId }: BundleComponent): string {
  return componentSkuId;
}

function invalid(message: string): InvalidInput {
  return { kind: 'INVALID_INPUT', field: 'components', message };
}
