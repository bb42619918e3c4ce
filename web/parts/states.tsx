import { Button } from 'antd';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { CombinedError } from 'urql';
import { Icon, type IconName } from './icon.tsx';

/** What a page shows instead of its content: nothing there yet. */
export function Empty({ icon = 'box', title, help, action }: { icon?: IconName; title: string; help?: string; action?: ReactNode }) {
  return (
    <div className="state">
      <Icon name={icon} size={28} />
      <p className="state-title">{title}</p>
      {help && <p className="state-help">{help}</p>}
      {action}
    </div>
  );
}

/** An error: refused by a permission, or failed with its request id and a way to try again. */
export function Failure({ error, retry }: { error: CombinedError; retry: () => void }) {
  const { t } = useTranslation();
  const first = error.graphQLErrors[0];
  const code = first?.extensions['code'];
  if (code === 'FORBIDDEN') return <Refused permission={permissionOf(first?.extensions)} />;
  const requestId = requestIdOf(error);
  return (
    <div className="state" role="alert">
      <Icon name="alert" size={28} />
      <p className="state-title">
        {error.networkError ? t('failure.network') : code === 'THROTTLED' ? t('failure.throttled') : t('failure.title')}
      </p>
      <p className="state-help">
        {error.networkError ? t('failure.networkHelp') : t('failure.help')}
        {requestId && (
          <>
            <br />
            {t('failure.requestId')} <code>{requestId}</code>
          </>
        )}
      </p>
      <Button onClick={retry}>{t('failure.retry')}</Button>
    </div>
  );
}

/** A refusal: which permission is missing and who can give it. */
export function Refused({ permission }: { permission: string | null }) {
  const { t } = useTranslation();
  return (
    <div className="state" role="status">
      <Icon name="key" size={28} />
      <p className="state-title">{t('refused.title')}</p>
      <p className="state-help">
        {permission ? t('refused.help', { permission: t(`permission.${permission}` as 'permission.ORDERS_READ') }) : t('refused.party')}
      </p>
    </div>
  );
}

/** Grey lines in the shape of a table. */
export function RowsSkeleton({ rows = 8, columns = 5 }: { rows?: number; columns?: number }) {
  const { t } = useTranslation();
  return (
    <div className="skeleton-rows" role="status" aria-label={t('loading')}>
      {Array.from({ length: rows }, (_, row) => (
        <div className="skeleton-row" key={row}>
          {Array.from({ length: columns }, (_, column) => (
            <span className="bone" key={column} style={{ width: column === 0 ? '38%' : `${[14, 10, 12, 9, 11][column % 5]}%` }} />
          ))}
        </div>
      ))}
    </div>
  );
}

/** A grey block in the shape of a figure, a chart or a card. */
export function Bone({ width = '100%', height }: { width?: string | number; height: number }) {
  return <span className="bone" style={{ width, height, display: 'block' }} />;
}

function requestIdOf(error: CombinedError): string | null {
  const fromError = error.graphQLErrors[0]?.extensions['requestId'];
  if (typeof fromError === 'string') return fromError;
  return (error.response as Response | undefined)?.headers?.get('x-request-id') ?? null;
}

function permissionOf(extensions: Record<string, unknown> | undefined): string | null {
  const named = extensions?.['permission'] ?? extensions?.['scope'];
  return typeof named === 'string' ? named : null;
}
