import { componentsOfBundles, type ShownComponent } from '#server/listings/reads.ts';
import { type InputField, type InputOption, inputFieldsOf, titleOf } from '#server/listings/rules.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadProduct, loadSku, SkuType } from './catalogue.ts';
import { batched } from './loaders.ts';

// What a buyer has to know of a SKU beside its price: how it is delivered, what has to be filled in, what is in a bundle.

/** How a SKU is delivered. */
export const DeliveryKindEnum = builder.enumType('DeliveryKind', {
  description: 'How a SKU is delivered.',
  values: {
    FROM_STOCK: { description: 'Card keys of the owner’s stock, at once.' },
    SOURCED: { description: 'Bought from a supplier when it is ordered.' },
    BUNDLE: { description: 'Several SKUs together.' },
  } as const,
});

/** What is delivered. */
export const GoodsKindEnum = builder.enumType('GoodsKind', {
  description: 'What is delivered.',
  values: {
    CARD_KEY: { description: 'A secret.' },
    TOP_UP: { description: 'Goods in the account that the buyer names.' },
  } as const,
});

/** What a field of a direct top-up takes. */
export const InputKindEnum = builder.enumType('InputKind', {
  description: 'What a field of a direct top-up takes.',
  values: {
    PHONE: { description: 'A mobile number of the field’s country.' },
    QQ: { description: 'A QQ number.' },
    EMAIL: { description: 'An e-mail address.' },
    GAME_ID: { description: 'A player’s name or number.' },
    REGION: { description: 'One of the regions or servers.' },
    CHOICE: { description: 'One of the options.' },
    NUMBER: { description: 'A whole number.' },
    TEXT: { description: 'Anything in one line.' },
  } as const,
});

/** Whose mobile numbers a field takes. */
export const PhoneCountryEnum = builder.enumType('PhoneCountry', {
  description: 'Whose mobile numbers a field takes.',
  values: {
    CN: { description: 'Mainland China.' },
    HK: { description: 'Hong Kong.' },
    MO: { description: 'Macao.' },
    TW: { description: 'Taiwan.' },
    ANY: { description: 'Any country, written with + and its number.' },
  } as const,
});

const InputOptionType = builder.objectRef<InputOption>('InputOption').implement({
  description: 'One of the answers that a field takes.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    value: t.exposeString('value', { description: 'What is sent.' }),
    label: t.exposeString('label', { description: 'What people read.' }),
  }),
});

const InputFieldType = builder.objectRef<InputField>('InputField').implement({
  description: 'A field that the buyer of a direct top-up fills in; checked before any money moves.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name in an order.' }),
    label: t.exposeString('label', { description: 'What people read beside it.' }),
    kind: t.field({ type: InputKindEnum, description: 'What it takes.', resolve: ({ kind }) => kind }),
    isRequired: t.exposeBoolean('isRequired', { description: 'Whether it must be filled in.' }),
    hint: t.exposeString('hint', { description: 'A word of help; may be empty.' }),
    country: t.field({ type: PhoneCountryEnum, description: 'PHONE: whose numbers.', resolve: ({ country }) => country }),
    options: t.field({
      type: [InputOptionType],
      description: 'REGION and CHOICE: the answers that it takes.',
      resolve: ({ options }) => options,
    }),
    minLength: t.exposeInt('minLength', { description: 'The fewest characters; of a NUMBER, digits.' }),
    maxLength: t.exposeInt('maxLength', { description: 'The most characters; of a NUMBER, digits.' }),
  }),
});

const componentsOfBundle = batched<string, ShownComponent[]>((context, ids) =>
  componentsOfBundles(context.db.pool, viewerOf(context), ids),
);

const BundleComponentType = builder.objectRef<ShownComponent>('BundleComponent').implement({
  description: 'What is in a bundle (套餐).',
  access: 'WITH_PARENT',
  fields: (t) => ({
    sku: t.field({
      type: SkuType,
      nullable: true,
      description: 'The SKU; null where it is sold in bundles alone.',
      resolve: ({ componentSkuId }, _, context) => loadSku(context, componentSkuId),
    }),
    productName: t.exposeString('productName', { description: 'Of which product.' }),
    skuName: t.exposeString('skuName', { description: 'Its name.' }),
    quantity: t.exposeInt('quantity', { description: 'So many units of it in one unit of the bundle.' }),
    weight: t.exposeInt('weight', { description: 'Its share of the total, beside the other weights: refunded when it cannot be filled.' }),
  }),
});

builder.objectFields(SkuType, (t) => ({
  title: t.string({
    description: 'The whole title: name, attribute and scene.',
    resolve: async ({ productId, name, scene }, _, context) =>
      titleOf({ productName: (await loadProduct(context, productId))?.name ?? '', skuName: name, scene }),
  }),
  scene: t.string({ description: 'What it is for: the last part of the title; may be empty.', resolve: ({ scene }) => scene }),
  deliveryKind: t.field({ type: DeliveryKindEnum, description: 'How it is delivered.', resolve: ({ deliveryKind }) => deliveryKind }),
  goodsKind: t.field({ type: GoodsKindEnum, description: 'What is delivered.', resolve: ({ goodsKind }) => goodsKind }),
  inputFields: t.field({
    type: [InputFieldType],
    description: 'What its buyer fills in; nothing for card keys.',
    resolve: ({ inputFields }) => inputFieldsOf(inputFields),
  }),
  components: t.field({
    type: [BundleComponentType],
    description: 'What a bundle is made of; nothing for others.',
    complexity: { field: 1, multiplier: 5 },
    resolve: async ({ id, deliveryKind }, _, context) => (deliveryKind === 'BUNDLE' ? ((await componentsOfBundle(context, id)) ?? []) : []),
  }),
  version: t.exposeInt('version', { description: 'Rises with every edit: the expectedVersion of the next.' }),
}));
