import { useEffect, useEffectEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { useQuery } from 'urql';
import { SkuName } from '../catalogue/sku-name.tsx';
import { BestSellersDocument, type BestSellersQuery, type GmvRange } from '../gql/graphql.ts';
import { pixels } from '../parts/amounts.ts';
import { Money } from '../parts/money.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';

const shownCount = 8;
const againMs = 15_000;

/** What the station with its downline buys most of, and what it earns by it. The figures follow the orders by some seconds. */
export function BestSellers({ range }: { range: GmvRange }) {
  const { t } = useTranslation();
  const [{ data, error }, refetch] = useQuery({
    query: BestSellersDocument,
    variables: { range, first: shownCount },
    requestPolicy: 'cache-and-network',
  });
  const readAgain = useEffectEvent(() => refetch({ requestPolicy: 'network-only' }));
  useEffect(() => {
    const beat = setInterval(() => {
      if (!document.hidden) readAgain();
    }, againMs);
    return () => clearInterval(beat);
  }, []);
  return (
    <section className="card flush" aria-labelledby="best-title">
      <h2 id="best-title" className="card-title">
        {t('best.title')} <span className="soft">{t(`range.${range}`)}</span>
      </h2>
      {data ? (
        <Ranking rows={data.bestSellers} />
      ) : error ? (
        <Failure error={error} retry={() => refetch({ requestPolicy: 'network-only' })} />
      ) : (
        <RowsSkeleton rows={5} columns={3} />
      )}
    </section>
  );
}

function Ranking({ rows }: { rows: BestSellersQuery['bestSellers'] }) {
  const { t } = useTranslation();
  const widest = Math.max(1, ...rows.map(({ totals }) => pixels(totals.gmv)));
  if (rows.length === 0) return <Empty icon="box" title={t('best.none')} help={t('best.noneHelp')} />;
  return (
    <ol className="best">
      {rows.map(({ productName, skuName, sku, totals }, index) => (
        <li key={sku?.id ?? `${productName} ${skuName}`}>
          <span className="best-place">{index + 1}</span>
          <span className="best-what">
            <SkuName product={productName} name={skuName} />
            <span className="soft">
              {t('best.units', { count: totals.quantity })} · {t('best.earned')} <Money value={totals.margin} />
            </span>
            <span className="best-bar" aria-hidden="true">
              <i style={{ width: `${((pixels(totals.gmv) / widest) * 100).toFixed(1)}%` }} />
            </span>
          </span>
          <Money value={totals.gmv} />
        </li>
      ))}
    </ol>
  );
}
