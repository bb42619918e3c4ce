import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { BuyerFiguresDocument } from '../gql/graphql.ts';
import { OrderStream } from '../orders/order-stream.tsx';
import { pixels } from '../parts/amounts.ts';
import { Money } from '../parts/money.tsx';
import { Bone } from '../parts/states.tsx';

/** Beside the goods: the money that is left, with a warning before it runs dry, and the last orders. */
export function BuyerRail() {
  const { t } = useTranslation();
  const { may } = useViewer();
  return (
    <aside className="rail">
      {may('WALLET_READ') && <WalletCard />}
      {may('ORDERS_READ') && (
        <section className="card flush">
          <h2 className="card-title">
            {t('rail.orders')}
            <Link to="/orders">{t('all')}</Link>
          </h2>
          <OrderStream scope="MINE" first={8} seller={false} />
        </section>
      )}
    </aside>
  );
}

function WalletCard() {
  const { t } = useTranslation();
  const [{ data, fetching }] = useQuery({ query: BuyerFiguresDocument, requestPolicy: 'cache-and-network' });
  const wallet = data?.station?.wallet;
  if (!wallet) return fetching ? <Bone height={104} /> : null;
  const week = data?.station?.volume?.gmv;
  // Less than an average day of the last seven: a warning, drawn from lengths and never shown as an amount.
  const low = week ? pixels(wallet.available) < pixels(week) / 7 : false;
  return (
    <section className="card">
      <h2 className="card-title">
        {t('wallet.available')}
        <Link to="/wallet">{t('wallet.statement')}</Link>
      </h2>
      <Money value={wallet.available} size="large" />
      {low && <p className="warning">{t('rail.low')}</p>}
      <dl className="pairs">
        <dt>{t('wallet.held')}</dt>
        <dd>
          <Money value={wallet.held} />
        </dd>
        <dt>{t('wallet.creditLimit')}</dt>
        <dd>
          <Money value={wallet.creditLimit} />
        </dd>
      </dl>
    </section>
  );
}
