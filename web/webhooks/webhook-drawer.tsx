import { App, Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useOutletContext, useParams } from 'react-router';
import { unmask } from '../gql/fragment-masking.ts';
import {
  DeleteWebhookDocument,
  DeliveryRowFragmentDoc,
  EndWebhookRotationDocument,
  RotateWebhookSecretDocument,
  TestWebhookDocument,
  UpdateWebhookDocument,
  WebhookDocument,
  type WebhookRowFragment,
  WebhookRowFragmentDoc,
} from '../gql/graphql.ts';
import { More } from '../parts/data-table.tsx';
import { DetailDrawer } from '../parts/detail-drawer.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.tsx';
import { usePages } from '../parts/use-pages.ts';
import { When } from '../parts/when.tsx';
import { DeliveryLog } from './delivery-log.tsx';
import { SecretSheet } from './secret-sheet.tsx';
import { WebhookStatus } from './webhook-status.tsx';

/** One webhook beside the list: how it fares, what it is told, what can be done, and its log. */
export function WebhookDrawer() {
  const { t } = useTranslation();
  const { webhookId = '' } = useParams();
  const pages = usePages({
    query: WebhookDocument,
    variables: { id: webhookId, first: 20 },
    connection: (data) => (data.node?.__typename === 'WebhookEndpoint' ? data.node.deliveries : null),
  });
  const node = pages.data?.node?.__typename === 'WebhookEndpoint' ? pages.data.node : null;
  return (
    <DetailDrawer title={t('webhooks.title')} parent="/webhooks" width={640}>
      {node ? (
        <article className="details-body">
          <Facts row={unmask(WebhookRowFragmentDoc, node)} document={node.document} />
          <Actions row={unmask(WebhookRowFragmentDoc, node)} changed={pages.refresh} />
          <section>
            <h3>{t('webhooks.log')}</h3>
            <DeliveryLog rows={unmask(DeliveryRowFragmentDoc, pages.nodes)} changed={pages.refresh} />
            <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
          </section>
        </article>
      ) : pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={6} columns={2} />
      ) : (
        <Empty icon="search" title={t('webhooks.notThere')} help={t('webhooks.notThereHelp')} />
      )}
    </DetailDrawer>
  );
}

function Facts({ row, document }: { row: WebhookRowFragment; document: string }) {
  const { t } = useTranslation();
  return (
    <>
      <header>
        <h2>{row.description || new URL(row.url).host}</h2>
        <p className="details-lead">
          <WebhookStatus row={row} />
        </p>
      </header>
      <dl className="pairs">
        <dt>{t('webhooks.url')}</dt>
        <dd className="row-clip">{row.url}</dd>
        <dt>{t('webhooks.lastSuccess')}</dt>
        <dd>{row.lastSuccessAt ? <When at={row.lastSuccessAt} /> : t('webhooks.never')}</dd>
        {row.failingSince && (
          <>
            <dt>{t('webhooks.failingSince')}</dt>
            <dd>
              <When at={row.failingSince} /> · {t('webhooks.failures', { count: row.failureCount })}
            </dd>
          </>
        )}
        {row.circuit !== 'CLOSED' && row.openUntil && (
          <>
            <dt>{t('webhooks.nextProbe')}</dt>
            <dd>
              <When at={row.openUntil} />
            </dd>
          </>
        )}
        <dt>{t('webhooks.pending')}</dt>
        <dd>{row.pendingCount}</dd>
        {row.previousSecretUntil && (
          <>
            <dt>{t('webhooks.rotating')}</dt>
            <dd>
              <When at={row.previousSecretUntil} />
            </dd>
          </>
        )}
      </dl>
      <details>
        <summary>{t('webhooks.document')}</summary>
        <pre className="webhook-code">{document}</pre>
      </details>
    </>
  );
}

/** How long after a test its outcome is looked for. */
const LOOK_AGAIN_MS = 1_500;

function Actions({ row, changed }: { row: WebhookRowFragment; changed: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [secret, setSecret] = useState<string | null>(null);
  const [deleting, setDeleting] = useState(false);
  const test = useAction(TestWebhookDocument, (data) => data.testWebhookEndpoint, 'WebhookDeliveryQueued');
  const update = useAction(UpdateWebhookDocument, (data) => data.updateWebhookEndpoint, 'WebhookEndpointUpdated');
  const rotate = useAction(RotateWebhookSecretDocument, (data) => data.rotateWebhookSecret, 'WebhookSecretRotated');
  const end = useAction(EndWebhookRotationDocument, (data) => data.endWebhookSecretRotation, 'WebhookSecretRotationEnded');
  const input = { webhookEndpointId: row.id, expectedVersion: row.version };
  const sendTest = async () => {
    if (!(await test.run({ input: { webhookEndpointId: row.id } }))) return;
    void message.success(t('webhooks.testSent'));
    changed();
    setTimeout(changed, LOOK_AGAIN_MS);
  };
  const newSecret = async () => setSecret((await rotate.run({ input }))?.secret ?? null);
  return (
    <>
      <div className="webhook-actions">
        <Button disabled={!row.isEnabled} loading={test.busy} onClick={() => void sendTest()}>
          {t('webhooks.test')}
        </Button>
        <Button loading={update.busy} onClick={() => void update.run({ input: { ...input, isEnabled: !row.isEnabled } })}>
          {t(row.isEnabled ? 'webhooks.disable' : 'webhooks.enable')}
        </Button>
        {row.previousSecretUntil ? (
          <Button loading={end.busy} onClick={() => void end.run({ input })}>
            {t('webhooks.endRotation')}
          </Button>
        ) : (
          <Button loading={rotate.busy} onClick={() => void newSecret()}>
            {t('webhooks.rotate')}
          </Button>
        )}
        <Button danger onClick={() => setDeleting(true)}>
          {t('webhooks.delete')}
        </Button>
      </div>
      {test.note}
      {update.note}
      {rotate.note}
      {end.note}
      {secret && <SecretSheet title={t('webhooks.rotated')} secret={secret} close={() => setSecret(null)} />}
      {deleting && <DeleteSheet row={row} close={() => setDeleting(false)} />}
    </>
  );
}

function DeleteSheet({ row, close }: { row: WebhookRowFragment; close: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const refreshList = useOutletContext<() => void>();
  const remove = useAction(DeleteWebhookDocument, (data) => data.deleteWebhookEndpoint, 'WebhookEndpointDeleted');
  const submit = async () => {
    if (!(await remove.run({ input: { webhookEndpointId: row.id, expectedVersion: row.version } }))) return;
    refreshList();
    void navigate('/webhooks');
  };
  return (
    <Sheet
      title={t('webhooks.deleteTitle', { name: row.description || new URL(row.url).host })}
      close={close}
      footer={
        <SheetAction danger busy={remove.busy} run={submit}>
          {t('webhooks.delete')}
        </SheetAction>
      }
    >
      <p>{t('webhooks.deleteHelp', { count: row.pendingCount })}</p>
      {remove.note}
    </Sheet>
  );
}
