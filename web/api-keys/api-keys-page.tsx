import { App, Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMutation, useQuery } from 'urql';
import { unmask } from '../gql/fragment-masking.ts';
import { type ApiKeyRowFragment, ApiKeyRowFragmentDoc, ApiKeysDocument, RevokeApiKeyDocument } from '../gql/graphql.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Icon } from '../parts/icon.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { Status } from '../parts/status.tsx';
import { When } from '../parts/when.tsx';
import { CreateKeySheet } from './create-key-sheet.tsx';

/** Keys for programs: what each may do, when it was last used, and an end to it. */
export function ApiKeysPage() {
  const { t } = useTranslation();
  const [{ data, fetching, error }, refetch] = useQuery({ query: ApiKeysDocument, requestPolicy: 'cache-and-network' });
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<ApiKeyRowFragment | null>(null);
  const rows = data ? unmask(ApiKeyRowFragmentDoc, data.apiKeys) : [];
  const create = (
    <Button type="primary" icon={<Icon name="plus" size={16} />} onClick={() => setCreating(true)}>
      {t('apiKeys.create')}
    </Button>
  );
  const revoke = (row: ApiKeyRowFragment) =>
    !row.revokedAt && (
      <Button size="small" danger onClick={() => setRevoking(row)} aria-label={`${t('apiKeys.revoke')} ${row.name}`}>
        {t('apiKeys.revoke')}
      </Button>
    );
  return (
    <>
      <PageHead title={t('place.apiKeys')} summary={t('apiKeys.lead')} action={create} />
      {error && !data ? (
        <Failure error={error} retry={refetch} />
      ) : !data ? (
        fetching && <RowsSkeleton rows={4} columns={5} />
      ) : rows.length === 0 ? (
        <Empty icon="key" title={t('apiKeys.none')} help={t('apiKeys.noneHelp')} action={create} />
      ) : (
        <DataTable
          label={t('place.apiKeys')}
          rows={rows}
          rowKey={(row) => row.id}
          rowClass={(row) => (row.revokedAt ? 'muted' : '')}
          columns={[
            { key: 'name', title: t('apiKeys.name'), render: (row) => row.name },
            { key: 'prefix', title: t('apiKeys.prefix'), render: (row) => <code>{row.prefix}…</code> },
            { key: 'state', title: t('orders.state'), render: (row) => <KeyState row={row} /> },
            {
              key: 'scopes',
              title: t('apiKeys.scopes'),
              wide: true,
              render: (row) => (
                <span className="soft scope-list">{row.permissions.map((one) => t(`permission.${one}`)).join(t('comma'))}</span>
              ),
            },
            {
              key: 'used',
              title: t('apiKeys.used'),
              align: 'right',
              render: (row) => (row.lastUsedAt ? <When at={row.lastUsedAt} /> : <span className="soft">{t('apiKeys.never')}</span>),
            },
            {
              key: 'expires',
              title: t('apiKeys.expires'),
              align: 'right',
              wide: true,
              render: (row) => (row.expiresAt ? <ExpiryDate at={row.expiresAt} /> : <span className="soft">{t('apiKeys.noExpiry')}</span>),
            },
            { key: 'revoke', title: <span className="sr-only">{t('apiKeys.revoke')}</span>, align: 'right', width: 90, render: revoke },
          ]}
          phone={(row) => (
            <>
              <div className="row-line">
                <span className="row-clip">
                  {row.name} <code className="soft">{row.prefix}…</code>
                </span>
                {revoke(row)}
              </div>
              <div className="row-line soft">
                <KeyState row={row} />
                {row.lastUsedAt ? <When at={row.lastUsedAt} /> : t('apiKeys.never')}
              </div>
            </>
          )}
        />
      )}
      {creating && <CreateKeySheet close={() => setCreating(false)} done={() => refetch({ requestPolicy: 'network-only' })} />}
      {revoking && <RevokeSheet row={revoking} close={() => setRevoking(null)} />}
    </>
  );
}

function KeyState({ row }: { row: ApiKeyRowFragment }) {
  const { t } = useTranslation();
  const [now] = useState(Date.now);
  if (row.revokedAt) return <Status tone="quiet">{t('apiKeys.revoked')}</Status>;
  if (row.expiresAt && Date.parse(row.expiresAt) < now) return <Status tone="quiet">{t('apiKeys.expired')}</Status>;
  return <Status tone="good">{t('apiKeys.live')}</Status>;
}

function ExpiryDate({ at }: { at: string }) {
  const { i18n } = useTranslation();
  return <time dateTime={at}>{new Intl.DateTimeFormat(i18n.language, { dateStyle: 'medium' }).format(Date.parse(at))}</time>;
}

function RevokeSheet({ row, close }: { row: ApiKeyRowFragment; close: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [{ fetching, error }, revoke] = useMutation(RevokeApiKeyDocument);
  const submit = async () => {
    const answer = (await revoke({ input: { apiKeyId: row.id } })).data?.revokeApiKey;
    if (!answer) return;
    if (answer.__typename !== 'ApiKeyRevoked') return setRefusal(answer);
    void message.success(t('apiKeys.revokedDone', { name: row.name }));
    close();
  };
  return (
    <Sheet
      title={t('apiKeys.revokeTitle', { name: row.name })}
      close={close}
      footer={
        <SheetAction danger busy={fetching} run={submit}>
          {t('apiKeys.revokeConfirm', { name: row.name })}
        </SheetAction>
      }
    >
      <p>{t('apiKeys.revokeHelp')}</p>
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </Sheet>
  );
}
