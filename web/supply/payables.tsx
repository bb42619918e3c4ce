import { useTranslation } from 'react-i18next';
import type { SupplierEntryRowFragment, SupplierMoneyFragment } from '../gql/graphql.ts';
import { pixels } from '../parts/amounts.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Figure } from '../parts/figure.tsx';
import { Money } from '../parts/money.tsx';
import { dayText, When } from '../parts/when.tsx';

/** What a supplier is owed, and its deposit. */
export function PayableFigures({ money: { payables, deposit } }: { money: SupplierMoneyFragment }) {
  const { t } = useTranslation('supply');
  if (!payables || !deposit) return <p className="soft">{t('payables.hidden')}</p>;
  return (
    <div className="figure-row">
      <Figure large label={t('payables.payable')} value={payables.payable} note={t('payables.payableHelp')} />
      <Figure
        label={t('payables.pending')}
        value={payables.pending}
        note={
          pixels(payables.pastDue) > 0 ? (
            <>
              {t('payables.pastDue')} <Money value={payables.pastDue} />
            </>
          ) : (
            t('payables.pendingHelp')
          )
        }
      />
      <Figure label={t('payables.deposit')} value={deposit} note={t('payables.depositHelp')} />
    </div>
  );
}

/** What falls due on which day: a bar each, as long as its amount. */
export function Upcoming({ money }: { money: SupplierMoneyFragment }) {
  const { t, i18n } = useTranslation('supply');
  const upcoming = money.payables?.upcoming ?? [];
  if (upcoming.length === 0) return null;
  const most = Math.max(...upcoming.map(({ amount }) => Math.abs(pixels(amount))));
  return (
    <section className="card">
      <h2 className="card-title">{t('payables.upcoming')}</h2>
      <ul className="bars">
        {upcoming.map(({ dueOn, amount }) => (
          <li key={dueOn}>
            <span>{dayText(dueOn, i18n.language)}</span>
            <span className="bar" aria-hidden="true">
              <i style={{ width: `${most === 0 ? 0 : (Math.abs(pixels(amount)) / most) * 100}%` }} />
            </span>
            <Money value={amount} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Every posting of a supplier's accounts. */
export function EntryTable({ rows }: { rows: readonly SupplierEntryRowFragment[] }) {
  const { t, i18n } = useTranslation('supply');
  const due = (row: SupplierEntryRowFragment) => (row.dueOn ? dayText(row.dueOn, i18n.language) : '—');
  return (
    <DataTable
      label={t('wallet.statement')}
      rows={rows}
      rowKey={(row) => `${row.createdAt} ${row.account} ${row.orderRef} ${row.amount.amount}`}
      columns={[
        { key: 'reason', title: t('wallet.reason'), render: (row) => t(`postingReason.${row.reason}`) },
        { key: 'account', title: t('wallet.account'), render: (row) => <span className="soft">{t(`accountKind.${row.account}`)}</span> },
        {
          key: 'note',
          title: t('payables.note'),
          wide: true,
          render: (row) => <span className="soft">{row.note || row.attemptRef || '—'}</span>,
        },
        { key: 'due', title: t('wallet.dueOn'), wide: true, align: 'right', render: (row) => <span className="soft">{due(row)}</span> },
        { key: 'amount', title: t('wallet.amount'), align: 'right', render: (row) => <Money value={row.amount} signed /> },
        { key: 'at', title: t('wallet.at'), align: 'right', render: (row) => <When at={row.createdAt} /> },
      ]}
      phone={(row) => (
        <>
          <div className="row-line">
            <span>
              {t(`postingReason.${row.reason}`)} <span className="soft">· {t(`accountKind.${row.account}`)}</span>
            </span>
            <Money value={row.amount} signed />
          </div>
          <div className="row-line soft">
            <span className="row-clip">{row.note || row.attemptRef || due(row)}</span>
            <When at={row.createdAt} />
          </div>
        </>
      )}
    />
  );
}
