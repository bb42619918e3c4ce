import { App, Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useOutletContext, useParams } from 'react-router';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  AccountByIdDocument,
  type AccountByIdQuery,
  type AccountRowFragment,
  AccountRowFragmentDoc,
  RotateSupplyCallbackDocument,
  UpdateSupplyAccountDocument,
} from '../gql/graphql.ts';
import { CopyableId } from '../parts/copy.tsx';
import { DetailDrawer } from '../parts/detail-drawer.tsx';
import { Pairs } from '../parts/pairs.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.tsx';
import { When } from '../parts/when.tsx';
import { AccountSheet } from './account-sheet.tsx';
import { AccountStatus } from './account-status.tsx';
import { importPath } from './accounts-page.tsx';
import { CallbackSheet } from './callback-sheet.tsx';
import './supply.css';

/** What the protocol of an account asks for. */
export type AccountKind = AccountByIdQuery['supplyKinds'][number];
type Props = { row: AccountRowFragment; kind: AccountKind; changed: () => void };

/** One account at a supplier's system beside the list: how it fares, its settings without the secrets, and what can be done. */
export function AccountDrawer() {
  const { t } = useTranslation('supply');
  const { accountId = '' } = useParams();
  const refreshList = useOutletContext<(() => void) | null>();
  const [{ data, fetching, error }, retry] = useQuery({
    query: AccountByIdDocument,
    variables: { id: accountId },
    requestPolicy: 'cache-and-network',
  });
  const row = data?.node?.__typename === 'SupplyAccount' ? unmask(AccountRowFragmentDoc, data.node) : null;
  const kind = data?.supplyKinds.find((one) => one.kind === row?.kind);
  const changed = () => {
    retry({ requestPolicy: 'network-only' });
    refreshList?.();
  };
  return (
    <DetailDrawer title={t('attempts.account')} parent="/supply/accounts" width={600}>
      {row && kind ? (
        <article className="details-body">
          <Facts row={row} kind={kind} />
          <Actions row={row} kind={kind} changed={changed} />
        </article>
      ) : error ? (
        <Failure error={error} retry={retry} />
      ) : fetching ? (
        <RowsSkeleton rows={6} columns={2} />
      ) : (
        <Empty icon="search" title={t('accounts.notThere')} help={t('order.noneHelp')} />
      )}
    </DetailDrawer>
  );
}

function Facts({ row, kind }: Omit<Props, 'changed'>) {
  const { t } = useTranslation('supply');
  const secrets = kind.accountFields.filter(({ isSecret }) => isSecret);
  return (
    <>
      <header>
        <h2>{row.name}</h2>
        <p className="details-lead">
          <AccountStatus row={row} /> · {row.supplier?.name} · {t(`connector.${row.kind}`)}
        </p>
        {row.lastFailure && row.breaker !== 'CLOSED' && <p className="quote">{row.lastFailure}</p>}
      </header>
      <Pairs
        facts={[
          [t('accounts.baseUrl'), row.baseUrl],
          [t('accounts.currency'), row.currency],
          ...row.settings.map(({ name, value }) => [name, <CopyableId key={name} id={value} />] as const),
          ...secrets.map(
            ({ name }) =>
              [
                name,
                <span key={name} className="soft">
                  {t('accounts.secretKept')}
                </span>,
              ] as const,
          ),
          [t('accounts.callsAtOnce'), row.kind !== 'MANUAL' && String(row.callsAtOnce)],
          [t('accounts.checked'), row.checkedAt && <When key="checked" at={row.checkedAt} />],
          [t('accounts.heard'), row.lastSuccessAt && <When key="heard" at={row.lastSuccessAt} />],
          [t('accounts.told'), row.goodsToldAt && <When key="told" at={row.goodsToldAt} />],
          [t('accounts.notTold'), row.goodsFailure],
          [t('accounts.openUntil'), row.breakerOpenUntil && <When key="open" at={row.breakerOpenUntil} />],
        ]}
      />
    </>
  );
}

function Actions({ row, kind, changed }: Props) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const { message } = App.useApp();
  const navigate = useNavigate();
  const [sheet, setSheet] = useState<'edit' | 'rotate' | null>(null);
  const [callbackUrl, setCallbackUrl] = useState<string | null>(null);
  const update = useAction(UpdateSupplyAccountDocument, (data) => data.updateSupplyAccount, 'SupplyAccountUpdated');
  if (!may('SUPPLY_MANAGE')) return null;
  const turn = async () => {
    const input = { supplyAccountId: row.id, expectedVersion: row.version, isEnabled: !row.isEnabled };
    if (!(await update.run({ input }))) return;
    void message.success(t('saved'));
    changed();
  };
  const close = () => setSheet(null);
  return (
    <section>
      <div className="decision-actions">
        {row.kind !== 'MANUAL' && row.isEnabled && (
          <Button type="primary" onClick={() => void navigate(importPath(row.id))}>
            {t('imports.open')}
          </Button>
        )}
        <Button onClick={() => setSheet('edit')}>{t('accounts.edit')}</Button>
        {kind.callsBack && <Button onClick={() => setSheet('rotate')}>{t('accounts.rotate')}</Button>}
        <Button danger={row.isEnabled} loading={update.busy} onClick={() => void turn()}>
          {t(row.isEnabled ? 'accounts.turnOff' : 'accounts.turnOn')}
        </Button>
      </div>
      <p className="field-help account-help">{t(row.isEnabled ? 'accounts.turnOffHelp' : 'accounts.turnOnHelp')}</p>
      {update.note}
      {sheet === 'edit' && <AccountSheet row={row} kind={kind} close={close} changed={changed} />}
      {sheet === 'rotate' && (
        <RotateSheet
          row={row}
          close={close}
          rotated={(url) => {
            close();
            setCallbackUrl(url);
            changed();
          }}
        />
      )}
      {callbackUrl && <CallbackSheet title={t('accounts.rotated')} url={callbackUrl} close={() => setCallbackUrl(null)} />}
    </section>
  );
}

function RotateSheet({ row, close, rotated }: { row: AccountRowFragment; close: () => void; rotated: (url: string) => void }) {
  const { t } = useTranslation('supply');
  const rotate = useAction(RotateSupplyCallbackDocument, (data) => data.rotateSupplyCallback, 'SupplyCallbackRotated');
  const submit = async () => {
    const answer = await rotate.run({ input: { supplyAccountId: row.id, expectedVersion: row.version } });
    if (answer) rotated(answer.callbackUrl);
  };
  return (
    <Sheet
      title={t('accounts.rotateTitle', { name: row.name })}
      close={close}
      footer={
        <SheetAction danger busy={rotate.busy} run={submit}>
          {t('accounts.rotate')}
        </SheetAction>
      }
    >
      <p>{t('accounts.rotateHelp')}</p>
      {rotate.note}
    </Sheet>
  );
}
