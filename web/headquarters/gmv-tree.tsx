import { useEffect, useEffectEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useQuery } from 'urql';
import { type FragmentType, unmask } from '../gql/fragment-masking.ts';
import { GmvChildrenDocument, type GmvRange, type StationGmvRowFragment, StationGmvRowFragmentDoc } from '../gql/graphql.ts';
import { changeShare, pixels } from '../parts/amounts.ts';
import { Change } from '../parts/change.tsx';
import { Icon } from '../parts/icon.tsx';
import { Money } from '../parts/money.tsx';
import { Bone, Empty, Failure } from '../parts/states.tsx';

type Rows = readonly FragmentType<typeof StationGmvRowFragmentDoc>[];

/** Sub-stations by volume, largest first, each to be opened down to its resellers. Width is volume; colour and word are change. */
export function GmvTree({ rows, range, asOf }: { rows: Rows; range: GmvRange; asOf: string }) {
  const { t } = useTranslation();
  const stations = unmask(StationGmvRowFragmentDoc, rows);
  if (stations.length === 0) return <Empty icon="tree" title={t('hq.noChildren')} help={t('hq.noChildrenHelp')} />;
  return (
    <ul className="gmv-tree" aria-label={t('hq.tree')}>
      <Branches rows={stations} widest={widestOf(stations)} depth={0} range={range} asOf={asOf} />
    </ul>
  );
}

function Branches({
  rows,
  widest,
  depth,
  range,
  asOf,
}: {
  rows: readonly StationGmvRowFragment[];
  widest: number;
  depth: number;
  range: GmvRange;
  asOf: string;
}) {
  const { t } = useTranslation();
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, 12);
  return (
    <>
      {shown.map((row) => (
        <Branch key={row.station.id} row={row} widest={widest} depth={depth} range={range} asOf={asOf} />
      ))}
      {shown.length < rows.length && (
        <li>
          <button type="button" className="tree-more" style={{ paddingInlineStart: 16 + depth * 20 }} onClick={() => setAll(true)}>
            {t('hq.others', { count: rows.length - shown.length })}
          </button>
        </li>
      )}
    </>
  );
}

function Branch({
  row,
  widest,
  depth,
  range,
  asOf,
}: {
  row: StationGmvRowFragment;
  widest: number;
  depth: number;
  range: GmvRange;
  asOf: string;
}) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const share = changeShare(row.totals.gmv, row.comparisonGmv) ?? 0;
  const width = widest === 0 ? 0 : (pixels(row.totals.gmv) / widest) * 100;
  return (
    <li>
      <div className="tree-row">
        <div className="tree-lead" style={{ paddingInlineStart: depth * 20 }}>
          {row.childCount > 0 ? (
            <button
              type="button"
              className={open ? 'tree-toggle open' : 'tree-toggle'}
              aria-expanded={open}
              aria-label={`${open ? t('hq.close') : t('hq.open')} ${row.station.name}`}
              onClick={() => setOpen(!open)}
            >
              <Icon name="chevron" size={14} />
            </button>
          ) : (
            <span className="tree-toggle" />
          )}
          <span className="tree-name">
            <Link to={`/downline/${encodeURIComponent(row.station.id)}`}>{row.station.name}</Link>
            <span className="soft">{t('hq.ordersCount', { count: row.totals.orderCount })}</span>
          </span>
        </div>
        <span className="tree-bar" aria-hidden="true">
          <i className={share > 0.0005 ? 'up' : share < -0.0005 ? 'down' : ''} style={{ width: `${width.toFixed(1)}%` }} />
        </span>
        <Money value={row.totals.gmv} />
        <Change now={row.totals.gmv} before={row.comparisonGmv} />
      </div>
      {open && (
        <ul>
          <Below stationId={row.station.id} widest={widest} depth={depth + 1} range={range} asOf={asOf} />
        </ul>
      )}
    </li>
  );
}

function Below({
  stationId,
  widest,
  depth,
  range,
  asOf,
}: {
  stationId: string;
  widest: number;
  depth: number;
  range: GmvRange;
  asOf: string;
}) {
  const { t } = useTranslation();
  const [{ data, error }, refetch] = useQuery({
    query: GmvChildrenDocument,
    variables: { range, stationId },
    requestPolicy: 'cache-and-network',
  });
  // When the whole moves, an open branch moves with it.
  const follow = useEffectEvent(() => refetch({ requestPolicy: 'network-only' }));
  useEffect(() => follow(), [asOf]);
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (!data)
    return (
      <li className="tree-row" aria-label={t('loading')}>
        <Bone height={14} width="80%" />
      </li>
    );
  return (
    <Branches rows={unmask(StationGmvRowFragmentDoc, data.gmvOverview.byChild)} widest={widest} depth={depth} range={range} asOf={asOf} />
  );
}

function widestOf(rows: readonly StationGmvRowFragment[]): number {
  return Math.max(0, ...rows.map((row) => pixels(row.totals.gmv)));
}
