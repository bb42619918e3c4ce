import { Input } from 'antd';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useLocation, useNavigate } from 'react-router';
import { useViewer } from '../app/session.tsx';
import type { OrderFilter, OrderRowFragment, OrderScope, OrderState } from '../gql/graphql.ts';
import { Chips } from '../parts/chips.tsx';
import { type Column, DataTable, More } from '../parts/data-table.tsx';
import { Money } from '../parts/money.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { OrderStatus } from '../parts/status.tsx';
import { useSettled } from '../parts/use-settled.ts';
import { useUrlState } from '../parts/use-url-state.ts';
import { When } from '../parts/when.tsx';
import { useLiveOrders } from './use-live-orders.ts';

const stateGroups = {
  all: null,
  delivered: ['DELIVERED'],
  open: ['HELD', 'REVIEW', 'SOURCING', 'NEEDS_ATTENTION'],
  refunded: ['PARTLY_REFUNDED', 'REFUNDED'],
  failed: ['FAILED'],
} as const satisfies Record<string, readonly OrderState[] | null>;

type StateGroup = keyof typeof stateGroups;

/** Orders, newest first, live: one's own, the downline's, or those of one's own goods. An order opens beside the list. */
export function OrdersPage() {
  const { t } = useTranslation();
  const { party } = useViewer();
  const scopes = scopesOf(party?.kind);
  const [scope, setScope] = useUrlState<OrderScope>('scope', scopes[0] ?? 'MINE');
  const [group, setGroup] = useUrlState<StateGroup>('state', 'all');
  const [ref, setRef] = useUrlState<string>('ref', '');
  const settledRef = useSettled(ref.trim(), 300);
  const states = stateGroups[group] as readonly OrderState[] | null;
  const filter: OrderFilter = { ...(states ? { states: [...states] } : {}), ...(settledRef ? { externalRef: settledRef } : {}) };
  const live = useLiveOrders({
    scope,
    filter,
    first: 50,
    matches: (order) => (!states || states.includes(order.state)) && (!settledRef || order.externalRef === settledRef),
  });
  return (
    <>
      <PageHead title={t('place.orders')} summary={t(`orders.scopeHelp.${scope}`)} />
      <div className="filter">
        {scopes.length > 1 && (
          <Chips
            label={t('orders.scope')}
            value={scope}
            onChange={setScope}
            options={scopes.map((value) => ({ value, label: t(`orders.scopes.${value}`) }))}
          />
        )}
        <Chips
          label={t('orders.state')}
          value={group}
          onChange={setGroup}
          options={(Object.keys(stateGroups) as StateGroup[]).map((value) => ({ value, label: t(`orders.states.${value}`) }))}
        />
        <Input
          className="filter-search"
          allowClear
          placeholder={t('orders.ref')}
          aria-label={t('orders.ref')}
          value={ref}
          onChange={(event) => setRef(event.target.value)}
        />
      </div>
      {live.waitingCount > 0 && (
        <button type="button" className="pill" onClick={live.showWaiting}>
          {t('orders.waiting', { count: live.waitingCount })}
        </button>
      )}
      {live.error ? (
        <Failure error={live.error} retry={live.refresh} />
      ) : live.loading ? (
        <RowsSkeleton rows={12} columns={5} />
      ) : live.orders.length === 0 ? (
        <Empty
          icon="list"
          title={t('orders.none')}
          help={t('orders.noneHelp')}
          action={scope === 'MINE' && <Link to={party?.kind === 'RESELLER' ? '/' : '/catalogue'}>{t('orders.buyFirst')}</Link>}
        />
      ) : (
        <>
          <OrderTable orders={live.orders} glowing={live.glowing} seller={scope !== 'MINE'} />
          <More hasMore={live.hasMore} loading={live.loadingMore} load={live.loadMore} />
        </>
      )}
      <Outlet />
    </>
  );
}

/** Orders as rows; a seller also sees who bought and what was earned. */
export function OrderTable({
  orders,
  glowing,
  seller,
}: {
  orders: readonly OrderRowFragment[];
  glowing?: ReadonlySet<string>;
  seller: boolean;
}) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { search } = useLocation();
  const to = (order: OrderRowFragment) => `/orders/${encodeURIComponent(order.id)}${search}`;
  const name = (order: OrderRowFragment) => (
    <Link to={to(order)} className="row-name">
      {order.productName} {order.skuName}
    </Link>
  );
  const columns: Column<OrderRowFragment>[] = [
    { key: 'name', title: t('orders.goods'), render: name },
    { key: 'quantity', title: t('orders.quantity'), align: 'right', render: (order) => `× ${order.quantity}` },
    ...(seller ? [{ key: 'buyer', title: t('orders.buyer'), render: (order: OrderRowFragment) => order.buyer.name }] : []),
    { key: 'state', title: t('orders.state'), render: (order) => <OrderStatus state={order.state} /> },
    {
      key: 'channel',
      title: t('orders.channel'),
      wide: true,
      render: (order) => <span className="soft">{t(`channel.${order.channel}`)}</span>,
    },
    ...(seller
      ? []
      : [{ key: 'keys', title: t('orders.keys'), wide: true, render: (order: OrderRowFragment) => <KeysLeft order={order} /> }]),
    { key: 'total', title: t('orders.total'), align: 'right', render: (order) => <Money value={order.total} /> },
    ...(seller
      ? [
          {
            key: 'margin',
            title: t('orders.margin'),
            align: 'right' as const,
            render: (order: OrderRowFragment) => <Money value={order.share?.margin} />,
          },
        ]
      : []),
    ...(seller
      ? [
          {
            key: 'commission',
            title: t('orders.commission'),
            align: 'right' as const,
            wide: true,
            render: (order: OrderRowFragment) => <Money value={order.share?.commission} />,
          },
        ]
      : []),
    { key: 'placed', title: t('orders.placed'), align: 'right', render: (order) => <When at={order.placedAt} /> },
  ];
  return (
    <DataTable
      label={t('place.orders')}
      rows={orders}
      rowKey={(order) => order.id}
      open={(order) => navigate(to(order))}
      columns={columns}
      {...(glowing ? { glowing } : {})}
      phone={(order) => (
        <>
          <div className="row-line">
            <span className="row-clip">
              {name(order)} <span className="soft">× {order.quantity}</span>
            </span>
            <Money value={order.total} />
          </div>
          <div className="row-line soft">
            <span className="row-clip">
              <OrderStatus state={order.state} /> · {seller ? order.buyer.name : <When at={order.placedAt} />}
            </span>
            {seller ? (
              <span>
                {t('orders.margin')} <Money value={order.share?.margin} />
              </span>
            ) : (
              <KeysLeft order={order} />
            )}
          </div>
        </>
      )}
    />
  );
}

function KeysLeft({ order }: { order: OrderRowFragment }) {
  const { t } = useTranslation();
  if (order.cardKeyCount === 0) return <span className="soft">—</span>;
  if (order.revealedCount >= order.cardKeyCount) return <span className="soft">{t('keys.seen')}</span>;
  return <span className="attention-ink">{t('keys.unseen', { count: order.cardKeyCount - order.revealedCount })}</span>;
}

function scopesOf(kind: string | undefined): OrderScope[] {
  if (kind === 'HEADQUARTERS') return ['DOWNLINE', 'OWNED'];
  if (kind === 'SUBSTATION') return ['DOWNLINE', 'MINE'];
  return ['MINE'];
}
