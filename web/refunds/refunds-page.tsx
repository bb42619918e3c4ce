import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { RefundRequestsDocument, type RefundRowFragment, RefundRowFragmentDoc } from '../gql/graphql.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Money } from '../parts/money.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { When } from '../parts/when.tsx';
import { DecideSheet, type Decision } from './decide-sheet.tsx';

/** Refunds that wait for the owner's decision, each with its answer as a button. */
export function RefundsPage() {
  const { t } = useTranslation();
  const { may } = useViewer();
  const [{ data, fetching, error }, refetch] = useQuery({ query: RefundRequestsDocument, requestPolicy: 'cache-and-network' });
  const [deciding, setDeciding] = useState<Decision | null>(null);
  const rows = data ? unmask(RefundRowFragmentDoc, data.refundRequests) : [];
  const answers = (row: RefundRowFragment) =>
    may('REFUNDS_DECIDE') && (
      <span className="row-actions">
        <Button
          size="small"
          onClick={() => setDeciding({ row, approve: false })}
          aria-label={`${t('refund.decline')} ${row.order.buyer.name}`}
        >
          {t('refund.decline')}
        </Button>
        <Button
          size="small"
          type="primary"
          onClick={() => setDeciding({ row, approve: true })}
          aria-label={`${t('refund.approve')} ${row.order.buyer.name}`}
        >
          {t('refund.approve')}
        </Button>
      </span>
    );
  const goods = (row: RefundRowFragment) => (
    <Link to={`/orders/${encodeURIComponent(row.order.id)}`}>
      {row.order.productName} {row.order.skuName} × {row.order.quantity}
    </Link>
  );
  return (
    <>
      <PageHead title={t('place.refunds')} summary={t('refund.lead2')} />
      {error && !data ? (
        <Failure error={error} retry={refetch} />
      ) : !data ? (
        fetching && <RowsSkeleton rows={4} columns={6} />
      ) : rows.length === 0 ? (
        <Empty icon="check" title={t('refund.none')} help={t('refund.noneHelp')} />
      ) : (
        <DataTable
          label={t('place.refunds')}
          rows={rows}
          rowKey={(row) => row.id}
          columns={[
            { key: 'goods', title: t('orders.goods'), render: goods },
            { key: 'buyer', title: t('orders.buyer'), render: (row) => row.order.buyer.name },
            { key: 'reason', title: t('reason'), render: (row) => row.reason },
            {
              key: 'keys',
              title: t('orders.keys'),
              wide: true,
              render: (row) => t('keys.seenCount', { seen: row.order.revealedCount, count: row.order.cardKeyCount }),
            },
            { key: 'amount', title: t('refund.amount'), align: 'right', render: (row) => <Money value={row.amount} /> },
            { key: 'at', title: t('refund.asked'), align: 'right', render: (row) => <When at={row.createdAt} /> },
            { key: 'answer', title: <span className="sr-only">{t('refund.answer')}</span>, align: 'right', width: 160, render: answers },
          ]}
          phone={(row) => (
            <>
              <div className="row-line">
                {goods(row)}
                <Money value={row.amount} />
              </div>
              <div className="row-line soft">
                <span className="row-clip">
                  {row.order.buyer.name} · {row.reason}
                </span>
                <When at={row.createdAt} />
              </div>
              {answers(row)}
            </>
          )}
        />
      )}
      {deciding && (
        <DecideSheet decision={deciding} close={() => setDeciding(null)} done={() => refetch({ requestPolicy: 'network-only' })} />
      )}
    </>
  );
}
