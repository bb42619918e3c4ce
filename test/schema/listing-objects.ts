import { globalId } from '#schema/ids.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import { setBundleComponents } from '#server/flows/bundles.ts';
import { createCategory, createProduct, createSku } from '#server/flows/listing-drafts.ts';
import { inputFieldOf, problem } from '#server/listings/rules.ts';
import { writeChecks, writeVersions } from '#server/listings/sql.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import type { Objects } from './network.ts';

/** A category, a product with a draft, a bundle and a direct top-up of a station; its SKU on sale gets a version and a check that failed. */
export async function listingObjects(db: Database, owner: Viewer, skuId: string): Promise<Objects> {
  const { networkId } = owner;
  const category = await createCategory(db, owner, { name: 'Drafts', parentId: null });
  if (category.kind !== 'CATEGORY_CREATED') throw new Error(category.kind);
  const text = { name: 'Film pass', brand: null, description: 'Thirty days of films.', pictureUrl: null };
  const attributes = [{ name: 'platform', value: 'PC' }];
  const product = await createProduct(db, owner, { ...text, attributes, categoryId: category.categoryId });
  if (product.kind !== 'PRODUCT_CREATED') throw new Error(product.kind);
  const inputFields = [inputFieldOf({ name: 'server', kind: 'REGION', options: [{ value: '1', label: 'Asia' }] })];
  const draft = async (code: string, deliveryKind: 'FROM_STOCK' | 'BUNDLE') => {
    const quantities = { unitSize: 1, minQuantity: 1, maxQuantity: 10, quantityStep: 1 };
    const words = { code, name: code, scene: 'at home', faceValue: null, basePrice: '5.00' };
    const made = await createSku(db, owner, {
      ...words,
      ...quantities,
      deliveryKind,
      goodsKind: 'CARD_KEY',
      inputFields,
      productId: product.productId,
    });
    if (made.kind !== 'SKU_CREATED') throw new Error(made.kind);
    return made.skuId;
  };
  const [draftId, bundleId] = [await draft('draft', 'FROM_STOCK'), await draft('box', 'BUNDLE')];
  const components = [{ componentSkuId: skuId, quantity: 1, weight: 1 }];
  await setBundleComponents(db, owner, { skuId: bundleId, expectedVersion: 1, components, reason: '' });
  await inTransaction(db, async (tx) => {
    await writeVersions(tx, networkId, [skuId], { actorId: null, reason: 'as it was', onlyFirst: true });
    const found = [problem('BANNED_WORD', 'description', 'It holds a banned word: odd.')];
    await writeChecks(tx, networkId, { skuId, number: 1 }, [{ kind: 'CONTENT', state: 'FAILED', problems: found, facts: {} }]);
  });
  return {
    OwnCategory: globalId('Category', category.categoryId),
    OwnProduct: globalId('Product', product.productId),
    Draft: globalId('Sku', draftId),
    Bundle: globalId('Sku', bundleId),
    Listing: globalId('Listing', skuId),
    ListingPolicy: globalId('ListingPolicy', networkId),
  };
}
