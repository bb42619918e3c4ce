import { useTranslation } from 'react-i18next';
import { unmask } from '../gql/fragment-masking.ts';
import { AuditEntriesDocument, AuditRowFragmentDoc } from '../gql/graphql.ts';
import { CopyableId } from '../parts/copy.tsx';
import { DataTable, More } from '../parts/data-table.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { usePages } from '../parts/use-pages.ts';
import { When } from '../parts/when.tsx';

/** Who did what, newest first; nothing here can be changed. */
export function AuditPage() {
  const { t, i18n } = useTranslation();
  const pages = usePages({ query: AuditEntriesDocument, variables: { first: 50 }, connection: (data) => data.auditEntries });
  const action = (name: string) => (i18n.exists(`auditAction.${name}`) ? t(`auditAction.${name}` as 'place.audit') : name);
  return (
    <>
      <PageHead title={t('place.audit')} summary={t('audit.lead')} />
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={12} columns={4} />
      ) : pages.nodes.length === 0 ? (
        <Empty icon="log" title={t('audit.none')} help={t('audit.noneHelp')} />
      ) : (
        <>
          <DataTable
            label={t('place.audit')}
            rows={unmask(AuditRowFragmentDoc, pages.nodes)}
            rowKey={(row) => row.id}
            columns={[
              { key: 'action', title: t('audit.action'), render: (row) => action(row.action) },
              { key: 'actor', title: t('audit.actor'), render: (row) => row.actorName },
              {
                key: 'subject',
                title: t('audit.subject'),
                wide: true,
                render: (row) => (row.subjectId ? <CopyableId id={row.subjectId} /> : '—'),
              },
              { key: 'at', title: t('audit.at'), align: 'right', render: (row) => <When at={row.createdAt} /> },
            ]}
            phone={(row) => (
              <>
                <div className="row-line">
                  <span>{action(row.action)}</span>
                  <When at={row.createdAt} />
                </div>
                <div className="row-line soft">
                  <span>{row.actorName}</span>
                  {row.subjectId && <CopyableId id={row.subjectId} />}
                </div>
              </>
            )}
          />
          <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
        </>
      )}
    </>
  );
}
