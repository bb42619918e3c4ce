import type { Objects } from './network.ts';

/** Every mutation with an input that aims at what is A's, in the order in which one asker tries them. */
export const MUTATIONS: Readonly<Record<string, (objects: Objects) => Record<string, unknown>>> = {
  placeOrder: ({ Steam }) => ({ requestKey: 'm-1', skuId: Steam, quantity: 1, maxTotal: '100.00' }),
  placeOrders: ({ Sku }) => ({ orders: [{ requestKey: 'm-2', skuId: Sku, quantity: 1, maxTotal: '100.00' }] }),
  topUpWallet: ({ Child }) => ({ requestKey: 'm-3', stationId: Child, amount: '5.00' }),
  importCardKeys: ({ Sku }) => ({ requestKey: 'm-4', skuId: Sku, terms: 'OWN', totalCost: '10.00', format: 'TEXT', text: 'alpha\nbeta' }),
  withdrawCardKeys: ({ Sku }) => ({ requestKey: 'm-5', skuId: Sku, quantity: 1, reason: 'shop window' }),
  revealCardKeys: ({ Order }) => ({ orderIds: [Order] }),
  openStation: ({ Station }) => ({ requestKey: 'm-6', parentId: Station, kind: 'RESELLER', name: 'New', code: 'new' }),
  moveStation: ({ Grandchild, Middle }) => ({ stationId: Grandchild, newParentId: Middle, expectedVersion: 1 }),
  freezeStation: ({ Middle }) => ({ stationId: Middle, expectedVersion: 1, reason: 'quiet' }),
  unfreezeStation: ({ Middle }) => ({ stationId: Middle, expectedVersion: 2, reason: 'again' }),
  setPriceLevel: ({ Child, PriceLevel }) => ({ stationId: Child, levelId: PriceLevel, expectedVersion: 1 }),
  createPriceLevel: () => ({ name: 'bronze' }),
  setMarkupRule: ({ Child, Sku }) => ({ childId: Child, skuId: Sku, kind: 'FIXED', value: '0.50' }),
  removeMarkupRule: ({ MarkupRule }) => ({ ruleId: MarkupRule, expectedVersion: 1 }),
  setControlBand: ({ Sku }) => ({ skuId: Sku, floor: '11.12', expectedVersion: 1 }),
  setCommissionPlan: ({ Sku }) => ({ skuId: Sku, poolKind: 'PERCENT', poolValue: '2', shareBps: [5000], expectedVersion: 1 }),
  refundOrder: ({ Sold }) => ({ requestKey: 'm-7', orderId: Sold, amount: '0.50', reason: 'late' }),
  decideRefund: ({ Refund }) => ({ requestKey: 'm-8', refundId: Refund, approve: true }),
  resolveAlert: ({ Alert }) => ({ alertId: Alert }),
  setWalletThreshold: () => ({ amount: '3.00', expectedVersion: 1 }),
  setStockThreshold: ({ Sku }) => ({ skuId: Sku, count: 2 }),
  createApiKey: () => ({ name: 'second', permissions: ['ORDERS_READ'] }),
  revokeApiKey: ({ ApiKey }) => ({ apiKeyId: ApiKey }),
  createSupplier: () => ({ requestKey: 'm-s1', name: 'New supplier', code: 'new-s' }),
  setSupplierCompany: ({ Supplier }) => ({ supplierId: Supplier, expectedVersion: 1, legalName: 'T Ltd' }),
  saveSupplierContact: ({ Supplier }) => ({ supplierId: Supplier, name: 'Zhao' }),
  removeSupplierContact: ({ SupplierContact }) => ({ contactId: SupplierContact, expectedVersion: 1 }),
  submitSupplierDocument: ({ Supplier }) => ({ supplierId: Supplier, facts: { type: 'OTHER' } }),
  changeSupplierDocument: ({ SupplierDocument }) => ({ documentId: SupplierDocument, expectedVersion: 2, facts: { type: 'OTHER' } }),
  reviewSupplierDocument: ({ SupplierDocument }) => ({ documentId: SupplierDocument, expectedVersion: 3, approve: true }),
  withdrawSupplierDocument: ({ SupplierDocument }) => ({ documentId: SupplierDocument, expectedVersion: 4 }),
  setSupplierStanding: ({ Supplier }) => ({ supplierId: Supplier, expectedVersion: 2, standing: 'SUSPENDED', reason: 'quiet' }),
  moveSupplierDeposit: ({ Supplier }) => ({ requestKey: 'm-s2', supplierId: Supplier, move: 'PAY_IN', amount: '5.00', reason: 'bank' }),
  addSupplierMember: ({ Supplier }) => ({ supplierId: Supplier, email: 'second@t.example', role: 'VIEWER' }),
  removeSupplierMember: ({ Supplier, SupplierMembership }) => ({ supplierId: Supplier, membershipId: SupplierMembership }),
  applyUpstreamImport: ({ UpstreamImport }) => ({ upstreamImportId: UpstreamImport, terms: 'OWN' }),
  previewUpstreamImport: ({ DockedAccount }) => ({ accountId: DockedAccount, markupPercent: '10' }),
  createWebhookEndpoint: () => ({
    url: 'https://shop.example.com/second',
    document: 'subscription { orderUpdated(scope: MINE) { kind } }',
  }),
  updateWebhookEndpoint: ({ WebhookEndpoint }) => ({ webhookEndpointId: WebhookEndpoint, expectedVersion: 1, description: 'my shop' }),
  testWebhookEndpoint: ({ WebhookEndpoint }) => ({ webhookEndpointId: WebhookEndpoint }),
  resendWebhookDelivery: ({ WebhookDelivery }) => ({ webhookDeliveryId: WebhookDelivery }),
  rotateWebhookSecret: ({ WebhookEndpoint }) => ({ webhookEndpointId: WebhookEndpoint, expectedVersion: 2 }),
  endWebhookSecretRotation: ({ WebhookEndpoint }) => ({ webhookEndpointId: WebhookEndpoint, expectedVersion: 3 }),
  deleteWebhookEndpoint: ({ WebhookEndpoint }) => ({ webhookEndpointId: WebhookEndpoint, expectedVersion: 4 }),
};

/** The document of a mutation with a selection of its answer. */
export function mutationDocument(name: string, selection: string): string {
  const input = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
  return `mutation ($input: ${input}!) { x: ${name}(input: $input) { ${selection} } }`;
}
