import { Button, InputNumber, Segmented, Switch } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useOutletContext, useParams } from 'react-router';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  type OfferRowFragment,
  OfferRowFragmentDoc,
  RoutingDocument,
  type RoutingPolicy,
  type RoutingQuery,
  type ScorecardRowFragment,
  ScorecardRowFragmentDoc,
  SetRoutingPolicyDocument,
  UpdateSupplyOfferDocument,
} from '../gql/graphql.ts';
import { DetailDrawer } from '../parts/detail-drawer.tsx';
import { Icon } from '../parts/icon.tsx';
import { Money } from '../parts/money.tsx';
import { Share } from '../parts/share.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.tsx';
import { OfferCostsSheet } from './offer-costs-sheet.tsx';
import { OfferSheet } from './offer-sheet.tsx';
import { OfferStatus } from './offer-status.tsx';
import { Duration } from './offers-page.tsx';

const policies = ['CHEAPEST', 'FASTEST', 'MOST_RELIABLE', 'WEIGHTED'] as const;
/** Above it one supplier carries too much of a SKU (domain §7). */
const shareMaxBps = 8_000;

type Preview = NonNullable<RoutingQuery['routePreview']>;

/** The routing of one SKU: its policy, what an order would take now and why not the others, and how much each supplier carries. */
export function RoutingDrawer() {
  const { t } = useTranslation('supply');
  const { skuId = '' } = useParams();
  const refreshList = useOutletContext<(() => void) | null>();
  const [quantity, setQuantity] = useState(1);
  const [{ data, fetching, error }, retry] = useQuery({
    query: RoutingDocument,
    variables: { skuId, quantity },
    requestPolicy: 'cache-and-network',
  });
  const sku = data?.node?.__typename === 'Sku' ? data.node : null;
  const changed = () => {
    retry({ requestPolicy: 'network-only' });
    refreshList?.();
  };
  const preview = data?.routePreview ?? null;
  return (
    <DetailDrawer title={t('routing.title')} parent="/supply/offers" width={680}>
      {sku && preview ? (
        <article className="details-body">
          <header>
            <h2>
              {sku.product.name} {sku.name}
            </h2>
          </header>
          <Policy skuId={sku.id} version={sku.version} policy={preview.policy} changed={changed} />
          <section>
            <h3>{t('routing.offers')}</h3>
            <div className="row-line route-ask">
              <label className="inline-label">
                {t('routing.ifOrdered')}
                <InputNumber min={1} max={1000} value={quantity} onChange={(value) => setQuantity(value ?? 1)} />
              </label>
              {preview.costLimit && (
                <span className="soft">
                  {t('routing.limit')} <Money value={preview.costLimit} />
                </span>
              )}
            </div>
            {preview.noOffer && <p className="warning">{t(`routing.noOffer.${preview.noOffer}`)}</p>}
            <ul className="routes">
              {preview.offers.map((route) => (
                <Route key={unmask(OfferRowFragmentDoc, route.offer).id} route={route} changed={changed} />
              ))}
            </ul>
          </section>
          <Shares rows={unmask(ScorecardRowFragmentDoc, data?.supplyScorecards ?? [])} />
        </article>
      ) : error ? (
        <Failure error={error} retry={retry} />
      ) : fetching ? (
        <RowsSkeleton rows={6} columns={2} />
      ) : (
        <Empty icon="search" title={t('routing.notThere')} help={t('order.noneHelp')} />
      )}
    </DetailDrawer>
  );
}

type PolicyProps = { skuId: string; version: number; policy: RoutingPolicy; changed: () => void };

function Policy({ skuId, version, policy, changed }: PolicyProps) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const set = useAction(SetRoutingPolicyDocument, (data) => data.setRoutingPolicy, 'RoutingPolicySet');
  const choose = async (value: RoutingPolicy) => {
    if (await set.run({ input: { skuId, expectedVersion: version, policy: value } })) changed();
  };
  return (
    <section>
      <h3>{t('routing.policy')}</h3>
      <Segmented<RoutingPolicy>
        aria-label={t('routing.policy')}
        disabled={!may('SUPPLY_MANAGE') || set.busy}
        value={policy}
        onChange={(value) => void choose(value)}
        options={policies.map((value) => ({ value, label: t(`routingPolicy.${value}`) }))}
      />
      <p className="soft">{t(`routingPolicyHelp.${policy}`)}</p>
      {set.note}
    </section>
  );
}

function Route({ route, changed }: { route: Preview['offers'][number]; changed: () => void }) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const row: OfferRowFragment = unmask(OfferRowFragmentDoc, route.offer);
  const [sheet, setSheet] = useState<'edit' | 'costs' | null>(null);
  const update = useAction(UpdateSupplyOfferDocument, (data) => data.updateSupplyOffer, 'SupplyOfferUpdated');
  const turn = async (isEnabled: boolean) => {
    if (await update.run({ input: { supplyOfferId: row.id, expectedVersion: row.version, isEnabled } })) changed();
  };
  return (
    <li className={route.isChosen ? 'chosen' : ''}>
      <div className="row-line">
        <b>
          {row.supplier?.name ?? '—'} <span className="soft">{row.account?.name}</span>
        </b>
        <Money value={route.quotedCost} />
      </div>
      <div className="row-line soft">
        <span>
          {route.isChosen ? (
            <span className="chosen-mark">
              <Icon name="check" size={14} /> {t('routing.chosen')}
            </span>
          ) : route.skipped ? (
            t(`routing.skipped.${route.skipped}`)
          ) : (
            t('routing.waits')
          )}
        </span>
        <span>
          <Duration seconds={row.leadTimeSeconds} />
          {row.priority !== null && row.weight !== null && ` · ${t('routing.priority', { priority: row.priority, weight: row.weight })}`}
        </span>
      </div>
      <div className="row-line">
        <OfferStatus row={row} />
        <span className="row-actions">
          <Button size="small" type="text" onClick={() => setSheet('costs')}>
            {t('offers.history')}
          </Button>
          {may('SUPPLY_MANAGE') && (
            <>
              <Button size="small" onClick={() => setSheet('edit')}>
                {t('offers.edit')}
              </Button>
              <Switch
                size="small"
                checked={row.isEnabled}
                loading={update.busy}
                aria-label={t('offers.use', { name: row.supplier?.name ?? '' })}
                onChange={(on) => void turn(on)}
              />
            </>
          )}
        </span>
      </div>
      {row.aboveAgreed && (
        <p className="quote">
          {t('offers.dearer')} <Money value={row.aboveAgreed} />
        </p>
      )}
      {update.note}
      {sheet === 'edit' && <OfferSheet row={row} close={() => setSheet(null)} changed={changed} />}
      {sheet === 'costs' && <OfferCostsSheet row={row} close={() => setSheet(null)} />}
    </li>
  );
}

/** How much of the SKU each supplier carried, against the mark above which one carries too much. */
function Shares({ rows }: { rows: readonly ScorecardRowFragment[] }) {
  const { t } = useTranslation('supply');
  const carried = rows.filter(({ shareBps }) => typeof shareBps === 'number' && shareBps > 0);
  if (carried.length === 0) return null;
  return (
    <section>
      <h3>{t('routing.shares')}</h3>
      <ul className="bars">
        {carried.map((row) => (
          <li key={row.supplier?.id}>
            <span>{row.supplier?.name}</span>
            <span className="bar marked" aria-hidden="true">
              <i className={(row.shareBps ?? 0) > shareMaxBps ? 'over' : ''} style={{ width: `${(row.shareBps ?? 0) / 100}%` }} />
            </span>
            <Share bps={row.shareBps} />
          </li>
        ))}
      </ul>
      {carried.some(({ shareBps }) => (shareBps ?? 0) > shareMaxBps) && <p className="warning">{t('routing.tooMuch')}</p>}
    </section>
  );
}
