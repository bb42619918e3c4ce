import { Segmented } from 'antd';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useQuery } from 'urql';
import { AlertList } from '../alerts/alert-list.tsx';
import { useAlerts } from '../alerts/use-alerts.ts';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  GmvPointPartsFragmentDoc,
  type GmvRange,
  GmvTotalsPartsFragmentDoc,
  WalletFiguresDocument,
  WalletPartsFragmentDoc,
} from '../gql/graphql.ts';
import { BestSellers } from '../headquarters/best-sellers.tsx';
import { GmvChart } from '../headquarters/gmv-chart.tsx';
import { GmvTree } from '../headquarters/gmv-tree.tsx';
import { useGmv } from '../headquarters/use-gmv.ts';
import '../headquarters/headquarters.css';
import { OrderStream } from '../orders/order-stream.tsx';
import { Change } from '../parts/change.tsx';
import { Money } from '../parts/money.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Bone, Failure } from '../parts/states.tsx';
import { useUrlState } from '../parts/use-url-state.ts';

/** A sub-station owner's home: what was earned today, what can be spent, what is coming, and the downline at work. */
export function OwnerHome() {
  const { t } = useTranslation();
  const { party } = useViewer();
  const [range, setRange] = useUrlState<GmvRange>('range', 'TODAY');
  const [{ data }, refreshWallet] = useQuery({ query: WalletFiguresDocument, requestPolicy: 'cache-and-network' });
  const inbox = useAlerts();
  const gmv = useGmv(range, () => refreshWallet({ requestPolicy: 'network-only' }));
  const wallet = data?.station?.wallet ? unmask(WalletPartsFragmentDoc, data.station.wallet) : null;
  const totals = gmv.overview ? unmask(GmvTotalsPartsFragmentDoc, gmv.overview.totals) : null;
  const before = gmv.overview ? unmask(GmvTotalsPartsFragmentDoc, gmv.overview.comparison) : null;
  return (
    <>
      <PageHead
        title={party?.name ?? ''}
        action={
          <Segmented<GmvRange>
            aria-label={t('hq.range')}
            value={range}
            onChange={setRange}
            options={(['TODAY', 'DAYS_7', 'DAYS_30', 'DAYS_60'] as const).map((value) => ({ value, label: t(`range.${value}`) }))}
          />
        }
      />
      {gmv.error && <Failure error={gmv.error} retry={gmv.retry} />}
      <div className="figure-row">
        <section className="figure-card first">
          <h2>{t(`owner.margin.${range}`)}</h2>
          {totals && before ? (
            <>
              <Money value={totals.margin} size="large" />
              <p className="soft">
                <Change now={totals.margin} before={before.margin} /> {t(`hq.before.${range}`)} <Money value={before.margin} />
              </p>
            </>
          ) : (
            <Bone height={56} />
          )}
        </section>
        <section className="figure-card">
          <h2>{t('owner.volume')}</h2>
          {totals ? (
            <>
              <Money value={totals.gmv} size="large" />
              <p className="soft">{t('hq.ordersCount', { count: totals.orderCount })}</p>
            </>
          ) : (
            <Bone height={56} />
          )}
        </section>
        <section className="figure-card">
          <h2>
            <Link to="/wallet">{t('wallet.available')}</Link>
          </h2>
          {wallet ? <Money value={wallet.available} size="large" /> : <Bone height={28} />}
          <p className="soft">{t('owner.walletHelp')}</p>
        </section>
        <section className="figure-card">
          <h2>
            <Link to="/wallet?account=pending">{t('wallet.earningsPending')}</Link>
          </h2>
          {wallet ? <Money value={wallet.earningsPending} size="large" /> : <Bone height={28} />}
          <p className="soft">
            {t('wallet.earnings')} <Money value={wallet?.earnings} />
          </p>
        </section>
      </div>
      {inbox.allowed && (inbox.loading || inbox.error || inbox.count > 0) && (
        <section className="card flush alerts-card">
          <h2 className="card-title">{t('alerts.title')}</h2>
          <AlertList inbox={inbox} />
        </section>
      )}
      <section className="card">
        {gmv.overview ? (
          <GmvChart points={unmask(GmvPointPartsFragmentDoc, gmv.overview.points)} range={range} asOf={gmv.overview.asOf} />
        ) : (
          <Bone height={260} />
        )}
      </section>
      <div className="hq-grid">
        <div className="hq-stack">
          <section className="card flush">
            <h2 className="card-title">
              {t('owner.downline')}
              <Link to="/downline">{t('all')}</Link>
            </h2>
            {gmv.overview ? <GmvTree rows={gmv.overview.byChild} range={range} asOf={gmv.overview.asOf} /> : <Bone height={240} />}
          </section>
          <BestSellers range={range} />
        </div>
        <section className="card flush">
          <h2 className="card-title">
            {t('hq.stream')}
            <Link to="/orders">{t('all')}</Link>
          </h2>
          <OrderStream scope="DOWNLINE" first={10} seller onEvents={gmv.stir} />
        </section>
      </div>
    </>
  );
}
