import { useTranslation } from 'react-i18next';
import { Link, useOutletContext, useParams } from 'react-router';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { type AttemptDetailsFragment, AttemptDetailsFragmentDoc, AttemptDocument, AttemptRowFragmentDoc } from '../gql/graphql.ts';
import { CopyableId } from '../parts/copy.tsx';
import { DetailDrawer } from '../parts/detail-drawer.tsx';
import { Money } from '../parts/money.tsx';
import { Pairs } from '../parts/pairs.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { Status } from '../parts/status.tsx';
import { When } from '../parts/when.tsx';
import { AttemptActions } from './attempt-actions.tsx';
import { attemptsPath } from './attempt-path.ts';
import { AttemptStatus } from './attempt-status.tsx';
import { AttemptSteps } from './attempt-steps.tsx';
import './supply.css';

/** One purchase beside the list: what was asked of whom, what they answered, and what a person can do. */
export function AttemptDrawer() {
  const { t } = useTranslation('supply');
  const { attemptId = '' } = useParams();
  const { party } = useViewer();
  const refreshList = useOutletContext<(() => void) | null>();
  const [{ data, fetching, error }, retry] = useQuery({
    query: AttemptDocument,
    variables: { id: attemptId },
    requestPolicy: 'cache-and-network',
  });
  const attempt = data?.node?.__typename === 'PurchaseAttempt' ? unmask(AttemptDetailsFragmentDoc, data.node) : null;
  const changed = () => {
    retry({ requestPolicy: 'network-only' });
    refreshList?.();
  };
  return (
    <DetailDrawer title={t('attempts.title')} parent={attemptsPath(party)} width={640}>
      {attempt ? (
        <article className="details-body">
          <Facts attempt={attempt} />
          {party?.kind !== 'SUPPLIER' && <AttemptActions attempt={attempt} changed={changed} />}
          {attempt.keysHeldBefore && attempt.keysHeldBefore.length > 0 && <HeldBefore held={attempt.keysHeldBefore} />}
          <section>
            <h3>{t('attempts.steps')}</h3>
            <AttemptSteps attempt={attempt} />
          </section>
        </article>
      ) : error ? (
        <Failure error={error} retry={retry} />
      ) : fetching ? (
        <RowsSkeleton rows={6} columns={2} />
      ) : (
        <Empty icon="search" title={t('attempts.notThere')} help={t('attempts.notThereHelp')} />
      )}
    </DetailDrawer>
  );
}

function Facts({ attempt }: { attempt: AttemptDetailsFragment }) {
  const { t } = useTranslation('supply');
  const row = unmask(AttemptRowFragmentDoc, attempt);
  const number = t('attempts.number', { count: attempt.attemptNumber });
  const labels = new Map((attempt.order?.sku?.inputFields ?? []).map((field) => [field.name, field.label]));
  const facts = [
    [t('attempts.supplier'), attempt.accountName ? `${row.supplierName} · ${attempt.accountName}` : row.supplierName],
    [
      t('attempts.order'),
      row.order && (
        <Link key="order" to={`/orders/${encodeURIComponent(row.order.id)}`}>
          {row.order.buyer.name} · {number}
        </Link>
      ),
    ],
    [t('attempts.quoted'), <Money key="quoted" value={row.quotedCost} />],
    [t('attempts.limit'), attempt.costLimit && <Money key="limit" value={attempt.costLimit} />],
    [t('attempts.cost'), row.cost && <Money key="cost" value={row.cost} />],
    [t('attempts.upstreamRef'), attempt.upstreamRef && <CopyableId key="ref" id={attempt.upstreamRef} />],
    [t('attempts.requestKey'), <CopyableId key="key" id={attempt.requestKey} />],
    ...(attempt.order?.input ?? []).map(({ name, value }) => [labels.get(name) ?? name, <CopyableId key={name} id={value} />] as const),
  ] as const;
  return (
    <>
      <header>
        <h2>
          {row.productName} {row.skuName} <span className="soft">× {row.quantity}</span>
        </h2>
        <p className="details-lead">
          <AttemptStatus row={row} /> · {t(`attemptPurpose.${row.purpose}`)} · <When at={row.attentionSince ?? row.createdAt} />
        </p>
        {row.discrepancies.map((one) => (
          <Status key={one} tone="warn">
            {t(`discrepancy.${one}`)}
          </Status>
        ))}
        {attempt.outcomeMessage && <p className="quote">{attempt.outcomeMessage}</p>}
      </header>
      <Pairs facts={facts} />
    </>
  );
}

function HeldBefore({ held }: { held: NonNullable<AttemptDetailsFragment['keysHeldBefore']> }) {
  const { t } = useTranslation('supply');
  const { party, may } = useViewer();
  return (
    <section>
      <h3>{t('attempts.heldBefore')}</h3>
      <p className="soft">{t('attempts.heldBeforeHelp')}</p>
      <ul className="plain-list">
        {held.map(({ keyCount, notedAt, order, purchaseAttempt }) => (
          <li key={`${order?.id} ${purchaseAttempt?.id}`}>
            <span className="row-line">
              {order ? (
                <Link to={`/orders/${encodeURIComponent(order.id)}`}>{order.buyer.name}</Link>
              ) : may('ORDERS_READ') ? (
                t('attempts.heldByNobody')
              ) : (
                '—'
              )}
              <span>{t('attempts.heldKeys', { count: keyCount })}</span>
            </span>
            <span className="row-line soft">
              {purchaseAttempt ? (
                <Link to={`${attemptsPath(party)}/${encodeURIComponent(purchaseAttempt.id)}`}>
                  {t('attempts.broughtBy', { supplier: purchaseAttempt.supplierName })}
                </Link>
              ) : (
                t('attempts.broughtByImport')
              )}
              <When at={notedAt} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
