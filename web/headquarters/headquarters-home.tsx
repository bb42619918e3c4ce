import { Segmented } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useSubscription } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { GmvPointPartsFragmentDoc, type GmvRange, GmvTotalsPartsFragmentDoc, PulseDocument } from '../gql/graphql.ts';
import { OrderStream } from '../orders/order-stream.tsx';
import { countText } from '../parts/amounts.ts';
import { Change } from '../parts/change.tsx';
import { Money } from '../parts/money.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Bone, Failure } from '../parts/states.tsx';
import { useUrlState } from '../parts/use-url-state.ts';
import { BestSellers } from './best-sellers.tsx';
import { GmvChart } from './gmv-chart.tsx';
import { GmvTree } from './gmv-tree.tsx';
import { Heartbeat } from './heartbeat.tsx';
import { useGmv } from './use-gmv.ts';
import './headquarters.css';

/** Headquarters' wall: what was sold today against yesterday at this hour, by whom, and the orders as they come. */
export function HeadquartersHome() {
  const { t } = useTranslation();
  const { networkName, timeZone } = useViewer();
  const [range, setRange] = useUrlState<GmvRange>('range', 'TODAY');
  const [beats, setBeats] = useState(0);
  const gmv = useGmv(range);
  const onEvents = (count: number) => {
    gmv.stir();
    setBeats((before) => before + count);
  };
  return (
    <>
      <PageHead
        title={networkName}
        summary={t('hq.zone', { zone: timeZone })}
        action={
          <Segmented<GmvRange>
            aria-label={t('hq.range')}
            value={range}
            onChange={setRange}
            options={(['TODAY', 'DAYS_7', 'DAYS_30', 'DAYS_60'] as const).map((value) => ({ value, label: t(`range.${value}`) }))}
          />
        }
      />
      {gmv.error ? <Failure error={gmv.error} retry={gmv.retry} /> : <Figures gmv={gmv} range={range} beats={beats} />}
      <div className="hq-grid">
        <div className="hq-stack">
          <section className="card flush">
            <h2 className="card-title">
              {t('hq.tree')} <span className="soft">{t('hq.treeHelp')}</span>
            </h2>
            {gmv.overview ? <GmvTree rows={gmv.overview.byChild} range={range} asOf={gmv.overview.asOf} /> : <Bone height={280} />}
          </section>
          <BestSellers range={range} />
        </div>
        <section className="card flush">
          <h2 className="card-title">
            {t('hq.stream')}
            <Link to="/orders">{t('all')}</Link>
          </h2>
          <OrderStream scope="DOWNLINE" first={14} seller onEvents={onEvents} />
        </section>
      </div>
    </>
  );
}

function Figures({ gmv, range, beats }: { gmv: ReturnType<typeof useGmv>; range: GmvRange; beats: number }) {
  const { t } = useTranslation();
  const [{ data }] = useSubscription({ query: PulseDocument });
  const pulse = data?.networkPulse;
  if (!gmv.overview)
    return (
      <section className="card hq-top" role="status" aria-label={t('loading')}>
        <div className="hq-figures">
          <Bone width={120} height={16} />
          <Bone width={320} height={48} />
          <Bone width={240} height={16} />
        </div>
        <Bone height={236} />
      </section>
    );
  const totals = unmask(GmvTotalsPartsFragmentDoc, gmv.overview.totals);
  const before = unmask(GmvTotalsPartsFragmentDoc, gmv.overview.comparison);
  return (
    <section className="card hq-top">
      <div className="hq-figures">
        <h2>{t(`hq.gmv.${range}`)}</h2>
        <div data-figure="gmv">
          <Money value={(range === 'TODAY' && pulse?.gmvToday) || totals.gmv} size="huge" />
        </div>
        <p className="hq-compare">
          <Change now={totals.gmv} before={before.gmv} />
          <span className="soft">
            {t(`hq.before.${range}`)} <Money value={before.gmv} />
          </span>
        </p>
        <dl className="hq-small">
          <dt>{t('hq.orders')}</dt>
          <dd>{countText(totals.orderCount)}</dd>
          <dt>{t('hq.quantity')}</dt>
          <dd>{countText(totals.quantity)}</dd>
          <dt>{t('orders.margin')}</dt>
          <dd>
            <Money value={totals.margin} />
          </dd>
          <dt>{t('hq.refunds')}</dt>
          <dd>
            <Money value={totals.refundTotal} /> <span className="soft">({countText(totals.refundCount)})</span>
          </dd>
        </dl>
        <Heartbeat beats={beats} />
      </div>
      <GmvChart points={unmask(GmvPointPartsFragmentDoc, gmv.overview.points)} range={range} asOf={gmv.overview.asOf} />
    </section>
  );
}
