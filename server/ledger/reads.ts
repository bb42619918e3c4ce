import type { Queryable } from '#server/platform/database.ts';
import { type CurrencyCode, type Money, money, zeroMoney } from '#server/platform/money.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import { type AccountKind, spendable } from './rules.ts';
import { countStatement, findAccounts, type StatementRow, selectBreaches, selectStatement, selectStatementEntries } from './sql.ts';

export type { StatementRow } from './sql.ts';

/** What a station's accounts hold. An account that was never used holds 0. */
export type WalletView = {
  readonly stationId: string;
  readonly balance: Money;
  readonly creditLimit: Money;
  /** what can be spent: balance plus credit line; headquarters, whose wallet has no floor, is shown its balance */
  readonly available: Money;
  readonly held: Money;
  readonly earningsPending: Money;
  readonly earnings: Money;
  /** what it owes because of refunds after settlement, zero or below */
  readonly clawback: Money;
};

const WALLET_KINDS = ['WALLET', 'HELD', 'EARNINGS_PENDING', 'EARNINGS', 'CLAWBACK'] as const;

/** The wallets of these stations, in one statement. Whose balance a viewer may see is decided before. */
export async function readWallets(
  db: Queryable,
  ledger: { readonly networkId: string; readonly currency: CurrencyCode },
  stationIds: readonly string[],
): Promise<Map<string, WalletView>> {
  const { networkId, currency } = ledger;
  const stations = stationIds.flatMap((id) => WALLET_KINDS.map((kind) => [id, kind] as const));
  const rows = await findAccounts(db, networkId, currency, { stations, suppliers: [], own: [] });
  const byStation = Map.groupBy(rows, (row) => row.station_id);
  return new Map(
    stationIds.map((stationId) => {
      const accounts = new Map((byStation.get(stationId) ?? []).map((row) => [row.kind, row]));
      const held = (kind: (typeof WALLET_KINDS)[number]) => money(accounts.get(kind)?.balance ?? '0', currency);
      const wallet = accounts.get('WALLET');
      const balance = held('WALLET');
      const creditLimit = wallet === undefined ? zeroMoney(currency) : money(wallet.credit_limit, currency);
      const available = spendable({ balance, creditLimit, floorless: wallet?.floorless ?? false }) ?? balance;
      const view: WalletView = {
        stationId,
        balance,
        creditLimit,
        available,
        held: held('HELD'),
        earningsPending: held('EARNINGS_PENDING'),
        earnings: held('EARNINGS'),
        clawback: held('CLAWBACK'),
      };
      return [stationId, view];
    }),
  );
}

/** A page of a station's own statement, newest first; `kinds` null is all of its accounts. */
export async function statementPage(
  db: Queryable,
  station: { readonly networkId: string; readonly stationId: string },
  kinds: readonly AccountKind[] | null,
  page: PageRequest,
): Promise<Page<StatementRow>> {
  return pageOf(page, await selectStatement(db, station, kinds, { direction: page.direction, from: page.from, limit: page.count + 1 }));
}

/** How many entries the statement has. */
export async function statementCount(
  db: Queryable,
  station: { readonly networkId: string; readonly stationId: string },
  kinds: readonly AccountKind[] | null,
): Promise<number> {
  return countStatement(db, station, kinds);
}

/** The station's own entries by id; another's are not among them. */
export async function statementEntriesByIds(
  db: Queryable,
  station: { readonly networkId: string; readonly stationId: string },
  ids: readonly string[],
): Promise<Map<string, StatementRow>> {
  const rows = await selectStatementEntries(db, station.networkId, station.stationId, ids);
  return new Map(rows.map((row) => [row.id, row]));
}

/** The invariants of domain §5, and what §6 says of goods that are bought, each with the sentence that the audit prints. */
export const invariants = {
  SUM_ZERO: 'The postings of every transfer sum to zero, and so do all accounts of a network.',
  BALANCE_IS_SUM: 'The balance of every account is the sum of its postings.',
  FLOOR_HELD: 'No account is below its floor.',
  KEY_SOLD_ONCE: 'Every card key is sold at most once, and every delivered line has exactly as many keys as it says.',
  ONE_EFFECT: 'Every request key had at most one effect, and every order was paid exactly once.',
  HELD_WAITS: 'What is held of a station is the total of its orders that wait for goods, held once and sold or released once.',
  BOUGHT_ONCE: 'Every line that waits has one purchase under way or a person who decides, and no line was bought twice.',
} as const;

/** One of the invariants. */
export type Invariant = keyof typeof invariants;

/** Something that breaks an invariant: what (`subject`) and how (`detail`). */
export type Breach = { readonly invariant: Invariant; readonly networkId: string; readonly subject: string; readonly detail: string };

/**
 * Proves the invariants in one statement and one snapshot, at any moment and under load: no breach, all is well. Of one
 * network, or of all. Reads whole tables.
 */
export async function auditLedger(db: Queryable, networkId: string | null = null): Promise<Breach[]> {
  const rows = await selectBreaches(db, networkId);
  return rows.map(({ invariant, network_id, subject, detail }) => ({
    invariant: invariant as Invariant,
    networkId: network_id,
    subject,
    detail,
  }));
}
