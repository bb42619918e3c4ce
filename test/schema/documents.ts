// The twenty heaviest documents that a console or a program sends, with the statements that each may cost at most: one number,
// for 2 rows and for 50. Asked by headquarters unless said otherwise.

/** A document, who asks it, and how many SQL statements it may take. */
export interface HeavyDocument {
  readonly name: string;
  readonly as: 'HQ' | 'A' | 'R1';
  readonly statements: number;
  readonly text: string;
}

const MONEY = '{ amount currency }';
const TOTALS = `{ gmv ${MONEY} orderCount quantity margin ${MONEY} commission ${MONEY} refundTotal ${MONEY} refundCount }`;
const PAGE = 'totalCount pageInfo { hasNextPage endCursor }';
const SKU = `{ id code name faceValue unitSize minQuantity maxQuantity quantityStep product { id name brand category { id name parent { name } } } }`;
const ORDER = `id state channel quantity productName skuName unitPrice ${MONEY} total ${MONEY} refundedTotal ${MONEY} placedAt deliveredAt cardKeyCount revealedCount
  buyer { id name code status parent { name } } sku ${SKU} lines { id quantity deliveredQuantity sku { name } }
  share { role paidTotal ${MONEY} soldTotal ${MONEY} margin ${MONEY} commission ${MONEY} dueOn } cost ${MONEY} refunds { id state amount ${MONEY} bearer reason }`;

export const HEAVY: readonly HeavyDocument[] = [
  {
    name: 'who I am',
    as: 'HQ',
    statements: 5,
    text: '{ viewer { id name email role permissions network { name currency timeZone } party { ... on Station { name status wallet { available { amount } } } } memberships { role networkName party { ... on Station { name } } } } }',
  },
  {
    name: 'children with everything',
    as: 'A',
    statements: 11,
    text: `{ station { name children(first: 50) { ${PAGE} edges { node { id name code kind status depth version createdAt childCount level { name stationCount } parent { name } wallet { balance ${MONEY} available ${MONEY} earnings ${MONEY} } volume(range: DAYS_30) ${TOTALS} } } } } }`,
  },
  {
    name: 'the downline',
    as: 'HQ',
    statements: 10,
    text: `{ station { downline(first: 100, search: "R") { ${PAGE} edges { node { id name status childCount parent { name parent { name } } wallet { balance ${MONEY} } volume(range: TODAY) ${TOTALS} } } } } }`,
  },
  {
    name: 'children of children',
    as: 'HQ',
    statements: 10,
    text: `{ station { children(first: 50) { edges { node { name children(first: 50) { ${PAGE} edges { node { name childCount wallet { balance ${MONEY} } children(first: 5) { edges { node { name } } } } } } } } } } }`,
  },
  {
    name: 'downlines in a downline',
    as: 'HQ',
    statements: 7,
    text: `{ station { downline(first: 50) { edges { node { name downline(first: 10, status: ACTIVE) { ${PAGE} edges { node { name level { name } } } } } } } } }`,
  },
  {
    name: 'the catalogue as a reseller buys',
    as: 'R1',
    statements: 6,
    text: `{ catalogue(first: 100) { ${PAGE} edges { cursor node { ${SKU.slice(1, -1)} offer { unitPrice ${MONEY} priceBreaks { minQuantity unitPrice ${MONEY} } stock { availableCount many } notSellable } basePrice ${MONEY} supplierCost ${MONEY} } } } }`,
  },
  {
    name: 'the catalogue as its owner sees it',
    as: 'HQ',
    statements: 7,
    text: `{ catalogue(first: 100) { ${PAGE} edges { node { ${SKU.slice(1, -1)} basePrice ${MONEY} supplierCost ${MONEY} controlBand { floor ${MONEY} ceiling ${MONEY} version } offer { stock { availableCount } } } } } }`,
  },
  {
    name: 'shelves with their goods',
    as: 'R1',
    statements: 11,
    text: `{ categories { id name depth children { name children { name } } } catalogue(first: 50) { edges { node { product { name category { name } skus { name offer { unitPrice ${MONEY} } } } } } } }`,
  },
  {
    name: 'a quote',
    as: 'R1',
    statements: 8,
    text: `{ quote(input: { skuId: "SKU", quantity: 1 }) { __typename ... on Quote { unitPrice ${MONEY} total ${MONEY} walletAfter ${MONEY} stock { availableCount } sku ${SKU} hops { station { name } total ${MONEY} } } } }`,
  },
  {
    name: 'orders of the downline',
    as: 'HQ',
    statements: 10,
    text: `{ orders(scope: DOWNLINE, first: 100) { ${PAGE} edges { node { ${ORDER} } } } }`,
  },
  {
    name: 'orders of own goods',
    as: 'HQ',
    statements: 10,
    text: `{ orders(scope: OWNED, first: 100, filter: { states: [DELIVERED], placedFrom: "2020-01-01T00:00:00Z" }) { ${PAGE} edges { node { ${ORDER} } } } }`,
  },
  {
    name: 'own orders with their card keys',
    as: 'A',
    statements: 17,
    text: `{ orders(scope: MINE, first: 100) { ${PAGE} edges { node { ${ORDER} cardKeys { id number secret revealedAt } } } } }`,
  },
  { name: 'nodes by their ids', as: 'HQ', statements: 9, text: `{ nodes(ids: [ORDERS]) { id __typename ... on Order { ${ORDER} } } }` },
  {
    name: 'the statement with its orders',
    as: 'HQ',
    statements: 14,
    text: `{ station { wallet { balance ${MONEY} earningsPending ${MONEY} } statement(first: 100) { ${PAGE} edges { node { id accountKind reason amount ${MONEY} dueOn note createdAt order { ${ORDER} } } } } } }`,
  },
  {
    name: 'the price table',
    as: 'A',
    statements: 6,
    text: `{ priceTable(first: 100) { ${PAGE} edges { node { cost ${MONEY} price ${MONEY} margin ${MONEY} clamped notSellable floor ${MONEY} ceiling ${MONEY} sku ${SKU} rule { id kind value version child { name } sku { name } } } } } }`,
  },
  {
    name: 'markup rules with what they are on',
    as: 'A',
    statements: 9,
    text: `{ markupRules(first: 100) { ${PAGE} edges { node { id kind value inversion version validFrom reason breaks { minQuantity value } child { name status } level { name stationCount } sku ${SKU} product { name } category { name } } } } }`,
  },
  {
    name: 'commission plans',
    as: 'HQ',
    statements: 4,
    text: `{ commissionPlans { id poolKind poolValue shareBps version sku ${SKU} product { name } category { name } } }`,
  },
  {
    name: 'lots with suppliers',
    as: 'HQ',
    statements: 12,
    text: `{ suppliers { name } lots(first: 100) { ${PAGE} edges { node { id terms keyCount availableCount totalCost ${MONEY} expiresOn supplier { name code } sku { ${SKU.slice(1, -1)} supplierCost ${MONEY} } } } } }`,
  },
  {
    name: 'refunds that wait',
    as: 'HQ',
    statements: 10,
    text: `{ refundRequests { id amount ${MONEY} state reason bearer order { ${ORDER} } } }`,
  },
  {
    name: 'headquarters at a glance',
    as: 'HQ',
    statements: 20,
    text: `{ gmvOverview(range: DAYS_30) { totals ${TOTALS} comparison ${TOTALS} asOf points { start gmv ${MONEY} orderCount comparisonGmv ${MONEY} } byChild { childCount comparisonGmv ${MONEY} totals ${TOTALS} station { name status wallet { balance ${MONEY} } } } } apiKeys { name permissions } auditEntries(first: 50) { ${PAGE} edges { node { action actorName } } } orders(scope: DOWNLINE, first: 20) { edges { node { ${ORDER} } } } }`,
  },
  {
    name: 'what headquarters sells best, and whose goods',
    as: 'HQ',
    statements: 11,
    text: `{ bestSellers(range: DAYS_60, first: 50) { productName totals ${TOTALS} sku ${SKU} } categoryVolumes(range: DAYS_60, first: 50) { name totals ${TOTALS} category { name } } supplierVolumes(range: DAYS_60, first: 50) { cost ${MONEY} totals ${TOTALS} supplier { name } } salesSeries(range: DAYS_60, skuId: "SKU") { start gmv ${MONEY} } }`,
  },
  {
    name: 'what a buyer buys often, as it may be bought now',
    as: 'A',
    statements: 8,
    text: `{ frequentSkus(first: 50) { orderCount quantity gmv ${MONEY} lastOn sku { ${SKU.slice(1, -1)} offer { unitPrice ${MONEY} stock { availableCount } } } } }`,
  },
  {
    name: 'webhooks with their logs',
    as: 'HQ',
    statements: 9,
    text: `{ webhookEndpoints(first: 20) { ${PAGE} edges { node { id url topics permissions isEnabled circuit pendingCount failedCount lastSuccessAt deliveries(first: 20) { ${PAGE} edges { node { id webhookId topic state payload attempts { status failure answer durationMs } } } } } } } }`,
  },
  {
    name: 'suppliers with their papers and what they are owed',
    as: 'HQ',
    statements: 14,
    text: `{ suppliers { name standing standingReason version company { legalName address } contacts { name phone } documents { type number state daysLeft categories { name } file { name byteCount } } members { name role } deposit ${MONEY} payables { pending ${MONEY} pastDue ${MONEY} payable ${MONEY} upcoming { dueOn amount ${MONEY} } } } supplierDocuments(state: PENDING, first: 50) { ${PAGE} edges { node { number supplier { name } } } } }`,
  },
  {
    name: 'listings with their checks and what their versions changed',
    as: 'HQ',
    statements: 9,
    text: `{ listings(first: 50) { ${PAGE} edges { node { id title state number version goLiveAt hasUnreviewedChanges owner { name } sku { code } checks { kind state problems { code message } } versions { number changes { field before after } } } } } listingPolicy { bannedWords marginMinBps } }`,
  },
  {
    name: 'the catalogue with what buyers fill in and what bundles hold',
    as: 'R1',
    statements: 9,
    text: `{ catalogue(first: 50) { edges { node { title deliveryKind goodsKind version inputFields { name label kind options { value } } components { sku { code } productName quantity } product { attributes { name value } pictureUrl } } } } }`,
  },
];
