import { Alert, Select } from 'antd';
import type { TFunction } from 'i18next';
import { useEffect, useEffectEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useQuery } from 'urql';
import { unmask } from '../gql/fragment-masking.ts';
import {
  type AccountChoiceFragment,
  AccountChoiceFragmentDoc,
  type ApplyImportMutation,
  ImportAccountsDocument,
  type ImportHeadFragment,
  ImportHeadFragmentDoc,
  ImportItemRowFragmentDoc,
  ImportPreviewDocument,
  type UpstreamImportChange,
} from '../gql/graphql.ts';
import { Chips } from '../parts/chips.tsx';
import { More } from '../parts/data-table.tsx';
import { Field } from '../parts/field.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { usePages } from '../parts/use-pages.ts';
import { useUrlState } from '../parts/use-url-state.ts';
import { When } from '../parts/when.tsx';
import { ImportApply } from './import-apply.tsx';
import { ImportTable } from './import-table.tsx';
import { PreviewForm } from './preview-form.tsx';
import './supply.css';

const changes = ['NEW', 'OFFER_ADDED', 'COST_CHANGED', 'UNCHANGED', 'SKIPPED'] as const;
/** How often a preview is looked for while the upstream is asked. */
const LOOK_AGAIN_MS = 1_000;

/** What came of importing. */
export type Applied = Extract<ApplyImportMutation['applyUpstreamImport'], { __typename: 'UpstreamImportApplied' }>;

/** Importing an upstream's catalogue: which account, on what terms, what it would do, and then just that. */
export function ImportPage() {
  const { t } = useTranslation('supply');
  const [accountId, setAccountId] = useUrlState<string>('account', '');
  const [{ data, fetching, error }, retry] = useQuery({ query: ImportAccountsDocument, requestPolicy: 'cache-and-network' });
  const all = unmask(AccountChoiceFragmentDoc, data?.supplyAccounts.edges.map(({ node }) => node) ?? []);
  const accounts = all.filter(({ kind, isEnabled }) => kind !== 'MANUAL' && isEnabled);
  const account = accounts.find(({ id }) => id === accountId);
  return (
    <>
      <PageHead title={t('place.imports')} summary={t('imports.lead')} />
      {error ? (
        <Failure error={error} retry={retry} />
      ) : fetching && !data ? (
        <RowsSkeleton rows={8} columns={6} />
      ) : accounts.length === 0 ? (
        <Empty
          icon="plug"
          title={t('imports.noAccount')}
          help={t('imports.noAccountHelp')}
          action={<Link to="/supply/accounts">{t('place.accounts')}</Link>}
        />
      ) : (
        <>
          <div className="import-account">
            <Field label={t('attempts.account')}>
              {(id) => (
                <Select
                  id={id}
                  className="full"
                  placeholder={t('imports.choose')}
                  value={account?.id}
                  onChange={setAccountId}
                  options={accounts.map((one) => ({
                    value: one.id,
                    label: `${one.supplier?.name ?? ''} · ${one.name} · ${t(`connector.${one.kind}`)}`,
                  }))}
                />
              )}
            </Field>
          </div>
          {account ? (
            <Preview key={account.id} account={account} />
          ) : (
            <Empty icon="plug" title={t('imports.choose')} help={t('imports.chooseHelp')} />
          )}
        </>
      )}
    </>
  );
}

function Preview({ account }: { account: AccountChoiceFragment }) {
  const { t } = useTranslation('supply');
  const [filter, setFilter] = useUrlState<UpstreamImportChange | 'all'>('change', 'all');
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [applied, setApplied] = useState<Applied | null>(null);
  const pages = usePages({
    query: ImportPreviewDocument,
    variables: { accountId: account.id, change: filter === 'all' ? null : filter, first: 50 },
    connection: (data) => data.upstreamImport?.items,
  });
  const head = pages.data?.upstreamImport ? unmask(ImportHeadFragmentDoc, pages.data.upstreamImport) : null;
  const isPending = head?.state === 'PENDING';
  const lookAgain = useEffectEvent(() => pages.refresh());
  useEffect(() => {
    if (!isPending) return;
    const timer = setInterval(() => lookAgain(), LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [isPending]);
  const asked = () => {
    setPicked(new Set());
    setApplied(null);
    pages.refresh();
  };
  const rows = unmask(ImportItemRowFragmentDoc, pages.nodes);
  if (pages.error) return <Failure error={pages.error} retry={pages.refresh} />;
  if (!pages.data) return <RowsSkeleton rows={8} columns={6} />;
  return (
    <>
      <PreviewForm account={account} before={head} asked={asked} />
      {!head ? (
        <Empty icon="list" title={t('imports.none')} help={t('imports.noneHelp')} />
      ) : isPending ? (
        <>
          <p className="soft" role="status">
            {t('imports.asking', { name: account.name })}
          </p>
          <RowsSkeleton rows={8} columns={6} />
        </>
      ) : head.state === 'FAILED' ? (
        <Alert className="refusal" type="error" role="alert" title={t('imports.failed')} description={head.failure ?? ''} />
      ) : (
        <>
          {applied && <Result applied={applied} />}
          <div className="section-head">
            <h2>
              {t('imports.preview', { number: head.number })}{' '}
              <span className="soft import-when">
                <When at={head.listedAt ?? head.createdAt} />
              </span>
            </h2>
            <Chips label={t('imports.what')} value={filter} onChange={setFilter} options={chipsOf(head, t)} />
          </div>
          {rows.length === 0 ? (
            <Empty icon="check" title={t('imports.nothing')} />
          ) : (
            <>
              <ImportTable rows={rows} picked={picked} pick={setPicked} preview={head} account={account} asked={asked} />
              <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
            </>
          )}
          <ImportApply
            preview={head}
            picked={picked}
            done={(answer) => {
              setApplied(answer);
              setPicked(new Set());
              pages.refresh();
            }}
          />
        </>
      )}
    </>
  );
}

function chipsOf({ counts }: ImportHeadFragment, t: TFunction<'supply'>) {
  const countOf = new Map(counts.map(({ change, count }) => [change, count]));
  return [
    { value: 'all' as const, label: t('imports.filterAll', { count: [...countOf.values()].reduce((sum, count) => sum + count, 0) }) },
    ...changes
      .filter((change) => countOf.has(change))
      .map((value) => ({ value, label: `${t(`imports.change.${value}`)} ${countOf.get(value) ?? 0}` })),
  ];
}

/** What was done, what had been done before, and what was left because somebody changed it meanwhile. */
function Result({ applied }: { applied: Applied }) {
  const { t } = useTranslation('supply');
  return (
    <Alert
      className="refusal"
      type={applied.changedSinceCount > 0 ? 'warning' : 'success'}
      role="status"
      title={t('imports.done', { count: applied.appliedCount })}
      description={
        <>
          {applied.appliedBeforeCount > 0 && <p>{t('imports.doneBefore', { count: applied.appliedBeforeCount })}</p>}
          {applied.changedSinceCount > 0 && <p>{t('imports.changedSince', { count: applied.changedSinceCount })}</p>}
          <Link to="/supply/listings?show=draft">{t('imports.toDrafts')}</Link>
        </>
      }
    />
  );
}
