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
import { Bone, Failure } from '../parts/states.tsx';
import { UnitPrice } from './catalogue-page.tsx';
import { SkuName } from './sku-name.tsx';
import { StockMark } from './stock-mark.tsx';

const shownCount = 6;

/** What the buyer has ordered most often lately, each one tap away, price and stock live. */
export function OftenBought({ buy }: { buy: (sku: SkuRowFragment) => void }) {
  const { t } = useTranslation();
  const [{ data, error }, refetch] = useQuery({
    query: OftenBoughtDocument,
    variables: { first: shownCount },
    requestPolicy: 'cache-and-network',
  });
  return (
    <section className="often" aria-labelledby="often-title">
      <h2 id="often-title">{t('catalogue.often')}</h2>
      {data ? (
        <Goods rows={data.frequentSkus} buy={buy} />
      ) : error ? (
        <Failure error={error} retry={() => refetch({ requestPolicy: 'network-only' })} />
      ) : (
        <div className="often-grid" role="status" aria-label={t('loading')}>
          {Array.from({ length: shownCount }, (_, index) => (
            <Bone key={index} height={64} />
          ))}
        </div>
      )}
    </section>
  );
}

function Goods({ rows, buy }: { rows: OftenBoughtQuery['frequentSkus']; buy: (sku: SkuRowFragment) => void }) {
  const { t } = useTranslation();
  // what is no longer listed for the buyer cannot be bought again
  const goods = rows.flatMap(({ orderCount, sku }) => (sku ? [{ orderCount, sku: unmask(SkuRowFragmentDoc, sku) }] : []));
  if (goods.length === 0) return <p className="soft">{t('catalogue.oftenNone')}</p>;
  return (
    <div className="often-grid">
      {goods.map(({ orderCount, sku }) => {
        const offer = unmask(OfferPartsFragmentDoc, sku.offer);
        return (
          <button type="button" key={sku.id} className="often-item" disabled={Boolean(offer.notSellable)} onClick={() => buy(sku)}>
            <SkuName product={sku.product.name} name={sku.name} faceValue={sku.faceValue} />
            <span className="row-line">
              <StockMark offer={offer} />
              <UnitPrice sku={sku} />
            </span>
            <span className="soft often-count">{t('catalogue.oftenCount', { count: orderCount })}</span>
          </button>
        );
      })}
    </div>
  );
}
