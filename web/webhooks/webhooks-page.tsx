import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useNavigate } from 'react-router';
import { unmask } from '../gql/fragment-masking.ts';
import { type WebhookRowFragment, WebhookRowFragmentDoc, WebhooksDocument } from '../gql/graphql.ts';
import { DataTable, More } from '../parts/data-table.tsx';
import { Icon } from '../parts/icon.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { usePages } from '../parts/use-pages.ts';
import { When } from '../parts/when.tsx';
import { CreateWebhookSheet } from './create-webhook-sheet.tsx';
import { WebhookStatus } from './webhook-status.tsx';
import './webhooks.css';

/** Where programs are told of what happens, and how each of them fares. One opens beside the list with its log. */
export function WebhooksPage() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const [creating, setCreating] = useState(false);
  const pages = usePages({ query: WebhooksDocument, variables: { first: 20 }, connection: (data) => data.webhookEndpoints });
  const rows = unmask(WebhookRowFragmentDoc, pages.nodes);
  const topicsOf = (row: WebhookRowFragment) =>
    row.topics
      .map((topic) => (i18n.exists(`webhooks.topic.${topic}`) ? t(`webhooks.topic.${topic as 'orderUpdated'}`) : topic))
      .join(t('comma'));
  const create = (
    <Button type="primary" icon={<Icon name="plus" size={16} />} onClick={() => setCreating(true)}>
      {t('webhooks.create')}
    </Button>
  );
  const lastSuccess = (row: WebhookRowFragment) =>
    row.lastSuccessAt ? <When at={row.lastSuccessAt} /> : <span className="soft">{t('webhooks.never')}</span>;
  return (
    <>
      <PageHead title={t('place.webhooks')} summary={t('webhooks.lead')} action={create} />
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={4} columns={5} />
      ) : rows.length === 0 ? (
        <Empty icon="out" title={t('webhooks.none')} help={t('webhooks.noneHelp')} action={create} />
      ) : (
        <>
          <DataTable
            label={t('place.webhooks')}
            rows={rows}
            rowKey={(row) => row.id}
            rowClass={(row) => (row.isEnabled ? '' : 'muted')}
            open={(row) => void navigate(`/webhooks/${row.id}`)}
            columns={[
              { key: 'name', title: t('webhooks.name'), render: (row) => <Link to={`/webhooks/${row.id}`}>{nameOf(row)}</Link> },
              { key: 'url', title: t('webhooks.url'), wide: true, render: (row) => <span className="soft webhook-url">{row.url}</span> },
              { key: 'topics', title: t('webhooks.topics'), wide: true, render: topicsOf },
              { key: 'state', title: t('webhooks.state'), render: (row) => <WebhookStatus row={row} /> },
              { key: 'pending', title: t('webhooks.pending'), align: 'right', render: (row) => row.pendingCount },
              { key: 'failed', title: t('webhooks.failed'), align: 'right', wide: true, render: (row) => row.failedCount },
              { key: 'success', title: t('webhooks.lastSuccess'), align: 'right', render: lastSuccess },
            ]}
            phone={(row) => (
              <>
                <div className="row-line">
                  <span className="row-clip">{nameOf(row)}</span>
                  <WebhookStatus row={row} />
                </div>
                <div className="row-line soft">
                  <span className="row-clip">{topicsOf(row)}</span>
                  {lastSuccess(row)}
                </div>
              </>
            )}
          />
          <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
        </>
      )}
      {creating && <CreateWebhookSheet close={() => setCreating(false)} done={pages.refresh} />}
      <Outlet context={pages.refresh} />
    </>
  );
}

/** What people call a webhook, else where it leads. */
function nameOf({ description, url }: WebhookRowFragment): string {
  return description === '' ? new URL(url).host : description;
}
