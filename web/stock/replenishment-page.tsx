import { App, Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { SkuName } from '../catalogue/sku-name.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  ApproveReplenishmentDocument,
  DeclineReplenishmentDocument,
  type ReplenishmentRowFragment,
  ReplenishmentRowFragmentDoc,
  type ReplenishmentState,
  ReplenishmentsDocument,
} from '../gql/graphql.ts';
import { countText } from '../parts/amounts.ts';
import { Chips } from '../parts/chips.tsx';
import { DataTable, More } from '../parts/data-table.tsx';
import { Money } from '../parts/money.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ReasonField } from '../parts/reason-field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { Status, type Tone } from '../parts/status.tsx';
import { useAction } from '../parts/use-action.tsx';
import { usePages } from '../parts/use-pages.ts';
import { useUrlState } from '../parts/use-url-state.ts';
import { When } from '../parts/when.tsx';

const tones: Record<ReplenishmentState, Tone> = { WAITING: 'warn', PURCHASING: 'busy', DONE: 'good', FAILED: 'bad', DECLINED: 'quiet' };
const filters = ['WAITING', 'all'] as const;

/** Stock that is bought by rule: what waits for an approval, each with its answer as a button, and all that was bought. */
export function ReplenishmentPage() {
  const { t } = useTranslation('supply');
  const [filter, setFilter] = useUrlState<(typeof filters)[number]>('show', 'WAITING');
  const pages = usePages({
    query: ReplenishmentsDocument,
    variables: { state: filter === 'all' ? null : filter, first: 50 },
    connection: (data) => data.replenishments,
  });
  const rows = unmask(ReplenishmentRowFragmentDoc, pages.nodes);
  return (
    <>
      <PageHead title={t('place.replenish')} summary={t('replenish.lead')} />
      <div className="filter">
        <Chips
          label={t('attempts.filter')}
          value={filter}
          onChange={setFilter}
          options={filters.map((value) => ({ value, label: t(`replenish.filters.${value}`) }))}
        />
      </div>
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={6} columns={6} />
      ) : rows.length === 0 ? (
        <Empty icon="box" title={t('replenish.none')} help={t('replenish.noneHelp')} />
      ) : (
        <>
          <ReplenishmentTable rows={rows} changed={pages.refresh} />
          <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
        </>
      )}
    </>
  );
}

function ReplenishmentTable({ rows, changed }: { rows: readonly ReplenishmentRowFragment[]; changed: () => void }) {
  const { t } = useTranslation('supply');
  const goods = (row: ReplenishmentRowFragment) => <SkuName product={row.sku.product.name} name={row.sku.name} />;
  const state = (row: ReplenishmentRowFragment) => <Status tone={tones[row.state]}>{t(`replenishmentState.${row.state}`)}</Status>;
  return (
    <DataTable
      label={t('place.replenish')}
      rows={rows}
      rowKey={(row) => row.id}
      columns={[
        { key: 'goods', title: t('attempts.goods'), render: goods },
        { key: 'state', title: t('attempts.state'), render: state },
        { key: 'supplier', title: t('attempts.supplier'), render: (row) => row.supplier?.name ?? '—' },
        { key: 'left', title: t('replenish.left'), align: 'right', wide: true, render: (row) => countText(row.availableCount) },
        { key: 'quantity', title: t('replenish.quantity'), align: 'right', render: (row) => countText(row.quantity) },
        { key: 'cost', title: t('attempts.quoted'), align: 'right', render: (row) => <Money value={row.cost ?? row.quotedCost} /> },
        { key: 'at', title: t('attempts.created'), align: 'right', wide: true, render: (row) => <When at={row.createdAt} /> },
        {
          key: 'answer',
          title: <span className="sr-only">{t('refund.answer')}</span>,
          align: 'right',
          render: (row) => <Answer row={row} changed={changed} />,
        },
      ]}
      phone={(row) => (
        <>
          <div className="row-line">
            {goods(row)}
            <Money value={row.cost ?? row.quotedCost} />
          </div>
          <div className="row-line soft">
            {state(row)}
            <span className="row-clip">
              {row.supplier?.name} × {row.quantity}
            </span>
          </div>
          <Answer row={row} changed={changed} />
        </>
      )}
    />
  );
}

function Answer({ row, changed }: { row: ReplenishmentRowFragment; changed: () => void }) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const { message } = App.useApp();
  const [declining, setDeclining] = useState(false);
  const approve = useAction(ApproveReplenishmentDocument, (data) => data.approveReplenishment, 'ReplenishmentApproved');
  if (row.state !== 'WAITING' || !may('SUPPLY_MANAGE')) return null;
  const submit = async () => {
    if (!(await approve.run({ input: { replenishmentId: row.id } }))) return;
    void message.success(t('replenish.approved'));
    changed();
  };
  return (
    <>
      <span className="row-actions">
        <Button size="small" onClick={() => setDeclining(true)}>
          {t('replenish.decline')}
        </Button>
        <Button size="small" type="primary" loading={approve.busy} onClick={() => void submit()}>
          {t('replenish.approve')}
        </Button>
      </span>
      {approve.note}
      {declining && <DeclineSheet row={row} close={() => setDeclining(false)} changed={changed} />}
    </>
  );
}

function DeclineSheet({ row, close, changed }: { row: ReplenishmentRowFragment; close: () => void; changed: () => void }) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const [reason, setReason] = useState('');
  const decline = useAction(DeclineReplenishmentDocument, (data) => data.declineReplenishment, 'ReplenishmentDeclined');
  const submit = async () => {
    if (!(await decline.run({ input: { replenishmentId: row.id, reason: reason.trim() } }))) return;
    void message.success(t('replenish.declined'));
    changed();
    close();
  };
  return (
    <Sheet
      title={t('replenish.declineTitle', { goods: row.sku.name })}
      close={close}
      footer={
        <SheetAction danger disabled={reason.trim() === ''} busy={decline.busy} run={submit}>
          {t('replenish.decline')}
        </SheetAction>
      }
    >
      <ReasonField value={reason} onChange={setReason} />
      {decline.note}
    </Sheet>
  );
}
