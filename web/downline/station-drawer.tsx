import { App, Button, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  SetPriceLevelDocument,
  StationByIdDocument,
  type StationDetailsFragment,
  StationDetailsFragmentDoc,
  StationLevelsDocument,
  type StationRowFragment,
  StationRowFragmentDoc,
} from '../gql/graphql.ts';
import { countText } from '../parts/amounts.ts';
import { CopyableId } from '../parts/copy.tsx';
import { DetailDrawer } from '../parts/detail-drawer.tsx';
import { Money } from '../parts/money.tsx';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { StationStatusMark } from '../parts/status.tsx';
import { When } from '../parts/when.tsx';
import { CloseStationSheet } from './close-station-sheet.tsx';
import { FreezeSheet } from './freeze-sheet.tsx';
import { TopUpSheet } from './top-up-sheet.tsx';

/** One station of the downline beside the list: its money, its volume, and what its parent may do. */
export function StationDrawer() {
  const { t } = useTranslation();
  const { stationId = '' } = useParams();
  const [{ data, fetching, error }, retry] = useQuery({
    query: StationByIdDocument,
    variables: { id: stationId },
    requestPolicy: 'cache-and-network',
  });
  const station = data?.node?.__typename === 'Station' ? unmask(StationDetailsFragmentDoc, data.node) : null;
  return (
    <DetailDrawer title={t('station.title')} parent="/downline">
      {station ? (
        <StationBody station={station} />
      ) : error ? (
        <Failure error={error} retry={retry} />
      ) : fetching ? (
        <RowsSkeleton rows={6} columns={2} />
      ) : (
        <Empty icon="search" title={t('station.none')} help={t('order.noneHelp')} />
      )}
    </DetailDrawer>
  );
}

function StationBody({ station }: { station: StationDetailsFragment }) {
  const { t } = useTranslation();
  const { may, party } = useViewer();
  const row = unmask(StationRowFragmentDoc, station);
  const [sheet, setSheet] = useState<'topUp' | 'freeze' | 'close' | null>(null);
  const child = row.parent?.id === party?.id;
  const managed = child || party?.kind === 'HEADQUARTERS';
  return (
    <article className="details-body">
      <header>
        <h2>{row.name}</h2>
        <p className="details-lead">
          <StationStatusMark status={row.status} /> · {t(`stationKind.${row.kind}`)} · <CopyableId id={row.code} />
        </p>
      </header>
      <div className="details-actions">
        {managed && may('WALLET_TOP_UP') && row.status !== 'CLOSED' && (
          <Button type="primary" onClick={() => setSheet('topUp')}>
            {t('topUp.action')}
          </Button>
        )}
        {child && may('PRICES_READ') && <Link to={`/prices?for=child:${encodeURIComponent(row.id)}`}>{t('station.prices')}</Link>}
        {managed && may('STATIONS_MANAGE') && row.status !== 'CLOSED' && (
          <Button danger={row.status === 'ACTIVE'} onClick={() => setSheet('freeze')}>
            {row.status === 'ACTIVE' ? t('freeze.action') : t('freeze.undo')}
          </Button>
        )}
        {managed && may('STATIONS_MANAGE') && row.status === 'FROZEN' && (
          <Button danger onClick={() => setSheet('close')}>
            {t('closeStation.action')}
          </Button>
        )}
      </div>
      {station.stationWallet && (
        <section>
          <h3>{t('station.money')}</h3>
          <dl className="pairs">
            <dt>{t('wallet.available')}</dt>
            <dd>
              <Money value={station.stationWallet.available} />
            </dd>
            <dt>{t('wallet.creditLimit')}</dt>
            <dd>
              <Money value={station.stationWallet.creditLimit} />
            </dd>
            <dt>{t('wallet.earningsPending')}</dt>
            <dd>
              <Money value={station.stationWallet.earningsPending} />
            </dd>
            <dt>{t('wallet.earnings')}</dt>
            <dd>
              <Money value={station.stationWallet.earnings} />
            </dd>
          </dl>
        </section>
      )}
      <section>
        <h3>{t('station.volume')}</h3>
        <dl className="pairs">
          {(
            [
              ['TODAY', station.today],
              ['DAYS_7', station.week],
              ['DAYS_30', row.volume],
            ] as const
          ).map(([range, totals]) => (
            <div className="pair" key={range}>
              <dt>{t(`range.${range}`)}</dt>
              <dd>
                <Money value={totals?.gmv} /> <span className="soft">· {t('hq.ordersCount', { count: totals?.orderCount ?? 0 })}</span>
              </dd>
            </div>
          ))}
        </dl>
      </section>
      <section>
        <h3>{t('station.place')}</h3>
        <dl className="pairs">
          <dt>{t('downline.parent')}</dt>
          <dd>{row.parent?.name ?? '—'}</dd>
          <dt>{t('downline.below')}</dt>
          <dd>{countText(row.childCount)}</dd>
          <dt>{t('station.opened')}</dt>
          <dd>{station.createdAt ? <When at={station.createdAt} /> : '—'}</dd>
          <dt>{t('downline.level')}</dt>
          <dd>{child && may('STATIONS_MANAGE') ? <LevelField row={row} /> : (row.level?.name ?? '—')}</dd>
        </dl>
      </section>
      {sheet === 'topUp' && <TopUpSheet station={row} close={() => setSheet(null)} />}
      {sheet === 'freeze' && <FreezeSheet station={row} close={() => setSheet(null)} />}
      {sheet === 'close' && <CloseStationSheet station={row} close={() => setSheet(null)} />}
    </article>
  );
}

function LevelField({ row }: { row: StationRowFragment }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [{ data }] = useQuery({ query: StationLevelsDocument });
  const [{ fetching, error }, setLevel] = useMutation(SetPriceLevelDocument);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const change = async (levelId: string | undefined) => {
    setRefusal(null);
    const answer = (await setLevel({ input: { stationId: row.id, levelId: levelId ?? null, expectedVersion: row.version ?? 0 } })).data
      ?.setPriceLevel;
    if (answer?.__typename === 'PriceLevelSet') void message.success(t('saved'));
    else if (answer) setRefusal(answer);
  };
  return (
    <>
      <Select
        className="level-select"
        aria-label={t('downline.level')}
        allowClear
        loading={fetching}
        placeholder={t('downline.noLevel')}
        value={row.level?.id}
        options={data?.station?.levels.map((level) => ({ value: level.id, label: level.name })) ?? []}
        onChange={(levelId?: string) => void change(levelId)}
      />
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </>
  );
}
