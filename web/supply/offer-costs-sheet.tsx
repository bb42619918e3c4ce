import { useTranslation } from 'react-i18next';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { OfferCostsDocument, type OfferCostsQuery, type OfferRowFragment } from '../gql/graphql.ts';
import { Money } from '../parts/money.tsx';
import { Sheet } from '../parts/sheet.tsx';
import { Failure, RowsSkeleton } from '../parts/states.tsx';
import { When } from '../parts/when.tsx';

type Cost = Extract<OfferCostsQuery['node'], { __typename: 'SupplyOffer' }>['costs'][number];

/** What an offer cost, newest first: how much, since when, at which rate, and why it changed. */
export function OfferCostsSheet({ row, close }: { row: OfferRowFragment; close: () => void }) {
  const { t } = useTranslation('supply');
  const [{ data, error }, retry] = useQuery({ query: OfferCostsDocument, variables: { id: row.id }, requestPolicy: 'network-only' });
  const costs = data?.node?.__typename === 'SupplyOffer' ? data.node.costs : null;
  return (
    <Sheet title={t('offers.historyTitle', { name: row.supplier?.name ?? `${row.productName} ${row.skuName}` })} close={close} width={560}>
      {costs ? (
        <ol className="costs">
          {costs.map((cost) => (
            <CostLine key={`${cost.createdAt} ${cost.upstreamUnitCost}`} cost={cost} />
          ))}
        </ol>
      ) : error ? (
        <Failure error={error} retry={retry} />
      ) : (
        <RowsSkeleton rows={4} columns={3} />
      )}
    </Sheet>
  );
}

function CostLine({ cost }: { cost: Cost }) {
  const { t } = useTranslation('supply');
  const { currency } = useViewer();
  const isForeign = cost.upstreamCurrency !== currency;
  return (
    <li>
      <div className="row-line">
        <When at={cost.createdAt} />
        <b>
          <Money value={cost.unitCost} />
        </b>
      </div>
      <div className="row-line soft">
        <span>{cost.reason || '—'}</span>
        {isForeign && <Money value={{ amount: cost.upstreamUnitCost, currency: cost.upstreamCurrency }} />}
      </div>
      {(isForeign || cost.agreedUnitCost) && (
        <div className="row-line soft">
          <span>{isForeign && `1 ${cost.upstreamCurrency} = ${cost.rate} ${currency} · ${cost.rateSource}`}</span>
          {cost.agreedUnitCost && (
            <span>
              {t('offers.agreed')} <Money value={cost.agreedUnitCost} />
            </span>
          )}
        </div>
      )}
    </li>
  );
}
