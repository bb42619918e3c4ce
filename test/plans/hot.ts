/** What the plan of a hot statement must go by. */
export interface HotStatement {
  readonly indexes: readonly string[];
  /** What an index's condition must hold: where a page's range begins. Were it a filter, deep pages would read all before them. */
  readonly range?: string;
  /** Whether it runs where sequential scans are off: in the transactions of orders. */
  readonly settled?: boolean;
}

/** Tables of a row or a few for each network, and categories and people, which no index makes faster at this size. */
export const SMALL: ReadonlySet<string> = new Set(['network', 'relay_position', 'category', 'supplier', 'users']);

const settled = (...indexes: readonly string[]): HotStatement => ({ indexes, settled: true });
const by = (...indexes: readonly string[]): HotStatement => ({ indexes });
const from = (range: string, ...indexes: readonly string[]): HotStatement => ({ indexes, range });

const FACTS = ['sku_pkey', 'product_pkey', 'card_key_available_idx', 'control_band_live_key', 'station_pkey', 'bundle_component_live_key'];
const CATALOGUE = [...FACTS, 'sku_network_id_category_path_product_id_id_idx'];
const HOPS = 'order_hop_network_id_station_id_order_id_key';
const STATEMENT = ['account_holder_key', 'posting_network_id_account_id_id_idx', 'transfer_pkey'];
const AUDIT = 'audit_entry_network_id_station_id_id_idx';
const RULES = 'markup_rule_newest_idx';

/**
 * Every statement of the hot work, and the indexes that its comment names; a plain INSERT of given rows reads no table. The reads of
 * roll-ups and their counting have a test of their own (test/analytics/plans.test.ts).
 */
export const HOT: Readonly<Record<string, HotStatement>> = {
  // placing orders: ground and facts
  'orders.terms': settled('network_pkey'),
  'network.linesOfStations': settled('station_pkey'),
  'orders.orderedSkus': settled('sku_pkey', 'product_pkey'),
  'ledger.lockWallets': settled('account_holder_key'),
  'orders.knownKeys': settled('request_key_network_id_station_id_effect_key_key'),
  'orders.takenRefs': settled('orders_external_ref_key'),
  'pricing.rulesOfOrders': settled('markup_rule_live_key'),
  'pricing.bandsOfSkus': settled('control_band_live_key'),
  'commission.plansOfOwners': settled('commission_plan_live_key'),
  'stock.claimAtOnce': settled('card_key_available_idx', 'lot_pkey'),
  'network.pathsOfStations': settled('station_pkey'),
  // placing orders: effects
  'ledger.findAccounts': settled('account_holder_key', 'account_pkey'),
  'ledger.openAccounts': settled('station_pkey'),
  'orders.insertOrders': settled(),
  'orders.insertHops': settled(),
  'orders.insertLines': settled(),
  'stock.takeKeys': settled('card_key_pkey'),
  'stock.insertSales': settled(),
  'orders.insertKeys': settled(),
  'orders.firstOrder': settled('network_pkey'),
  'events.insert': settled(),
  'ledger.insertTransfers': settled(),
  'ledger.lockAccounts': settled('account_pkey'),
  'ledger.insertPostings': settled('account_pkey'),
  // the relay
  'relay.networksWaiting': by('outbox_event_unnumbered_idx'),
  'relay.numberNext': by('outbox_event_unnumbered_idx', 'outbox_event_pkey'),
  // who asks
  'accounts.findApiKeys': by('api_key_pkey', 'station_pkey'),
  'accounts.touchApiKeys': by('api_key_pkey'),
  // pages
  'network.lineOfStation': by('station_pkey'),
  'catalog.catalogueAfter': from('ROW(category_path, product_id, id) > ROW(', ...CATALOGUE),
  'catalog.catalogueBefore': from('ROW(category_path, product_id, id) < ROW(', ...CATALOGUE),
  'catalog.factsByIds': by(...FACTS),
  'orders.pageOlderALL': from('order_id < $12', HOPS, 'orders_pkey'),
  'orders.pageNewerALL': from('order_id > $12', HOPS, 'orders_pkey'),
  'orders.pageOlderBUYER': from('order_id < $12', 'order_hop_bought_idx', 'orders_pkey'),
  'orders.pageNewerBUYER': from('order_id > $12', 'order_hop_bought_idx', 'orders_pkey'),
  'orders.pageOlderOWNER': from('order_id < $12', 'order_hop_owned_idx', 'orders_pkey'),
  'orders.pageNewerOWNER': from('order_id > $12', 'order_hop_owned_idx', 'orders_pkey'),
  'orders.seenByIds': by(HOPS, 'orders_pkey'),
  'ledger.statementOlder': from('id < $4', ...STATEMENT),
  'ledger.statementNewer': from('id > $4', ...STATEMENT),
  'accounts.auditOfStationOlder': from('id < $3', AUDIT),
  'accounts.auditOfStationNewer': from('id > $3', AUDIT),
  'pricing.rulesOfFewSkus': by('markup_rule_live_key'),
  'pricing.olderRules': from('id < COALESCE($6,', RULES),
  'pricing.newerRules': from('id > COALESCE($6,', RULES),
  'stock.lotsOlder': from('id < $3', 'lot_pkey'),
  'stock.lotsNewer': from('id > $3', 'lot_pkey'),
  'stock.lotsOfSkuOlder': from('id < $3', 'lot_goods_key'),
  'stock.lotsOfSkuNewer': from('id > $3', 'lot_goods_key'),
};
