import { Segmented } from 'antd';
import { useTranslation } from 'react-i18next';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { SkuName } from '../catalogue/sku-name.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  type ScorecardRowFragment,
  ScorecardRowFragmentDoc,
  ScorecardsDocument,
  type ScorecardWindow,
  SupplierListDocument,
  SupplierRowFragmentDoc,
} from '../gql/graphql.ts';
import { countText } from '../parts/amounts.ts';
import { Chips } from '../parts/chips.tsx';
import { DataTable } from '../parts/data-table.tsx';
import { Money } from '../parts/money.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Share } from '../parts/share.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { Status, type Tone } from '../parts/status.tsx';
import { useUrlState } from '../parts/use-url-state.ts';
import { Duration } from './offers-page.tsx';

const windows = ['HOURS_24', 'DAYS_7', 'DAYS_30'] as const;
/** What the trade holds itself to (domain §7), in basis points. */
const deliveredAt = 9_980;
const complainedAt = 100;

/** How suppliers did with each SKU: of an owner the suppliers one by one, of a supplier itself. */
export function ScorecardsPage() {
  const { t } = useTranslation('supply');
  const { party } = useViewer();
  const isSupplier = party?.kind === 'SUPPLIER';
  const [window, setWindow] = useUrlState<ScorecardWindow>('window', 'DAYS_30');
  const [chosen, setChosen] = useUrlState<string>('supplier', '');
  const [suppliers] = useQuery({ query: SupplierListDocument, pause: isSupplier });
  const known = suppliers.data ? unmask(SupplierRowFragmentDoc, suppliers.data.suppliers) : [];
  const supplierId = isSupplier ? (party?.id ?? '') : chosen || (known[0]?.id ?? '');
  const [{ data, error }, retry] = useQuery({
    query: ScorecardsDocument,
    variables: { window, supplierId },
    requestPolicy: 'cache-and-network',
    pause: supplierId === '',
  });
  const rows = data ? unmask(ScorecardRowFragmentDoc, data.supplyScorecards) : [];
  const isEmpty = data ? rows.length === 0 : !isSupplier && suppliers.data && known.length === 0;
  return (
    <>
      <PageHead
        title={t('place.scorecards')}
        summary={t('scorecards.lead')}
        action={
          <Segmented<ScorecardWindow>
            aria-label={t('hq.range')}
            value={window}
            onChange={setWindow}
            options={windows.map((value) => ({ value, label: t(`scorecards.window.${value}`) }))}
          />
        }
      />
      {!isSupplier && known.length > 1 && (
        <div className="filter">
          <Chips
            label={t('attempts.supplier')}
            value={supplierId}
            onChange={setChosen}
            options={known.map(({ id, name }) => ({ value: id, label: name }))}
          />
        </div>
      )}
      {error && !data ? (
        <Failure error={error} retry={retry} />
      ) : isEmpty ? (
        <Empty icon="scale" title={t('scorecards.none')} help={t('scorecards.noneHelp')} />
      ) : data ? (
        <ScorecardTable rows={rows} isOwner={!isSupplier} />
      ) : (
        <RowsSkeleton rows={6} columns={7} />
      )}
    </>
  );
}

function ScorecardTable({ rows, isOwner }: { rows: readonly ScorecardRowFragment[]; isOwner: boolean }) {
  const { t } = useTranslation('supply');
  const goods = (row: ScorecardRowFragment) => <SkuName product={row.productName} name={row.skuName} />;
  const success = (row: ScorecardRowFragment) => <Judged bps={row.successBps} tone={(bps) => (bps >= deliveredAt ? 'good' : 'warn')} />;
  const complaints = (row: ScorecardRowFragment) => <Judged bps={row.complaintBps} tone={(bps) => (bps < complainedAt ? 'good' : 'bad')} />;
  return (
    <DataTable
      label={t('place.scorecards')}
      rows={rows}
      rowKey={(row) => `${row.productName} ${row.skuName} ${row.supplier?.id}`}
      columns={[
        { key: 'goods', title: t('attempts.goods'), render: goods },
        { key: 'success', title: t('scorecards.success'), align: 'right', render: success },
        {
          key: 'time',
          title: t('scorecards.time'),
          align: 'right',
          render: (row) => (
            <>
              <Duration seconds={row.p50Seconds} /> <span className="soft">/ </span>
              <Duration seconds={row.p99Seconds} />
            </>
          ),
        },
        { key: 'unknown', title: t('scorecards.unknown'), align: 'right', wide: true, render: (row) => <Share bps={row.unknownBps} /> },
        { key: 'complaints', title: t('scorecards.complaints'), align: 'right', render: complaints },
        { key: 'orders', title: t('hq.orders'), align: 'right', wide: true, render: (row) => countText(row.orderCount) },
        ...(isOwner
          ? [
              {
                key: 'share',
                title: t('scorecards.share'),
                align: 'right' as const,
                wide: true,
                render: (row: ScorecardRowFragment) => <Share bps={row.shareBps} />,
              },
              {
                key: 'price',
                title: t('scorecards.price'),
                align: 'right' as const,
                wide: true,
                render: (row: ScorecardRowFragment) => <Share bps={row.priceBps} />,
              },
              {
                key: 'gmv',
                title: t('hq.gmvWord'),
                align: 'right' as const,
                render: (row: ScorecardRowFragment) => <Money value={row.gmv} />,
              },
              {
                key: 'return',
                title: t('scorecards.return'),
                align: 'right' as const,
                render: (row: ScorecardRowFragment) => <Share bps={row.returnBps} />,
              },
            ]
          : [
              {
                key: 'cost',
                title: t('wallet.amount'),
                align: 'right' as const,
                render: (row: ScorecardRowFragment) => <Money value={row.boughtCost} />,
              },
            ]),
      ]}
      phone={(row) => (
        <>
          <div className="row-line">
            {goods(row)}
            {isOwner ? <Money value={row.gmv} /> : <Money value={row.boughtCost} />}
          </div>
          <div className="row-line soft">
            <span>
              {t('scorecards.success')} {success(row)}
            </span>
            <span>
              {t('scorecards.complaints')} {complaints(row)}
            </span>
          </div>
        </>
      )}
    />
  );
}

function Judged({ bps, tone }: { bps: number | null | undefined; tone: (bps: number) => Tone }) {
  const { i18n } = useTranslation();
  if (bps === null || bps === undefined) return <span className="soft">—</span>;
  return (
    <Status tone={tone(bps)}>
      {new Intl.NumberFormat(i18n.language, { style: 'percent', maximumFractionDigits: 2 }).format(bps / 10_000)}
    </Status>
  );
}
