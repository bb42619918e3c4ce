import { type GraphQLField, type GraphQLObjectType, getNamedType, isLeafType, isObjectType, isUnionType } from 'graphql';
import { schema } from '#schema/schema.ts';
import type { Objects } from './network.ts';

// The walk reaches an object of every type of the contract and reads each of its fields by itself.

/** One field of one object, as a document that reads it under the name `x`. */
export interface Step {
  /** "Order.cost"; what is asked of another object of the type is called by it: "Order (sold).cost". */
  readonly name: string;
  readonly document: string;
}

/** Arguments without which a field cannot be asked. */
const ARGUMENTS: Readonly<Record<string, (objects: Objects) => string>> = {
  'Query.node': ({ Station }) => `(id: "${Station}")`,
  'Query.nodes': ({ Station }) => `(ids: ["${Station}"])`,
  'Query.quote': ({ Steam }) => `(input: { skuId: "${Steam}", quantity: 1 })`,
  'Query.orders': () => '(scope: DOWNLINE)',
  'Query.order': () => '(externalRef: "ref-own")',
  'Query.gmvOverview': ({ Station }) => `(range: TODAY, stationId: "${Station}")`,
  'Query.bestSellers': ({ Station }) => `(range: TODAY, stationId: "${Station}")`,
  'Query.categoryVolumes': ({ Station }) => `(range: TODAY, stationId: "${Station}")`,
  'Query.supplierVolumes': () => '(range: TODAY)',
  'Query.routePreview': ({ Sku }) => `(skuId: "${Sku}", quantity: 1)`,
  'Query.supplyScorecards': ({ Sku }) => `(window: DAYS_7, skuId: "${Sku}")`,
  'Query.salesSeries': ({ Sku }) => `(range: TODAY, skuId: "${Sku}")`,
  'Query.upstreamImport': ({ DockedAccount }) => `(accountId: "${DockedAccount}")`,
  'Station.volume': () => '(range: TODAY)',
};

const node =
  (type: string, object = type) =>
  (objects: Objects) =>
    `node(id: "${objects[object]}") { ... on ${type} { @ } }`;
const below = (route: (objects: Objects) => string, path: string) => (objects: Objects) => route(objects).replace('@', path);
const plain = (text: string) => () => text;

/** How an object of each type is reached; "@" stands for what is read of it. */
const ROUTES: Readonly<Record<string, (objects: Objects) => string>> = {
  Viewer: plain('viewer { @ }'),
  Network: node('Network'),
  Station: node('Station'),
  Supplier: node('Supplier'),
  Membership: node('Membership'),
  PriceLevel: node('PriceLevel'),
  Category: node('Category'),
  Product: node('Product'),
  Sku: node('Sku'),
  SkuOffer: below(node('Sku'), 'offer { @ }'),
  Stock: below(node('Sku'), 'offer { stock { @ } }'),
  PriceBreak: plain('catalogue { edges { node { offer { priceBreaks { @ } } } } }'),
  Money: below(node('Station'), 'wallet { balance { @ } }'),
  Quote: ({ Steam }) => `quote(input: { skuId: "${Steam}", quantity: 1 }) { ... on Quote { @ } }`,
  QuoteHop: ({ Steam }) => `quote(input: { skuId: "${Steam}", quantity: 1 }) { ... on Quote { hops { @ } } }`,
  Order: node('Order'),
  'Order (sold)': node('Order', 'Sold'),
  OrderLine: node('OrderLine'),
  OrderInputField: below(node('Order', 'TopUp'), 'input { @ }'),
  OrderShare: below(node('Order'), 'share { @ }'),
  'OrderShare (sold)': below(node('Order', 'Sold'), 'share { @ }'),
  CardKey: below(node('Order'), 'cardKeys { @ }'),
  Refund: node('Refund'),
  Wallet: below(node('Station'), 'wallet { @ }'),
  StatementEntry: node('StatementEntry'),
  MarkupRule: node('MarkupRule'),
  MarkupBreak: below(node('MarkupRule'), 'breaks { @ }'),
  PriceTableRow: plain('priceTable { edges { node { @ } } }'),
  ControlBand: node('ControlBand'),
  CommissionPlan: node('CommissionPlan'),
  Lot: node('Lot'),
  LotCounts: below(node('Lot'), 'counts { @ }'),
  TouchedOrder: below(node('Lot'), 'ordersTouched { edges { node { @ } } }'),
  TouchedOrderConnection: below(node('Lot'), 'ordersTouched { @ }'),
  TouchedOrderEdge: below(node('Lot'), 'ordersTouched { edges { @ } }'),
  StockForecast: below(node('Sku'), 'forecast { @ }'),
  SupplyAccount: node('SupplyAccount'),
  SupplyAccountConnection: plain('supplyAccounts { @ }'),
  SupplyAccountEdge: plain('supplyAccounts { edges { @ } }'),
  SupplySetting: below(node('SupplyOffer'), 'goods { @ }'),
  SupplyKind: plain('supplyKinds { @ }'),
  SupplyField: plain('supplyKinds { accountFields { @ } }'),
  SupplyOffer: node('SupplyOffer'),
  SupplyOfferCost: below(node('SupplyOffer'), 'costs { @ }'),
  SupplyOfferConnection: plain('supplyOffers { @ }'),
  SupplyOfferEdge: plain('supplyOffers { edges { @ } }'),
  RoutePreview: ({ Sku }) => `routePreview(skuId: "${Sku}", quantity: 1) { @ }`,
  RoutedOffer: ({ Sku }) => `routePreview(skuId: "${Sku}", quantity: 1) { offers { @ } }`,
  SupplyScorecard: ({ Sku }) => `supplyScorecards(window: DAYS_7, skuId: "${Sku}") { @ }`,
  ReplenishmentRule: node('ReplenishmentRule'),
  Replenishment: node('Replenishment'),
  ReplenishmentConnection: plain('replenishments { @ }'),
  ReplenishmentEdge: plain('replenishments { edges { @ } }'),
  Listing: node('Listing'),
  ListingCheck: below(node('Listing'), 'checks { @ }'),
  ListingProblem: below(node('Listing'), 'checks { problems { @ } }'),
  ListingVersion: below(node('Listing'), 'versions { @ }'),
  ListingChange: below(node('Listing'), 'versions { changes { @ } }'),
  ListingConnection: plain('listings { @ }'),
  ListingEdge: plain('listings { edges { @ } }'),
  ListingPolicy: node('ListingPolicy'),
  ProductAttribute: below(node('Product', 'OwnProduct'), 'attributes { @ }'),
  BundleComponent: below(node('Sku', 'Bundle'), 'components { @ }'),
  InputField: plain('catalogue { edges { node { inputFields { @ } } } }'),
  InputOption: below(node('Sku', 'Draft'), 'inputFields { options { @ } }'),
  PurchaseAttempt: node('PurchaseAttempt'),
  PurchaseStep: below(node('PurchaseAttempt'), 'steps { @ }'),
  HeldKeys: below(node('PurchaseAttempt'), 'keysHeldBefore { @ }'),
  PurchaseAttemptConnection: plain('purchaseAttempts { @ }'),
  PurchaseAttemptEdge: plain('purchaseAttempts { edges { @ } }'),
  ImportJob: node('ImportJob'),
  ImportProblem: below(node('ImportJob'), 'problems { @ }'),
  GmvTotals: below(node('Station'), 'volume(range: TODAY) { @ }'),
  GmvOverview: ({ Station }) => `gmvOverview(range: TODAY, stationId: "${Station}") { @ }`,
  GmvPoint: ({ Station }) => `gmvOverview(range: TODAY, stationId: "${Station}") { points { @ } }`,
  StationGmv: ({ Station }) => `gmvOverview(range: TODAY, stationId: "${Station}") { byChild { @ } }`,
  SkuVolume: ({ Station }) => `bestSellers(range: TODAY, stationId: "${Station}") { @ }`,
  CategoryVolume: ({ Station }) => `categoryVolumes(range: TODAY, stationId: "${Station}") { @ }`,
  SupplierVolume: plain('supplierVolumes(range: TODAY) { @ }'),
  FrequentSku: plain('frequentSkus { @ }'),
  ApiKey: node('ApiKey'),
  AuditEntry: node('AuditEntry'),
  WebhookEndpoint: node('WebhookEndpoint'),
  WebhookDelivery: node('WebhookDelivery'),
  WebhookAttempt: below(node('WebhookDelivery'), 'attempts { @ }'),
  Alert: node('Alert'),
  AlertThreshold: node('AlertThreshold'),
  AlertConnection: plain('alerts { @ }'),
  AlertEdge: plain('alerts { edges { @ } }'),
  PageInfo: below(node('Station'), 'children { pageInfo { @ } }'),
  StationConnection: below(node('Station'), 'children { @ }'),
  StationEdge: below(node('Station'), 'children { edges { @ } }'),
  StatementEntryConnection: below(node('Station'), 'statement { @ }'),
  StatementEntryEdge: below(node('Station'), 'statement { edges { @ } }'),
  SkuConnection: plain('catalogue { @ }'),
  SkuEdge: plain('catalogue { edges { @ } }'),
  OrderConnection: plain('orders(scope: DOWNLINE) { @ }'),
  OrderEdge: plain('orders(scope: DOWNLINE) { edges { @ } }'),
  MarkupRuleConnection: plain('markupRules { @ }'),
  MarkupRuleEdge: plain('markupRules { edges { @ } }'),
  PriceTableRowConnection: plain('priceTable { @ }'),
  PriceTableRowEdge: plain('priceTable { edges { @ } }'),
  LotConnection: plain('lots { @ }'),
  LotEdge: plain('lots { edges { @ } }'),
  AuditEntryConnection: plain('auditEntries { @ }'),
  AuditEntryEdge: plain('auditEntries { edges { @ } }'),
  WebhookEndpointConnection: plain('webhookEndpoints { @ }'),
  WebhookEndpointEdge: plain('webhookEndpoints { edges { @ } }'),
  WebhookDeliveryConnection: below(node('WebhookEndpoint'), 'deliveries { @ }'),
  WebhookDeliveryEdge: below(node('WebhookEndpoint'), 'deliveries { edges { @ } }'),
  UpstreamImport: node('UpstreamImport'),
  UpstreamImportCount: below(node('UpstreamImport'), 'counts { @ }'),
  UpstreamImportItem: node('UpstreamImportItem'),
  UpstreamImportItemConnection: below(node('UpstreamImport'), 'items { @ }'),
  UpstreamImportItemEdge: below(node('UpstreamImport'), 'items { edges { @ } }'),
  SupplierCompany: below(node('Supplier'), 'company { @ }'),
  SupplierContact: node('SupplierContact'),
  SupplierDocument: node('SupplierDocument'),
  SupplierFile: below(node('SupplierDocument'), 'file { @ }'),
  SupplierCategory: below(node('SupplierDocument'), 'categories { @ }'),
  SupplierMember: below(node('Supplier'), 'members { @ }'),
  SupplierPayables: below(node('Supplier'), 'payables { @ }'),
  SupplierDue: below(node('Supplier'), 'payables { upcoming { @ } }'),
  SupplierStatementEntryConnection: below(node('Supplier'), 'statement { @ }'),
  SupplierStatementEntryEdge: below(node('Supplier'), 'statement { edges { @ } }'),
  SupplierStatementEntry: below(node('Supplier'), 'statement { edges { node { @ } } }'),
  SupplierDocumentConnection: plain('supplierDocuments { @ }'),
  SupplierDocumentEdge: plain('supplierDocuments { edges { @ } }'),
};

/** Types that only an answer to a mutation, or an event of a subscription, brings: they are walked there. */
export const ELSEWHERE: ReadonlySet<string> = new Set([
  'BandBreak',
  'OrderEvent',
  'StockEvent',
  'PriceEvent',
  'PriceChange',
  'WalletEvent',
  'AlertEvent',
  'PulseTick',
  'PurchaseAttentionEvent',
  'PurchaseCall',
  ...outcomes(),
]);

/** Every field of the query root and of every type that can be reached from it; a type without a route throws. */
export function allSteps(objects: Objects): Step[] {
  const root = schema.getQueryType();
  if (!root) throw new Error('the contract has no queries');
  const ofRoot = fieldsOf(root).map((field) => ({ name: `Query.${field.name}`, document: `{ ${read(root, field, objects)} }` }));
  return [...ofRoot, ...typesToWalk().flatMap((type) => stepsOf(type, objects))];
}

function stepsOf(type: GraphQLObjectType, objects: Objects): Step[] {
  const routes = Object.entries(ROUTES).filter(([name]) => name.split(' ')[0] === type.name);
  if (routes.length === 0) throw new Error(`no route leads to ${type.name}: say in test/schema/walk.ts how an object of it is reached`);
  return routes.flatMap(([name, route]) =>
    fieldsOf(type).map((field) => ({
      name: `${name}.${field.name}`,
      document: `{ ${route(objects).replace('@', read(type, field, objects))} }`,
    })),
  );
}

function typesToWalk(): GraphQLObjectType[] {
  const roots = new Set([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]);
  return Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .filter((type) => !type.name.startsWith('__') && !roots.has(type) && !ELSEWHERE.has(type.name));
}

function fieldsOf(type: GraphQLObjectType): GraphQLField<unknown, unknown>[] {
  return Object.values(type.getFields());
}

function read(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>, objects: Objects): string {
  const written = ARGUMENTS[`${type.name}.${field.name}`]?.(objects) ?? '';
  return `x: ${field.name}${written}${isLeafType(getNamedType(field.type)) ? '' : ' { __typename }'}`;
}

/** What mutations answer: the members of their unions, which are no members of anything that a query brings as a thing. */
function outcomes(): string[] {
  const unions = [
    ...Object.values(schema.getMutationType()?.getFields() ?? {}).map((field) => getNamedType(field.type)),
    schema.getType('QuoteResult'),
  ];
  const nested = [schema.getType('PlaceOrderResult')];
  return [...unions, ...nested]
    .flatMap((type) => (isUnionType(type) ? type.getTypes().map(({ name }) => name) : []))
    .filter((name) => name !== 'Quote');
}

/** The mutations and subscriptions of the contract. */
export function rootFields(kind: 'Mutation' | 'Subscription'): string[] {
  const root = kind === 'Mutation' ? schema.getMutationType() : schema.getSubscriptionType();
  return Object.keys(root?.getFields() ?? {});
}

/** How a field was answered: v value, e empty list, n null, h hidden (nothing leads to it), F forbidden, U unauthenticated. */
export function answerOf(result: {
  readonly data?: unknown;
  readonly errors?: readonly { readonly extensions?: Record<string, unknown>; readonly message: string }[] | undefined;
}): string {
  const error = result.errors?.[0];
  if (error !== undefined) {
    const code = error.extensions?.['code'];
    if (code === 'FORBIDDEN') return 'F';
    if (code === 'UNAUTHENTICATED') return 'U';
    return `!${error.message}`;
  }
  const values = found(result.data);
  if (values.length === 0) return 'h';
  const told = values.find((value) => value !== null) ?? null;
  if (told === null) return 'n';
  return Array.isArray(told) && told.length === 0 ? 'e' : 'v';
}

/** Everything that stands under the name `x`. */
function found(data: unknown): unknown[] {
  if (Array.isArray(data)) return data.flatMap(found);
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([name, value]) => (name === 'x' ? [value] : found(value)));
}

/**
 * A selection of everything that a type holds without arguments, so many steps deep; lists of pages are left to their own routes.
 * Every field is named after its type: members of a union may differ.
 */
export function everything(typeName: string, depth: number): string {
  const type = schema.getType(typeName);
  if (isUnionType(type))
    return `__typename ${type
      .getTypes()
      .map(({ name }) => `... on ${name} { ${everything(name, depth)} }`)
      .join(' ')}`;
  if (!isObjectType(type)) return '__typename';
  const parts = fieldsOf(type).flatMap((field) => {
    const inner = getNamedType(field.type);
    if (field.args.some((arg) => arg.type.toString().endsWith('!'))) return [];
    if (isLeafType(inner)) return [`${type.name}_${field.name}: ${field.name}`];
    if (depth === 0 || inner.name.endsWith('Connection')) return [];
    return [`${type.name}_${field.name}: ${field.name} { ${everything(inner.name, depth - 1)} }`];
  });
  return ['__typename', ...parts].join(' ');
}

/** Documents that read everything there is of each object, for those who look for what should not be there. */
export function deepDocuments(objects: Objects, depth: number): string[] {
  return Object.entries(ROUTES).map(([name, route]) => `{ ${route(objects).replace('@', everything(name.split(' ')[0] ?? '', depth))} }`);
}
