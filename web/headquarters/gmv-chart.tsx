import { Button } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import type { GmvPointPartsFragment, GmvRange } from '../gql/graphql.ts';
import { countText, pixels } from '../parts/amounts.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Money } from '../parts/money.tsx';
import { Bone } from '../parts/states.tsx';

const LineChart = lazy(async () => ({ default: (await import('./line-chart.tsx')).LineChart }));

/** The period as a line over zero, the one before in grey, and the same numbers as a table. */
export function GmvChart({ points, range, asOf }: { points: readonly GmvPointPartsFragment[]; range: GmvRange; asOf: string }) {
  const { t } = useTranslation();
  const label = usePointLabel(range);
  const [table, setTable] = useState(false);
  const end = Date.parse(asOf);
  return (
    <figure className="chart">
      <figcaption>
        <span>{t(`hq.chart.${range}`)}</span>
        <Button type="link" size="small" aria-pressed={table} onClick={() => setTable(!table)}>
          {table ? t('hq.asChart') : t('hq.asTable')}
        </Button>
      </figcaption>
      {table ? (
        <div className="chart-table">
          <DataTable
            dense
            label={t(`hq.chart.${range}`)}
            rows={points}
            rowKey={(point) => point.start}
            columns={[
              { key: 'start', title: t('hq.time'), render: (point) => label(point.start) },
              { key: 'gmv', title: t('hq.gmvWord'), align: 'right', render: (point) => <Money value={point.gmv} /> },
              { key: 'before', title: t(`hq.before.${range}`), align: 'right', render: (point) => <Money value={point.comparisonGmv} /> },
              { key: 'orders', title: t('hq.orders'), align: 'right', render: (point) => countText(point.orderCount) },
              { key: 'refunds', title: t('hq.refunds'), align: 'right', render: (point) => <Money value={point.refundTotal} /> },
            ]}
            phone={(point) => (
              <div className="row-line">
                <span>{label(point.start)}</span>
                <Money value={point.gmv} />
              </div>
            )}
          />
        </div>
      ) : (
        <Suspense fallback={<Bone height={236} />}>
          <LineChart
            labels={points.map((point) => label(point.start))}
            now={points.map((point) => (Date.parse(point.start) > end ? null : pixels(point.gmv)))}
            before={points.map((point) => pixels(point.comparisonGmv))}
            nowName={t(`range.${range}`)}
            beforeName={t(`hq.beforeShort.${range}`)}
          />
        </Suspense>
      )}
    </figure>
  );
}

function usePointLabel(range: GmvRange): (start: string) => string {
  const { i18n } = useTranslation();
  const { timeZone } = useViewer();
  const format = new Intl.DateTimeFormat(
    i18n.language,
    range === 'TODAY' ? { hour: '2-digit', minute: '2-digit', hour12: false, timeZone } : { month: 'numeric', day: 'numeric', timeZone },
  );
  return (start) => format.format(Date.parse(start)).replace(/^24/, '00');
}
