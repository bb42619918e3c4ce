import { createBrowserRouter } from 'react-router';
import { Gate, Starting } from '../frame/gate.tsx';
import { NotFoundPage } from '../frame/not-found.tsx';
import { RouteFailure } from '../frame/route-failure.tsx';
import { withSupplyWords } from './language.ts';

// Every page is a chunk of its own; what opens in a drawer is a child route, so the list behind it stays where it was.
/** The console's addresses. */
export const router = createBrowserRouter([
  {
    path: '/',
    Component: Gate,
    HydrateFallback: Starting,
    ErrorBoundary: RouteFailure,
    children: [
      { index: true, lazy: async () => ({ Component: (await import('../home/home-page.tsx')).HomePage }) },
      { path: 'catalogue', lazy: async () => ({ Component: (await import('../catalogue/catalogue-page.tsx')).CataloguePage }) },
      {
        path: 'orders',
        lazy: async () => ({ Component: (await import('../orders/orders-page.tsx')).OrdersPage }),
        children: [{ path: ':orderId', lazy: async () => ({ Component: (await import('../orders/order-drawer.tsx')).OrderDrawer }) }],
      },
      { path: 'wallet', lazy: async () => ({ Component: (await import('../wallet/wallet-page.tsx')).WalletPage }) },
      {
        path: 'downline',
        lazy: async () => ({ Component: (await import('../downline/downline-page.tsx')).DownlinePage }),
        children: [
          { path: ':stationId', lazy: async () => ({ Component: (await import('../downline/station-drawer.tsx')).StationDrawer }) },
        ],
      },
      { path: 'prices', lazy: async () => ({ Component: (await import('../prices/prices-page.tsx')).PricesPage }) },
      { path: 'controls', lazy: async () => ({ Component: (await import('../controls/controls-page.tsx')).ControlsPage }) },
      {
        path: 'stock',
        lazy: async () => ({ Component: (await withSupplyWords(import('../stock/stock-page.tsx'))).StockPage }),
        children: [
          { path: 'import', lazy: async () => ({ Component: (await import('../stock/import-drawer.tsx')).ImportDrawer }) },
          { path: 'lots/:lotId', lazy: async () => ({ Component: (await import('../stock/lot-drawer.tsx')).LotDrawer }) },
          { path: 'jobs/:jobId', lazy: async () => ({ Component: (await import('../stock/job-drawer.tsx')).JobDrawer }) },
        ],
      },
      {
        path: 'supply/attempts',
        lazy: async () => ({ Component: (await withSupplyWords(import('../supply/attempts-page.tsx'))).AttemptsPage }),
        children: [{ path: ':attemptId', lazy: async () => ({ Component: (await import('../supply/attempt-drawer.tsx')).AttemptDrawer }) }],
      },
      {
        path: 'attempts',
        lazy: async () => ({ Component: (await withSupplyWords(import('../supply/attempts-page.tsx'))).AttemptsPage }),
        children: [{ path: ':attemptId', lazy: async () => ({ Component: (await import('../supply/attempt-drawer.tsx')).AttemptDrawer }) }],
      },
      {
        path: 'supply/suppliers',
        lazy: async () => ({ Component: (await withSupplyWords(import('../supply/suppliers-page.tsx'))).SuppliersPage }),
        children: [
          { path: ':supplierId', lazy: async () => ({ Component: (await import('../supply/supplier-drawer.tsx')).SupplierDrawer }) },
        ],
      },
      {
        path: 'supply/offers',
        lazy: async () => ({ Component: (await withSupplyWords(import('../supply/offers-page.tsx'))).OffersPage }),
        children: [{ path: ':skuId', lazy: async () => ({ Component: (await import('../supply/routing-drawer.tsx')).RoutingDrawer }) }],
      },
      {
        path: 'supply/accounts',
        lazy: async () => ({ Component: (await withSupplyWords(import('../supply/accounts-page.tsx'))).AccountsPage }),
        children: [{ path: ':accountId', lazy: async () => ({ Component: (await import('../supply/account-drawer.tsx')).AccountDrawer }) }],
      },
      { path: 'supply/import', lazy: async () => ({ Component: (await withSupplyWords(import('../supply/import-page.tsx'))).ImportPage }) },
      {
        path: 'supply/scorecards',
        lazy: async () => ({ Component: (await withSupplyWords(import('../supply/scorecards-page.tsx'))).ScorecardsPage }),
      },
      {
        path: 'supply/listings',
        lazy: async () => ({ Component: (await withSupplyWords(import('../supply/listings-page.tsx'))).ListingsPage }),
        children: [{ path: ':listingId', lazy: async () => ({ Component: (await import('../supply/listing-drawer.tsx')).ListingDrawer }) }],
      },
      {
        path: 'replenishment',
        lazy: async () => ({ Component: (await withSupplyWords(import('../stock/replenishment-page.tsx'))).ReplenishmentPage }),
      },
      {
        path: 'documents',
        lazy: async () => ({ Component: (await withSupplyWords(import('../supplier/documents-page.tsx'))).DocumentsPage }),
      },
      {
        path: 'payables',
        lazy: async () => ({ Component: (await withSupplyWords(import('../supplier/payables-page.tsx'))).PayablesPage }),
      },
      { path: 'refunds', lazy: async () => ({ Component: (await import('../refunds/refunds-page.tsx')).RefundsPage }) },
      { path: 'api-keys', lazy: async () => ({ Component: (await import('../api-keys/api-keys-page.tsx')).ApiKeysPage }) },
      {
        path: 'webhooks',
        lazy: async () => ({ Component: (await import('../webhooks/webhooks-page.tsx')).WebhooksPage }),
        children: [
          { path: ':webhookId', lazy: async () => ({ Component: (await import('../webhooks/webhook-drawer.tsx')).WebhookDrawer }) },
        ],
      },
      { path: 'audit', lazy: async () => ({ Component: (await import('../audit/audit-page.tsx')).AuditPage }) },
      { path: '*', Component: NotFoundPage },
    ],
  },
]);
