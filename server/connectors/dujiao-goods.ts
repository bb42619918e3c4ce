import type { UpstreamGoods, UpstreamInputField } from './connector.ts';
import { textByLanguage } from './goods.ts';
import { countOf, entriesOf, fieldOf, itemsOf, type JsonValue, textOf } from './json.ts';

// How dujiao-next words its goods.

/** Names of the categories from the top down, by id. Two levels there; a circle ends at its beginning. */
export function categoryPaths(categories: readonly JsonValue[]): ReadonlyMap<string, readonly string[]> {
  const byId = new Map(categories.map((each) => [textOf(fieldOf(each, 'id')) ?? '', each]));
  const pathOf = (id: string, seen: readonly string[]): readonly string[] => {
    const category = byId.get(id);
    if (category === undefined || seen.includes(id)) return [];
    const name = named(fieldOf(category, 'name')) ?? textOf(fieldOf(category, 'slug')) ?? '';
    return [...pathOf(textOf(fieldOf(category, 'parent_id')) ?? '', [...seen, id]), name].filter((each) => each !== '');
  };
  return new Map([...byId.keys()].map((id) => [id, pathOf(id, [])]));
}

/** A product’s SKUs as they can be bought; none of one that is off. */
export function goodsOf(product: JsonValue, paths: ReadonlyMap<string, readonly string[]>): UpstreamGoods[] {
  if (fieldOf(product, 'is_active') === false) return [];
  const productId = textOf(fieldOf(product, 'id')) ?? '';
  const productName = named(fieldOf(product, 'title')) ?? '';
  const inputFields = inputFieldsOf(fieldOf(product, 'manual_form_schema'));
  // what a person there delivers after a form is no card key (inferred: the interface has no word for it)
  const isTopUp = textOf(fieldOf(product, 'fulfillment_type')) === 'manual' && inputFields.length > 0;
  return (itemsOf(fieldOf(product, 'skus')) ?? [])
    .filter((sku) => fieldOf(sku, 'is_active') !== false)
    .map((sku) => ({
      goods: { product_id: productId, sku_id: textOf(fieldOf(sku, 'id')) ?? '' },
      categoryPath: paths.get(textOf(fieldOf(product, 'category_id')) ?? '') ?? [],
      productName,
      skuName: skuNameOf(sku) ?? productName,
      // what is no amount stays as it came: whoever imports it refuses it by name
      unitCost: textOf(fieldOf(sku, 'price_amount')) ?? '',
      stockCount: stockOf(sku),
      minQuantity: null,
      maxQuantity: null,
      goodsKind: isTopUp ? 'TOP_UP' : 'CARD_KEY',
      inputFields,
    }));
}

function skuNameOf(sku: JsonValue): string | null {
  const values = entriesOf(fieldOf(sku, 'spec_values')).flatMap(([, value]) => named(value) ?? []);
  if (values.length > 0) return values.join(' ');
  const code = textOf(fieldOf(sku, 'sku_code'));
  return code === null || code === '' || code === 'DEFAULT' ? null : code;
}

/** −1 and every other answer that is no count: it does not say. */
export function stockOf(sku: JsonValue): number | null {
  return countOf(fieldOf(sku, 'stock_quantity'));
}

/** A text, or one by language. */
function named(value: JsonValue | undefined): string | null {
  const plain = textOf(value);
  return plain ?? textByLanguage(entriesOf(value).map(([language, text]) => [language, textOf(text) ?? ''] as const));
}

function inputFieldsOf(schema: JsonValue | undefined): UpstreamInputField[] {
  return (itemsOf(fieldOf(schema, 'fields')) ?? []).flatMap((field) => {
    const name = textOf(fieldOf(field, 'key'));
    return name === null || name === ''
      ? []
      : [{ name, label: named(fieldOf(field, 'label')) ?? name, isRequired: fieldOf(field, 'required') === true }];
  });
}
