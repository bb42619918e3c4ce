import { decodeId, globalId } from '#schema/ids.ts';
import { actorId, type Viewer } from '#server/accounts/rules.ts';
import { raiseAlerts } from '#server/flows/raise-alerts.ts';
import { putDocumentFile } from '#server/flows/supplier-files.ts';
import { relayOnce } from '#server/live/relay.ts';
import { rollUpOnce } from '#server/live/roll-ups.ts';
import { type Database, run } from '#server/platform/database.ts';
import { insertAttempt } from '#server/webhooks/sql.ts';
import { makeOffer, makeSku } from '#test/support/supply.ts';
import { testVault, world } from '#test/support/world.ts';
import { ask } from './ask.ts';
import { listingObjects } from './listing-objects.ts';
import { purchaseObjects } from './purchase-objects.ts';
import { stockObjects } from './stock-objects.ts';
import { supplyObjects } from './supply-objects.ts';
import { importObjects } from './upstream-objects.ts';

// One network with an object of every kind that belongs to station A, and everyone who might ask for it. Costs and prices are odd
// decimals that stand nowhere else: whoever sees one of them without the right has been told too much.

/** Who asks, in the order of the tables. The roles are those of A's own people; `scopeless` is a program of A's without any scope. */
export const ASKERS = [
  'nobody',
  'stranger',
  'sibling',
  'child',
  'parent',
  'supplier',
  'scopeless',
  'OWNER',
  'MANAGER',
  'FINANCE',
  'OPERATOR',
  'VIEWER',
] as const;

/** One of those who ask. */
export type Asker = (typeof ASKERS)[number];

/** What of A's is asked for: global ids by the type of the contract. */
export type Objects = Readonly<Record<string, string>>;

/** The network, its objects, and its people. */
export interface Neighbourhood {
  readonly objects: Objects;
  readonly viewers: Readonly<Record<Asker, Viewer | null>>;
  /** plain ids */
  readonly ids: {
    readonly networkId: string;
    readonly stations: Readonly<Record<string, string>>;
    readonly skus: Readonly<Record<string, string>>;
  };
}

/** Figures that only some may ever read. None can stand in a time of day: its seconds end at 59. */
export const CANARIES = {
  /** what a key of headquarters' goods costs */
  hqCost: '61.37',
  hqLot: '613.70',
  /** of the two keys that A bought */
  hqOrderCost: '122.74',
  hqBase: '67.5319',
  /** what a key of A's own goods costs */
  ownCost: '73.79',
  ownLot: '737.90',
  ownOrderCost: '147.58',
  ownBase: '77.3391',
  /** what A, and every other child of headquarters, pays for headquarters' goods: base + 1.7 % */
  paidByA: '68.6799',
  /** what R pays A for them: + 0.83 */
  paidByR: '69.5099',
  /** a card key that A bought, one that R bought of A, one that A may take out of its own stock */
  boughtByA: '"steam-1-1"',
  boughtByR: '"local-2-1"',
  withdrawable: '"local-3-1"',
} as const;

/** Builds it: HQ → A and B; A → R, Q and M. HQ owns "steam", A owns "local". R has bought both. */
export async function neighbourhood(db: Database): Promise<Neighbourhood> {
  const w = await world(db, {
    stations: {
      HQ: { wallet: '5000.00' },
      A: { parent: 'HQ', wallet: '4000.00', kind: 'SUBSTATION', level: 'gold' },
      B: { parent: 'HQ', kind: 'SUBSTATION' },
      R: { parent: 'A', wallet: '3000.00', level: 'silver' },
      Q: { parent: 'A', level: 'silver' },
      M: { parent: 'A', kind: 'SUBSTATION' },
    },
    suppliers: ['S', 'T'],
    skus: {
      steam: { basePrice: CANARIES.hqBase },
      local: { basePrice: CANARIES.ownBase, owner: 'A' },
      phone: { basePrice: '20.0000', owner: 'A' },
    },
    rules: [
      { by: 'HQ', kind: 'PERCENT', value: '1.7' },
      { by: 'A', level: 'silver', kind: 'FIXED', value: '0.83', breaks: [{ minQuantity: 2, value: '0.61' }] },
    ],
    bands: [{ sku: 'local', floor: '11.11', ceiling: '99.19' }],
    plans: [{ sku: 'local', poolKind: 'PERCENT', poolValue: '1', shareBps: [5000, 3000, 2000] }],
    lots: [
      { sku: 'steam', supplier: 'S', totalCost: CANARIES.hqLot, keys: 10 },
      { sku: 'local', supplier: 'T', totalCost: CANARIES.ownLot, keys: 10 },
      { sku: 'local', supplier: 'T', totalCost: CANARIES.ownLot, keys: 10, terms: 'OWN' },
    ],
  });
  const other = await world(db, { stations: { HQ: {} } });
  const viewers = {
    nobody: null,
    stranger: other.viewer('HQ'),
    sibling: w.viewer('B'),
    child: w.viewer('R'),
    parent: w.viewer('HQ'),
    supplier: w.viewer('S'),
    scopeless: w.program('A', []),
    OWNER: w.viewer('A', 'OWNER'),
    MANAGER: w.viewer('A', 'MANAGER'),
    FINANCE: w.viewer('A', 'FINANCE'),
    OPERATOR: w.viewer('A', 'OPERATOR'),
    VIEWER: w.viewer('A', 'VIEWER'),
  };
  // a direct top-up that A has a supplier for
  await makeSku(db, w, 'phone', { deliveryKind: 'SOURCED', goodsKind: 'TOP_UP', inputFields: [{ name: 'phone', kind: 'PHONE' }] });
  await makeOffer(db, w, { sku: 'phone', supplier: 'T', unitCost: '13.1300', ownerId: w.stations.A });
  await makeOffer(db, w, { sku: 'local', supplier: 'T', unitCost: '17.1700', ownerId: w.stations.A });
  const shelf = { networkId: w.networkId, skuId: w.skus.local, ownerId: w.stations.A, actorId: actorId(w.viewer('A')) };
  const objects = {
    ...(await makeObjects(db, w.viewer('A'), w.viewer('R'), w)),
    ...(await supplierObjects(db, w.viewer('HQ'), w)),
    ...(await importObjects(db, w, 'T', w.stations.A)),
    ...(await purchaseObjects(db, shelf)),
    ...(await stockObjects(db, shelf)),
    ...(await supplyObjects(db, w.viewer('A'), { skuId: w.skus.phone, routedSkuId: w.skus.phone, supplierId: w.suppliers.T })),
    ...(await listingObjects(db, w.viewer('A'), w.skus.local)),
  };
  await relayOnce(db);
  await rollUpOnce(db);
  return { objects, viewers, ids: { networkId: w.networkId, stations: w.stations, skus: w.skus } };
}

interface Names {
  readonly networkId: string;
  readonly stations: Readonly<Record<string, string>>;
  readonly suppliers: Readonly<Record<string, string>>;
  readonly skus: Readonly<Record<string, string>>;
  readonly products: Readonly<Record<string, string>>;
  readonly categories: Readonly<Record<string, string>>;
  readonly levels: Readonly<Record<string, string>>;
}

async function makeObjects(db: Database, owner: Viewer, buyer: Viewer, w: Names): Promise<Objects> {
  const sku = globalId('Sku', w.skus['local'] ?? '');
  const order = await placed(db, owner, 'own', globalId('Sku', w.skus['steam'] ?? ''));
  const sold = await placed(db, buyer, 'sold', sku);
  const topUp = await placed(db, buyer, 'top-up', globalId('Sku', w.skus['phone'] ?? ''), [{ name: 'phone', value: '13800138000' }]);
  const refund = await ask(
    db,
    buyer,
    'mutation ($id: ID!) { refundOrder(input: { requestKey: "ask", orderId: $id, amount: "1.00", reason: "late" }) { __typename ... on RefundRequested { refund { id } } } }',
    { id: sold },
  );
  const key = await ask(
    db,
    owner,
    'mutation { createApiKey(input: { name: "bot", permissions: [ORDERS_READ] }) { ... on ApiKeyCreated { apiKey { id } } } }',
  );
  const made = await ask(
    db,
    owner,
    'mutation ($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) { ... on WebhookEndpointCreated { webhookEndpoint { id } } } }',
    { input: { url: 'https://shop.example.com/hook', document: 'subscription { orderUpdated(scope: MINE) { kind } }' } },
  );
  const webhook = idIn(made, 'createWebhookEndpoint', 'webhookEndpoint');
  const delivery = await ask(
    db,
    owner,
    'mutation ($id: ID!) { testWebhookEndpoint(input: { webhookEndpointId: $id }) { ... on WebhookDeliveryQueued { webhookDelivery { id } } } }',
    { id: webhook },
  );
  await called(db, w.networkId, decodeId(idIn(delivery, 'testWebhookEndpoint', 'webhookDelivery'))?.id ?? '');
  await ask(db, owner, 'mutation { setWalletThreshold(input: { amount: "9999.00" }) { __typename } }');
  // raised as the server does, from the numbered event
  await relayOnce(db);
  await raiseAlerts(db);
  const row = async (table: string, condition: string) => {
    const found = await db.pool.query<{ id: string }>(
      `SELECT id FROM ${table} WHERE network_id = $1 AND ${condition} ORDER BY id LIMIT 1`,
      [w.networkId],
    );
    if (found.rows[0] === undefined) throw new Error(`no ${table} where ${condition}`);
    return found.rows[0].id;
  };
  const stationId = w.stations['A'] ?? '';
  const lot = await row('lot', `owner_id = '${stationId}'`);
  const job = await importJob(db, w, stationId, lot);
  return {
    Network: globalId('Network', w.networkId),
    Station: globalId('Station', stationId),
    Supplier: globalId('Supplier', w.suppliers['T'] ?? ''),
    Membership: globalId('Membership', await row('membership', `station_id = '${stationId}' AND role = 'OWNER'`)),
    PriceLevel: globalId('PriceLevel', w.levels['A/silver'] ?? ''),
    Category: globalId('Category', w.categories['Goods'] ?? ''),
    Product: globalId('Product', w.products['local'] ?? ''),
    Sku: sku,
    // headquarters', which A may buy
    Steam: globalId('Sku', w.skus['steam'] ?? ''),
    Child: globalId('Station', w.stations['R'] ?? ''),
    Grandchild: globalId('Station', w.stations['Q'] ?? ''),
    Middle: globalId('Station', w.stations['M'] ?? ''),
    // bought by A itself, of headquarters' goods
    Order: order,
    OrderLine: globalId('OrderLine', await row('order_line', `sku_id = '${w.skus['steam']}'`)),
    // of A's own goods, bought by its child
    Sold: sold,
    // of A's own top-up, bought by its child: its money is held
    TopUp: topUp,
    Refund: idIn(refund, 'refundOrder', 'refund'),
    StatementEntry: globalId(
      'StatementEntry',
      await row('posting', `reason = 'SALE' AND account_id IN (SELECT id FROM account WHERE station_id = '${stationId}')`),
    ),
    MarkupRule: globalId('MarkupRule', await row('markup_rule', `station_id = '${stationId}'`)),
    ControlBand: globalId('ControlBand', await row('control_band', `sku_id = '${w.skus['local']}'`)),
    CommissionPlan: globalId('CommissionPlan', await row('commission_plan', `owner_id = '${stationId}'`)),
    Lot: globalId('Lot', lot),
    ImportJob: globalId('ImportJob', job),
    Alert: globalId('Alert', await row('alert', `station_id = '${stationId}'`)),
    AlertThreshold: globalId('AlertThreshold', await row('alert_threshold', `station_id = '${stationId}'`)),
    ApiKey: idIn(key, 'createApiKey', 'apiKey'),
    WebhookEndpoint: webhook,
    WebhookDelivery: idIn(delivery, 'testWebhookEndpoint', 'webhookDelivery'),
    AuditEntry: globalId('AuditEntry', await row('audit_entry', `station_id = '${stationId}'`)),
  };
}

/** The papers of T, as its headquarters wrote them down. */
async function supplierObjects(db: Database, headquarters: Viewer, w: Names): Promise<Objects> {
  const Supplier = globalId('Supplier', w.suppliers['T'] ?? '');
  const contact = await ask(
    db,
    headquarters,
    'mutation ($id: ID!) { saveSupplierContact(input: { supplierId: $id, name: "Wang" }) { ... on SupplierContactSaved { contact { id } } } }',
    { id: Supplier },
  );
  const facts = {
    type: 'BUSINESS_LICENCE',
    number: '91310000',
    expiresOn: '2199-12-31',
    categoryIds: [globalId('Category', w.categories['Goods'] ?? '')],
  };
  const submitted = await ask(
    db,
    headquarters,
    'mutation ($input: SubmitSupplierDocumentInput!) { submitSupplierDocument(input: $input) { ... on SupplierDocumentSubmitted { document { id } } } }',
    { input: { supplierId: Supplier, facts } },
  );
  const document = idIn(submitted, 'submitSupplierDocument', 'document');
  const file = { documentId: decodeId(document)?.id ?? '', name: 'licence.pdf', bytes: Buffer.from('%PDF-1.7') };
  await putDocumentFile(db, testVault, headquarters, file);
  const members = await ask(db, headquarters, 'query ($id: ID!) { node(id: $id) { ... on Supplier { members { membershipId role } } } }', {
    id: Supplier,
  });
  const list = (members.data as { node: { members: { membershipId: string; role: string }[] } }).node.members;
  return {
    SupplierContact: idIn(contact, 'saveSupplierContact', 'contact'),
    SupplierDocument: document,
    SupplierMembership: list.find(({ role }) => role === 'VIEWER')?.membershipId ?? '',
  };
}

/** An attempt in the log of a delivery. */
async function called(db: Database, networkId: string, deliveryId: string): Promise<void> {
  await run(db.pool, insertAttempt, [networkId, db.newId(), deliveryId, db.clock(), 12, 500, null, 'no']);
}

async function placed(
  db: Database,
  buyer: Viewer,
  requestKey: string,
  skuId: string,
  typed?: readonly { readonly name: string; readonly value: string }[],
): Promise<string> {
  const document = `mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename ... on OrderPlaced { order { id } } ... on Refusal { message } } }`;
  const input = { requestKey, skuId, quantity: 2, maxTotal: '1000.00', externalRef: `ref-${requestKey}`, input: typed };
  return idIn(await ask(db, buyer, document, { input }), 'placeOrder', 'order');
}

async function importJob(db: Database, w: Names, ownerId: string, lotId: string): Promise<string> {
  const id = db.newId();
  const values = [
    w.networkId,
    id,
    w.skus['local'],
    ownerId,
    lotId,
    JSON.stringify([{ line: 2, code: 'TOO_LONG' }]),
    db.newId(),
    db.clock(),
  ];
  await db.pool.query(
    `INSERT INTO import_job (network_id, id, sku_id, owner_id, lot_id, terms, total_cost, currency, line_count, problems, data_key, vault_key_id, created_by, created_at)
     VALUES ($1, $2, $3, $4, $5, 'OWN', 1, 'CNY', 2, $6, '', 'test', $7, $8)`,
    values,
  );
  return id;
}

function idIn(result: { data?: unknown; errors?: unknown }, field: string, object: string): string {
  const id = (result.data as Record<string, Record<string, { id?: string }>> | null | undefined)?.[field]?.[object]?.id;
  if (id === undefined) throw new Error(`no ${object} in ${JSON.stringify(result)}`);
  return id;
}
