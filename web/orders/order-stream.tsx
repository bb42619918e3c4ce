import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { OrderScope } from '../gql/graphql.ts';
import { Money } from '../parts/money.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { OrderStatus } from '../parts/status.tsx';
import { When } from '../parts/when.tsx';
import { useLiveOrders } from './use-live-orders.ts';

/** The last orders as they come in: a narrow list for homes and rails. */
export function OrderStream(props: { scope: OrderScope; first: number; seller: boolean; onEvents?: (count: number) => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const live = useLiveOrders({ ...props, alwaysAtTop: true });
  if (live.error) return <Failure error={live.error} retry={live.refresh} />;
  if (live.loading) return <RowsSkeleton rows={props.first > 8 ? 8 : props.first} columns={2} />;
  if (live.orders.length === 0) return <Empty icon="list" title={t('orders.none')} />;
  return (
    <ul className="stream" aria-label={t('orders.stream')}>
      {live.orders.slice(0, props.first).map((order) => (
        <li key={order.id} className={live.glowing.has(order.id) ? 'glows' : ''}>
          <button type="button" onClick={() => navigate(`/orders/${encodeURIComponent(order.id)}`)}>
            <span className="row-line">
              <span className="stream-name">
                {order.productName} {order.skuName} <span className="soft">× {order.quantity}</span>
              </span>
              <Money value={order.total} />
            </span>
            <span className="row-line soft">
              <span className="stream-who">
                {props.seller ? order.buyer.name : <OrderStatus state={order.state} />} · <When at={order.placedAt} />
              </span>
              {props.seller && order.share && (
                <span>
                  {t('orders.margin')} <Money value={order.share.margin} />
                </span>
              )}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
