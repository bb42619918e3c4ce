import { setBundleComponents } from '#server/flows/bundles.ts';
import { createCategory, createProduct, createSku, updateProduct, updateSku } from '#server/flows/listing-drafts.ts';
import { inputFieldOf } from '#server/listings/rules.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { CategoryType, loadCategory, loadProduct, ProductType, requireSku, SkuType } from './catalogue.ts';
import { idOf, optionalIdOf } from './ids.ts';
import { ListingRefused, listingRefused } from './listing-mutations.ts';
import { done, mutation, successType } from './mutation.ts';
import { InvalidInput, NotAllowed, NotFound, notFound, refused, StaleVersion, staleVersion } from './refusals.ts';
import { resultUnion } from './results.ts';
import { DeliveryKindEnum, GoodsKindEnum, InputKindEnum, PhoneCountryEnum } from './sku-goods.ts';

const managing = { party: 'STATION', permission: 'LISTINGS_MANAGE' } as const;
const EXPECTED_VERSION = 'The version that the edit is based on.';

/** What a mutation made or changed, by its id. */
type Written<Name extends string> = { readonly __typename: Name; readonly writtenId: string };

const CategoryCreated = successType<Written<'CategoryCreated'>>('CategoryCreated', 'A category is there.', (t) => ({
  category: t.field({
    type: CategoryType,
    nullable: true,
    description: 'The category.',
    resolve: ({ writtenId }, _, context) => loadCategory(context, writtenId),
  }),
}));

mutation('createCategory', {
  description: 'Makes a category of the acting station.',
  access: managing,
  input: builder.inputType('CreateCategoryInput', {
    description: 'The category.',
    fields: (t) => ({
      name: t.string({ required: true, description: 'What people call it.' }),
      parentId: t.id({ description: 'Below this one of the station’s own; at the top when left out.' }),
    }),
  }),
  result: resultUnion('CreateCategoryResult', 'A category, or why not.', [CategoryCreated, NotFound, InvalidInput]),
  resolve: async ({ name, ...input }, context) => {
    const parentId = optionalIdOf('Category', input.parentId);
    if (parentId === null) return notFound('category');
    const outcome = await createCategory(context.db, viewerOf(context), { name, parentId: parentId ?? null });
    return outcome.kind === 'CATEGORY_CREATED' ? done('CategoryCreated', { writtenId: outcome.categoryId }) : refused(outcome, 'category');
  },
});

const ProductCreated = productAnswer('ProductCreated', 'A product is there.');
const ProductUpdated = productAnswer('ProductUpdated', 'A product says something else.');

function productAnswer<Name extends string>(name: Name, description: string) {
  return successType<Written<Name>>(name, description, (t) => ({
    product: t.field({
      type: ProductType,
      nullable: true,
      description: 'The product.',
      resolve: ({ writtenId }, _, context) => loadProduct(context, writtenId),
    }),
  }));
}

const ProductAttributeInput = builder.inputType('ProductAttributeInput', {
  description: 'Something that a product says of itself.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'What it is.' }),
    value: t.string({ required: true, description: 'Its value.' }),
  }),
});

mutation('createProduct', {
  description: 'Makes a product of the acting station.',
  access: managing,
  input: builder.inputType('CreateProductInput', {
    description: 'The product.',
    fields: (t) => ({
      categoryId: t.id({ required: true, description: 'In which category of the station’s own.' }),
      name: t.string({ required: true, description: 'What people call it: the first part of every title.' }),
      brand: t.string({ description: 'The brand.' }),
      description: t.string({ required: true, description: 'What a buyer should know.' }),
      attributes: t.field({ type: [ProductAttributeInput], required: true, description: 'What it says of itself.' }),
      pictureUrl: t.string({ description: 'Its picture, by https.' }),
    }),
  }),
  result: resultUnion('CreateProductResult', 'A product, or why not.', [ProductCreated, NotFound, InvalidInput]),
  resolve: async ({ brand, pictureUrl, ...input }, context) => {
    const categoryId = idOf('Category', input.categoryId);
    if (categoryId === null) return notFound('category');
    const product = { ...input, categoryId, brand: brand ?? null, pictureUrl: pictureUrl ?? null };
    const outcome = await createProduct(context.db, viewerOf(context), product);
    return outcome.kind === 'PRODUCT_CREATED' ? done('ProductCreated', { writtenId: outcome.productId }) : refused(outcome, 'category');
  },
});

mutation('updateProduct', {
  description: 'Gives a product other texts; its SKUs that are for sale say them at once, in a new version.',
  access: managing,
  input: builder.inputType('UpdateProductInput', {
    description: 'The whole product.',
    fields: (t) => ({
      productId: t.id({ required: true, description: 'Which product.' }),
      expectedVersion: t.int({ required: true, description: EXPECTED_VERSION }),
      name: t.string({ required: true, description: 'What people call it.' }),
      brand: t.string({ description: 'The brand; none when left out.' }),
      description: t.string({ required: true, description: 'What a buyer should know.' }),
      attributes: t.field({ type: [ProductAttributeInput], required: true, description: 'What it says of itself.' }),
      pictureUrl: t.string({ description: 'Its picture, by https; none when left out.' }),
    }),
  }),
  result: resultUnion('UpdateProductResult', 'A product, or why not.', [
    ProductUpdated,
    ListingRefused,
    NotFound,
    NotAllowed,
    InvalidInput,
    StaleVersion,
  ]),
  resolve: async ({ brand, pictureUrl, ...input }, context) => {
    const productId = idOf('Product', input.productId);
    if (productId === null) return notFound('product');
    const product = { ...input, productId, brand: brand ?? null, pictureUrl: pictureUrl ?? null };
    const outcome = await updateProduct(context.db, viewerOf(context), product);
    if (outcome.kind === 'PRODUCT_UPDATED') return done('ProductUpdated', { writtenId: outcome.productId });
    if (outcome.kind === 'LISTING_REFUSED') return listingRefused(outcome.problems);
    return outcome.kind === 'STALE_VERSION' ? staleVersion('Product', outcome.current) : refused(outcome, 'product');
  },
});

const InputOptionInput = builder.inputType('InputOptionInput', {
  description: 'One of the answers that a field takes.',
  fields: (t) => ({
    value: t.string({ required: true, description: 'What is sent.' }),
    label: t.string({ required: true, description: 'What people read.' }),
  }),
});

const InputFieldInput = builder.inputType('InputFieldInput', {
  description: 'A field that the buyer of a direct top-up fills in.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'What the supplier calls it.' }),
    label: t.string({ required: true, description: 'What people read beside it.' }),
    kind: t.field({ type: InputKindEnum, required: true, description: 'What it takes.' }),
    isRequired: t.boolean({ description: 'Whether it must be filled in; yes when left out.' }),
    hint: t.string({ description: 'A word of help.' }),
    country: t.field({ type: PhoneCountryEnum, description: 'PHONE: whose numbers; CN when left out.' }),
    options: t.field({ type: [InputOptionInput], description: 'REGION and CHOICE: the answers that it takes.' }),
    minLength: t.int({ description: 'The fewest characters; 1 when left out.' }),
    maxLength: t.int({ description: 'The most characters; 100 when left out.' }),
  }),
});

type GivenField = typeof InputFieldInput.$inferInput;

function fieldsOf(given: readonly GivenField[]) {
  return given.map(({ name, label, kind, ...rest }) => {
    const said = Object.entries(rest).filter(([, value]) => value !== null && value !== undefined);
    return inputFieldOf({ name, label, kind, ...Object.fromEntries(said) });
  });
}

const SkuCreated = skuAnswer('SkuCreated', 'A SKU is there, as a draft.');
const SkuUpdated = skuAnswer('SkuUpdated', 'A SKU is another.');
const BundleSet = skuAnswer('BundleSet', 'A bundle is made of these components from now on.');

function skuAnswer<Name extends string>(name: Name, description: string) {
  return successType<Written<Name>>(name, description, (t) => ({
    sku: t.field({ type: SkuType, description: 'The SKU.', resolve: ({ writtenId }, _, context) => requireSku(context, writtenId) }),
  }));
}

mutation('createSku', {
  description: 'Makes a SKU of a product of the acting station: a draft, which nobody else sees.',
  access: managing,
  input: builder.inputType('CreateSkuInput', {
    description: 'The SKU.',
    fields: (t) => ({
      productId: t.id({ required: true, description: 'Of which product.' }),
      code: t.string({ required: true, description: 'Its number, unique among the station’s SKUs; it never changes.' }),
      name: t.string({ required: true, description: 'The attribute that tells it from its siblings: the second part of its title.' }),
      scene: t.string({ description: 'What it is for: the last part of its title.' }),
      faceValue: t.string({ description: 'The denomination (面值).' }),
      basePrice: t.field({ type: 'Decimal', required: true, description: 'From which the price chain starts, for unitSize units.' }),
      unitSize: t.int({ description: 'Prices are for so many units: 1, 100 or 1,000; 1 when left out.' }),
      minQuantity: t.int({ description: 'The smallest quantity of an order; 1 when left out.' }),
      maxQuantity: t.int({ description: 'The largest quantity of an order; 1,000 when left out.' }),
      quantityStep: t.int({ description: 'Quantities rise in this step; 1 when left out.' }),
      goodsKind: t.field({ type: GoodsKindEnum, description: 'What is delivered; card keys when left out.' }),
      deliveryKind: t.field({ type: DeliveryKindEnum, description: 'How it is delivered; from stock when left out.' }),
      inputFields: t.field({ type: [InputFieldInput], description: 'What its buyer fills in.' }),
    }),
  }),
  result: resultUnion('CreateSkuResult', 'A SKU, or why not.', [SkuCreated, NotFound, InvalidInput]),
  resolve: async (input, context) => {
    const productId = idOf('Product', input.productId);
    if (productId === null) return notFound('product');
    const outcome = await createSku(context.db, viewerOf(context), {
      productId,
      code: input.code,
      name: input.name,
      scene: input.scene ?? '',
      faceValue: input.faceValue ?? null,
      basePrice: input.basePrice,
      unitSize: input.unitSize ?? 1,
      minQuantity: input.minQuantity ?? 1,
      maxQuantity: input.maxQuantity ?? 1000,
      quantityStep: input.quantityStep ?? 1,
      goodsKind: input.goodsKind ?? 'CARD_KEY',
      deliveryKind: input.deliveryKind ?? 'FROM_STOCK',
      inputFields: fieldsOf(input.inputFields ?? []),
    });
    return outcome.kind === 'SKU_CREATED' ? done('SkuCreated', { writtenId: outcome.skuId }) : refused(outcome, 'product');
  },
});

mutation('updateSku', {
  description: 'Edits a SKU of the acting station; of what is for sale, a new version at the price that is said.',
  access: managing,
  input: builder.inputType('UpdateSkuInput', {
    description: 'What changes; what is left out stays.',
    fields: (t) => ({
      skuId: t.id({ required: true, description: 'Which SKU.' }),
      expectedVersion: t.int({ required: true, description: EXPECTED_VERSION }),
      name: t.string({ description: 'The second part of its title.' }),
      scene: t.string({ description: 'The last part of its title.' }),
      faceValue: t.string({ description: 'The denomination; none when it is null.' }),
      basePrice: t.field({ type: 'Decimal', description: 'From which the price chain starts.' }),
      unitSize: t.int({ description: 'Of a draft: prices are for so many units.' }),
      minQuantity: t.int({ description: 'The smallest quantity of an order.' }),
      maxQuantity: t.int({ description: 'The largest quantity of an order.' }),
      quantityStep: t.int({ description: 'Quantities rise in this step.' }),
      goodsKind: t.field({ type: GoodsKindEnum, description: 'Of a draft: what is delivered.' }),
      deliveryKind: t.field({ type: DeliveryKindEnum, description: 'Of a draft: how it is delivered.' }),
      inputFields: t.field({ type: [InputFieldInput], description: 'What its buyer fills in.' }),
      reason: t.string({ description: 'Why; kept with the version, and the reason of a small margin.' }),
    }),
  }),
  result: resultUnion('UpdateSkuResult', 'A SKU, or why not.', [
    SkuUpdated,
    ListingRefused,
    NotFound,
    NotAllowed,
    InvalidInput,
    StaleVersion,
  ]),
  resolve: async ({ inputFields, reason, faceValue, ...input }, context) => {
    const skuId = idOf('Sku', input.skuId);
    if (skuId === null) return notFound('SKU');
    const outcome = await updateSku(context.db, viewerOf(context), {
      name: input.name ?? undefined,
      scene: input.scene ?? undefined,
      // null takes it away, which is not the same as leaving it out
      faceValue,
      basePrice: input.basePrice ?? undefined,
      unitSize: input.unitSize ?? undefined,
      minQuantity: input.minQuantity ?? undefined,
      maxQuantity: input.maxQuantity ?? undefined,
      quantityStep: input.quantityStep ?? undefined,
      goodsKind: input.goodsKind ?? undefined,
      deliveryKind: input.deliveryKind ?? undefined,
      inputFields: inputFields ? fieldsOf(inputFields) : undefined,
      skuId,
      expectedVersion: input.expectedVersion,
      reason: reason ?? '',
    });
    if (outcome.kind === 'SKU_UPDATED') return done('SkuUpdated', { writtenId: outcome.skuId });
    if (outcome.kind === 'LISTING_REFUSED') return listingRefused(outcome.problems);
    return outcome.kind === 'STALE_VERSION' ? staleVersion('Sku', outcome.current) : refused(outcome, 'SKU');
  },
});

const BundleComponentInput = builder.inputType('BundleComponentInput', {
  description: 'A component of a bundle.',
  fields: (t) => ({
    skuId: t.id({ required: true, description: 'Which SKU; of the same owner, and no bundle.' }),
    quantity: t.int({ required: true, description: 'So many units of it in one unit of the bundle, 1 to 1,000.' }),
    weight: t.int({ required: true, description: 'Its share of the total beside the other weights, 0 to 1,000,000.' }),
  }),
});

mutation('setBundleComponents', {
  description: 'Sets what a bundle (套餐) of the acting station is made of.',
  access: managing,
  input: builder.inputType('SetBundleComponentsInput', {
    description: 'The bundle with all of its components.',
    fields: (t) => ({
      skuId: t.id({ required: true, description: 'Which bundle.' }),
      expectedVersion: t.int({ required: true, description: EXPECTED_VERSION }),
      components: t.field({ type: [BundleComponentInput], required: true, description: 'What it is made of, in order.' }),
      reason: t.string({ description: 'Why; kept with the version.' }),
    }),
  }),
  result: resultUnion('SetBundleComponentsResult', 'A bundle, or why not.', [
    BundleSet,
    ListingRefused,
    NotFound,
    NotAllowed,
    InvalidInput,
    StaleVersion,
  ]),
  resolve: async ({ expectedVersion, reason, ...input }, context) => {
    const skuId = idOf('Sku', input.skuId);
    const components = input.components.map(({ skuId: id, ...rest }) => ({ componentSkuId: idOf('Sku', id) ?? '', ...rest }));
    if (skuId === null || components.some(({ componentSkuId }) => componentSkuId === '')) return notFound('SKU');
    const outcome = await setBundleComponents(context.db, viewerOf(context), { skuId, expectedVersion, components, reason: reason ?? '' });
    if (outcome.kind === 'BUNDLE_SET') return done('BundleSet', { writtenId: outcome.skuId });
    if (outcome.kind === 'LISTING_REFUSED') return listingRefused(outcome.problems);
    return outcome.kind === 'STALE_VERSION' ? staleVersion('Sku', outcome.current) : refused(outcome, 'SKU');
  },
});
