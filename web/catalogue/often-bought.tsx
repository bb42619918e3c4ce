import { useTranslation } from 'react-i18next';
import { useQuery } from 'urql';
import { unmask } from '../gql/fragment-masking.ts';
import {
  OfferPartsFragmentDoc,
  OftenBoughtDocument,
  type OftenBoughtQuery,
  type SkuRowFragment,
  SkuRowFragmentDoc,
} from '../gql/graphql.ts';
import { UnitPrice } from './catalogue-page.tsx';
import { SkuName } from './sku-name.tsx';
import { StockMark } from './stock-mark.tsx';

const shownCount = 6;

/** What the buyer buys most among its last fifty orders, each one tap away, price and stock live. */
export function OftenBought({ buy }: { buy: (sku: SkuRowFragment) => void }) {
  const { t } = useTranslation();
  const [{ data }] = useQuery({ query: OftenBoughtDocument, variables: { first: 50 } });
  const skus = data ? mostBought(data) : [];
  if (skus.length === 0) return null;
  return (
    <section className="often" aria-labelledby="often-title">
      <h2 id="often-title">{t('catalogue.often')}</h2>
      <div className="often-grid">
        {skus.map((sku) => {
          const offer = unmask(OfferPartsFragmentDoc, sku.offer);
          return (
            <button type="button" key={sku.id} className="often-item" disabled={Boolean(offer.notSellable)} onClick={() => buy(sku)}>
              <SkuName product={sku.product.name} name={sku.name} faceValue={sku.faceValue} />
              <span className="row-line">
                <StockMark offer={offer} />
                <UnitPrice sku={sku} />
              </span>
            </button>
          );
        })}
      </div>
    </section>
  );
}

function mostBought(data: OftenBoughtQuery): SkuRowFragment[] {
  const counted = new Map<string, { sku: SkuRowFragment; count: number }>();
  for (const { node } of data.orders.edges) {
    if (!node.sku) continue;
    const sku = unmask(SkuRowFragmentDoc, node.sku);
    counted.set(sku.id, { sku, count: (counted.get(sku.id)?.count ?? 0) + 1 });
  }
  return [...counted.values()]
    .sort((a, b) => b.count - a.count)
    .slice(0, shownCount)
    .map((one) => one.sku);
}
