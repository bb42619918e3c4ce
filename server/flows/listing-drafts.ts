import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, type Viewer } from '#server/accounts/rules.ts';
import { CATEGORY_DEPTH_MAX, isName, productProblem, type SkuText, skuProblem } from '#server/catalog/rules.ts';
import {
  insertCategories,
  insertDraftSku,
  insertProducts,
  lockOwnProduct,
  lockOwnSku,
  type ProductRecord,
  type SkuRecord,
  selectOwnCategory,
  selectSkuStates,
  updateProduct as updateProductRow,
  updateSku as updateSkuRow,
  type WrittenSku,
} from '#server/catalog/sql.ts';
import { attributeProblem, editScope, type InputField, inputFieldsOf, inputFieldsProblem, problem } from '#server/listings/rules.ts';
import { selectBundlesHolding, writeComponents } from '#server/listings/sql.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import { selectNetwork } from '#server/network/sql.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { compareMoney, money, toUnitPriceString } from '#server/platform/money.ts';
import { spreadInputFields } from './bundles.ts';
import { asRefusal, type ListingRefused, refuseChange, tellOfListing, versionedChange } from './listing-versions.ts';

// What an owner makes and edits of its goods (domain §6): categories, products, SKUs. A SKU begins as a DRAFT. What is for sale may
// say something else, at another price, at once: the checks that need no purchase are made there and then, and a new version is kept.

/** A category to be made; `parentId` null: at the top. */
export type CreateCategoryInput = { readonly name: string; readonly parentId: string | null };

/** What can become of it. */
export type CreateCategoryOutcome = { readonly kind: 'CATEGORY_CREATED'; readonly categoryId: string } | NotFound | InvalidInput;

/** Makes a category of the acting station, after its others. Refuses a fourth level, and another owner's category above it. */
export async function createCategory(
  db: Database,
  viewer: Viewer,
  { name, parentId }: CreateCategoryInput,
): Promise<CreateCategoryOutcome> {
  const owner = { networkId: viewer.networkId, ownerId: actingStationWith(viewer, 'LISTINGS_MANAGE') };
  if (!isName(name)) return invalid('name', 'A name is one line, without blanks around it.');
  return inTransaction(db, async (tx): Promise<CreateCategoryOutcome> => {
    const above = parentId === null ? { path: [], position: 0 } : await selectOwnCategory(tx, owner, parentId);
    if (above === null) return { kind: 'NOT_FOUND' };
    if (above.path.length >= CATEGORY_DEPTH_MAX) return invalid('parentId', `Categories have ${CATEGORY_DEPTH_MAX} levels.`);
    const id = tx.newId();
    await insertCategories(tx, owner, [{ id, name, path: [...above.path, id], position: above.position }]);
    await writeAudit(tx, viewer, { action: 'category.created', subjectId: id, data: { name } });
    return { kind: 'CATEGORY_CREATED', categoryId: id };
  });
}

/** An attribute of a product. */
export type Attribute = { readonly name: string; readonly value: string };

/** What a product says. */
export type ProductInput = {
  readonly name: string;
  readonly brand: string | null;
  readonly description: string;
  readonly attributes: readonly Attribute[];
  readonly pictureUrl: string | null;
};

/** What can become of making a product. */
export type CreateProductOutcome = { readonly kind: 'PRODUCT_CREATED'; readonly productId: string } | NotFound | InvalidInput;

/** Makes a product of the acting station in one of its categories. It is seen by others once one of its SKUs is. */
export async function createProduct(
  db: Database,
  viewer: Viewer,
  input: ProductInput & { readonly categoryId: string },
): Promise<CreateProductOutcome> {
  const owner = { networkId: viewer.networkId, ownerId: actingStationWith(viewer, 'LISTINGS_MANAGE') };
  const wrong = productInputProblem(input);
  if (wrong) return wrong;
  return inTransaction(db, async (tx): Promise<CreateProductOutcome> => {
    if ((await selectOwnCategory(tx, owner, input.categoryId)) === null) return { kind: 'NOT_FOUND' };
    const { name, brand, description, categoryId, pictureUrl } = input;
    const id = tx.newId();
    await insertProducts(tx, owner, [{ id, categoryId, name, brand, description }]);
    await updateProductRow(tx, owner.networkId, { id, name, brand, description, attributes: attributesOf(input), pictureUrl });
    await writeAudit(tx, viewer, { action: 'product.created', subjectId: id, data: { name } });
    return { kind: 'PRODUCT_CREATED', productId: id };
  });
}

/** What can become of editing a product. */
export type UpdateProductOutcome =
  | { readonly kind: 'PRODUCT_UPDATED'; readonly productId: string }
  | { readonly kind: 'STALE_VERSION'; readonly current: ProductRecord }
  | ListingRefused
  | NotAllowed
  | NotFound
  | InvalidInput;

/**
 * Gives a product other texts. Its SKUs that are for sale say them at once, in a new version, when the words pass the content check;
 * a product with a SKU under review is not edited.
 */
export async function updateProduct(
  db: Database,
  viewer: Viewer,
  input: ProductInput & { readonly productId: string; readonly expectedVersion: number },
): Promise<UpdateProductOutcome> {
  const owner = { networkId: viewer.networkId, ownerId: actingStationWith(viewer, 'LISTINGS_MANAGE') };
  const wrong = productInputProblem(input);
  if (wrong) return wrong;
  return inTransaction(db, async (tx): Promise<UpdateProductOutcome> => {
    const product = await lockOwnProduct(tx, owner, input.productId);
    if (product === null) return { kind: 'NOT_FOUND' };
    if (product.version !== input.expectedVersion) return { kind: 'STALE_VERSION', current: product };
    const skus = await selectSkuStates(tx, owner.networkId, product.id);
    if (skus.some(({ listing_state }) => listing_state === 'SUBMITTED' || listing_state === 'APPROVED'))
      return { kind: 'NOT_ALLOWED', message: 'A SKU of this product is under review: take it back or wait for the decision.' };
    const { name, brand, description, pictureUrl } = input;
    const said = skus.filter(({ listing_state }) => editScope(listing_state) !== 'NOTHING').map(({ id }) => id);
    await versionedChange(tx, viewer, said, async () => {
      await updateProductRow(tx, owner.networkId, {
        id: product.id,
        name,
        brand,
        description,
        attributes: attributesOf(input),
        pictureUrl,
      });
    });
    await writeAudit(tx, viewer, { action: 'product.updated', subjectId: product.id, data: { skuIds: said } });
    await tellOfListing(tx, owner, said, { buyersToo: false });
    return { kind: 'PRODUCT_UPDATED', productId: product.id };
  }).catch(asRefusal);
}

/** What a SKU is, as typed in. `inputFields`: what its buyer types; of a bundle they follow from its components. */
export type SkuInput = Omit<SkuText, 'code'> & {
  readonly goodsKind: 'CARD_KEY' | 'TOP_UP';
  readonly deliveryKind: 'FROM_STOCK' | 'SOURCED' | 'BUNDLE';
  readonly inputFields: readonly InputField[];
};

/** What can become of making a SKU. */
export type CreateSkuOutcome = { readonly kind: 'SKU_CREATED'; readonly skuId: string } | NotFound | InvalidInput;

/** Makes a SKU of a product of the acting station: a DRAFT, which nobody else sees. */
export async function createSku(
  db: Database,
  viewer: Viewer,
  input: SkuInput & { readonly productId: string; readonly code: string },
): Promise<CreateSkuOutcome> {
  const owner = { networkId: viewer.networkId, ownerId: actingStationWith(viewer, 'LISTINGS_MANAGE') };
  const wrong = skuInputProblem(input);
  if (wrong) return wrong;
  const { currency } = await selectNetwork(db.pool, owner.networkId);
  return inTransaction(db, async (tx): Promise<CreateSkuOutcome> => {
    if ((await lockOwnProduct(tx, owner, input.productId)) === null) return { kind: 'NOT_FOUND' };
    const id = tx.newId();
    const sku = { ...input, id, basePrice: money(input.basePrice, currency) };
    if (!(await insertDraftSku(tx, { ...owner, currency }, sku))) return invalid('code', 'The station has another SKU of this code.');
    await writeAudit(tx, viewer, { action: 'sku.created', subjectId: id, data: { code: input.code, productId: input.productId } });
    await tellOfListing(tx, owner, [id], { buyersToo: false });
    return { kind: 'SKU_CREATED', skuId: id };
  });
}

/** What changes of a SKU; what is left out stays. `reason`: why, kept with the version, and with a small margin as its reason. */
export type UpdateSkuInput = { readonly [Name in keyof SkuInput]?: SkuInput[Name] | undefined } & {
  readonly skuId: string;
  readonly expectedVersion: number;
  readonly reason: string;
};

/** What can become of editing a SKU. */
export type UpdateSkuOutcome =
  | { readonly kind: 'SKU_UPDATED'; readonly skuId: string }
  | { readonly kind: 'STALE_VERSION'; readonly current: SkuRecord }
  | ListingRefused
  | NotAllowed
  | NotFound
  | InvalidInput;

/**
 * Edits a SKU of the acting station. A DRAFT may become anything. What is for sale or paused keeps how it is delivered and what its
 * price is for; its words and its price are checked at once, and what passes makes a new version, at which the next order is placed.
 */
export async function updateSku(db: Database, viewer: Viewer, input: UpdateSkuInput): Promise<UpdateSkuOutcome> {
  const owner = { networkId: viewer.networkId, ownerId: actingStationWith(viewer, 'LISTINGS_MANAGE') };
  return inTransaction(db, async (tx): Promise<UpdateSkuOutcome> => {
    const sku = await lockOwnSku(tx, owner, input.skuId);
    if (sku === null) return { kind: 'NOT_FOUND' };
    if (sku.version !== input.expectedVersion) return { kind: 'STALE_VERSION', current: sku };
    if (sku.deliveryKind === 'BUNDLE' && input.inputFields !== undefined && (input.deliveryKind ?? 'BUNDLE') === 'BUNDLE')
      return invalid('inputFields', 'A bundle asks for what its components ask.');
    const scope = editScope(sku.listingState);
    if (scope === 'NOTHING') return { kind: 'NOT_ALLOWED', message: 'A SKU under review, rejected or retired is not edited.' };
    const wanted = editedSku(sku, input);
    const wrong = skuInputProblem({ ...wanted, code: sku.code, basePrice: toUnitPriceString(wanted.basePrice) });
    if (wrong) return wrong;
    const isOther = wanted.goodsKind !== sku.goodsKind || wanted.deliveryKind !== sku.deliveryKind || wanted.unitSize !== sku.unitSize;
    if (scope !== 'ALL' && isOther)
      return { kind: 'NOT_ALLOWED', message: 'How it is delivered and what its price is for stay once it was for sale: make another SKU.' };
    return write(tx, viewer, sku, wanted, input.reason);
  }).catch(asRefusal);
}

async function write(
  tx: Transaction,
  viewer: Viewer,
  sku: SkuRecord,
  wanted: ReturnType<typeof editedSku>,
  reason: string,
): Promise<UpdateSkuOutcome> {
  const { networkId } = viewer;
  const holding = (await selectBundlesHolding(tx, networkId, [sku.id])).get(sku.id) ?? [];
  if (wanted.deliveryKind === 'BUNDLE' && holding.length > 0)
    return { kind: 'NOT_ALLOWED', message: 'It is a component of a bundle, and a bundle holds no bundle.' };
  const isAskingElse = JSON.stringify(wanted.inputFields) !== JSON.stringify(inputFieldsOf(sku.inputFields));
  const change = async () => {
    await updateSkuRow(tx, networkId, wanted);
    if (sku.deliveryKind === 'BUNDLE' && wanted.deliveryKind !== 'BUNDLE') await writeComponents(tx, networkId, sku.id, []);
    const clash = isAskingElse ? await spreadInputFields(tx, networkId, sku.id) : null;
    if (clash !== null)
      refuseChange(problem('INPUT_FIELDS_CLASH', `inputFields.${clash}`, 'A bundle asks for something else under this name.'));
  };
  await versionedChange(tx, viewer, isAskingElse ? [sku.id, ...holding] : [sku.id], change, reason);
  const repriced = compareMoney(sku.basePrice, wanted.basePrice) !== 0;
  await writeAudit(tx, viewer, { action: 'sku.updated', subjectId: sku.id, data: { repriced, reason } });
  await tellOfListing(tx, { networkId, ownerId: sku.ownerId }, [sku.id], { buyersToo: sku.listingState !== 'DRAFT' });
  return { kind: 'SKU_UPDATED', skuId: sku.id };
}

function editedSku(sku: SkuRecord, input: UpdateSkuInput): WrittenSku & { readonly inputFields: readonly InputField[] } {
  return {
    id: sku.id,
    name: input.name ?? sku.name,
    scene: input.scene ?? sku.scene,
    faceValue: input.faceValue === undefined ? sku.faceValue : input.faceValue,
    basePrice: input.basePrice === undefined ? sku.basePrice : priceOf(input.basePrice, sku),
    unitSize: input.unitSize ?? sku.unitSize,
    minQuantity: input.minQuantity ?? sku.minQuantity,
    maxQuantity: input.maxQuantity ?? sku.maxQuantity,
    quantityStep: input.quantityStep ?? sku.quantityStep,
    goodsKind: input.goodsKind ?? sku.goodsKind,
    deliveryKind: input.deliveryKind ?? sku.deliveryKind,
    inputFields: input.inputFields ?? inputFieldsOf(sku.inputFields),
  };
}

/** A text that is no price is told by `skuInputProblem`; until then it is a price of nothing. */
function priceOf(text: string, { currency }: SkuRecord) {
  return money(/^\d{1,14}(\.\d{1,4})?$/.test(text) ? text : '0', currency);
}

function skuInputProblem(input: SkuInput & { readonly code: string }): InvalidInput | null {
  const wrong = skuProblem(input);
  if (wrong) return invalid(wrong.field, wrong.message);
  if (input.goodsKind === 'TOP_UP' && input.deliveryKind !== 'SOURCED')
    return invalid('deliveryKind', 'A direct top-up lies on no shelf: it is SOURCED.');
  const field = inputFieldsProblem(input.inputFields);
  return field && invalid('inputFields', `${field.field}: ${field.message}.`);
}

function productInputProblem(input: ProductInput): InvalidInput | null {
  const wrong = productProblem(input);
  if (wrong) return invalid(wrong.field, wrong.message);
  const names = input.attributes.map(({ name }) => name);
  const message = input.attributes.map(({ name, value }) => attributeProblem(name, value)).find((each) => each !== null);
  if (message !== undefined || new Set(names).size !== names.length || names.length > ATTRIBUTES_MAX)
    return invalid('attributes', message ?? `At most ${ATTRIBUTES_MAX} attributes, each once.`);
  const { pictureUrl } = input;
  // where it leads is looked at by the check, which calls it
  const isUrl = pictureUrl === null || (pictureUrl.length <= URL_MAX && URL.canParse(pictureUrl) && pictureUrl.startsWith('https://'));
  return isUrl ? null : invalid('pictureUrl', 'The picture is a URL that begins with https://.');
}

const ATTRIBUTES_MAX = 50;
const URL_MAX = 2_000;

function attributesOf({ attributes }: ProductInput): Record<string, string> {
  return Object.fromEntries(attributes.map(({ name, value }) => [name, value]));
}

function invalid(field: string, message: string): InvalidInput {
  return { kind: 'INVALID_INPUT', field, message };
}
