import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import type { Connector, ConnectorKind, UpstreamAccount, UpstreamResult } from '#server/connectors/connector.ts';
import type { Upstreams } from '#server/connectors/upstreams.ts';
import {
  createAccount,
  type Edit,
  editAccount,
  type NotFound,
  rotateCallback,
  type Stale,
  sealNewAccount,
  sealNewSettings,
  sealNewToken,
} from '#server/offers/commands.ts';
import { type AccountInput, accountProblem, type InvalidInput, openAccount, openSecrets, partSettings } from '#server/offers/rules.ts';
import { countAccounts, hastenNews, type SealedAccountRow, selectSealedAccount, selectSkusOfAccount } from '#server/offers/sql.ts';
import { type Database, inTransaction, run, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { isId } from '#server/platform/ids.ts';
import type { Vault } from '#server/platform/vault.ts';
import { suppliersById } from '#server/suppliers/sql.ts';

/** What the flows of supply stand on. */
export type SupplyGround = { readonly db: Database; readonly vault: Vault; readonly upstreams: Upstreams };

/** An account that is about to be made. One that is switched off is saved without asking the upstream. */
export type NewSupplyAccount = AccountInput & { readonly supplierId: string; readonly isEnabled: boolean };

/** Something that the acting station may not do. */
export type NotAllowed = { readonly kind: 'NOT_ALLOWED'; readonly message: string };

const ACCOUNTS_MAX = 200;
const NAME_TAKEN: InvalidInput = { kind: 'INVALID_INPUT', field: 'name', message: 'Another account has this name.' };

/**
 * Makes an account of the acting station at a supplier's system. Its settings are checked, and tried at the upstream (no transaction is
 * open then); secrets are sealed and never shown again. Where upstreams of this kind call back, the address is answered this once.
 * Refuses: INVALID_INPUT (also settings that the upstream does not take), NOT_FOUND (the supplier), NOT_ALLOWED (too many).
 */
export async function createSupplyAccount(
  { db, vault, upstreams }: SupplyGround,
  viewer: Viewer,
  input: NewSupplyAccount,
): Promise<
  { readonly kind: 'CREATED'; readonly accountId: string; readonly callbackUrl: string | null } | InvalidInput | NotFound | NotAllowed
> {
  const owner = { networkId: viewer.networkId, ownerId: actingStationWith(viewer, 'SUPPLY_MANAGE') };
  if (!isId(input.supplierId) || (await run(db.pool, suppliersById, [owner.networkId, [input.supplierId]])).length === 0)
    return { kind: 'NOT_FOUND' };
  if ((await countAccounts(db.pool, owner)) >= ACCOUNTS_MAX)
    return { kind: 'NOT_ALLOWED', message: `A station has at most ${ACCOUNTS_MAX} accounts at suppliers.` };
  const account = { ...input, baseUrl: input.baseUrl.trim().replace(/\/+$/, '') };
  const connector = upstreams.connectorOf(account.kind);
  const problem = await accountRefusal(upstreams, connector, account);
  if (problem) return problem;
  const { open, secret } = partSettings(connector.accountFields, account.settings);
  const accountId = db.newId();
  const { callbackUrl, ...sealed } = sealNewAccount(
    vault,
    { networkId: owner.networkId, accountId, publicUrl: upstreams.publicUrl },
    secret,
  );
  const values = {
    ...account,
    ...owner,
    ...sealed,
    accountId,
    settings: open,
    createdBy: actorId(viewer),
    checkedAt: checkedAt(db, account),
  };
  const outcome = await inTransaction(db, async (tx) => {
    const created = await createAccount(tx, values);
    if (created.kind === 'CREATED') await audit(tx, viewer, 'supply_account.created', accountId, account);
    return created;
  });
  if (outcome.kind === 'NAME_TAKEN') return NAME_TAKEN;
  return { kind: 'CREATED', accountId, callbackUrl: connector.abilities.callsBack ? callbackUrl : null };
}

/** What an edit changes; what is left out stays, of the settings each by itself. An empty text takes a setting away. */
export type SupplyAccountChange = Partial<Omit<NewSupplyAccount, 'kind' | 'currency' | 'supplierId'>>;

/**
 * Changes an account of the acting station; its kind, supplier and currency stay. Tried at the upstream while it is enabled, unless only
 * its name or its share of calls changes. Switched off, its offers fill nothing. Refuses like createSupplyAccount, and STALE_VERSION.
 */
export async function updateSupplyAccount(
  { db, vault, upstreams }: SupplyGround,
  viewer: Viewer,
  edit: Edit,
  change: SupplyAccountChange,
): Promise<{ readonly kind: 'SAVED' } | InvalidInput | NotFound | Stale> {
  const owner = { networkId: viewer.networkId, ownerId: actingStationWith(viewer, 'SUPPLY_MANAGE') };
  const before = await ownAccount(db, owner, edit.id);
  if (before === null) return { kind: 'NOT_FOUND' };
  if (before.version !== edit.expectedVersion) return { kind: 'STALE_VERSION' };
  const connector = upstreams.connectorOf(before.kind);
  const account = accountAfter(before, openSecrets(vault, before).settings, change);
  const isTried = change.baseUrl !== undefined || change.settings !== undefined || (account.isEnabled && !before.is_enabled);
  const problem = await accountRefusal(upstreams, connector, { ...account, isEnabled: account.isEnabled && isTried });
  if (problem) return problem;
  const { open, secret } = partSettings(connector.accountFields, account.settings);
  const sealed = sealNewSettings(vault, before, secret);
  const values = { ...account, settings: open, secrets: sealed, checkedAt: isTried ? checkedAt(db, account) : null };
  const outcome = await inTransaction(db, async (tx) => {
    const saved = await editAccount(tx, owner, edit, values);
    if (saved.kind !== 'SAVED') return saved;
    await audit(tx, viewer, 'supply_account.changed', edit.id, account);
    if (isTried) await hastenNews(tx, owner.networkId, edit.id);
    if (account.isEnabled !== before.is_enabled) await tellOfAccount(tx, owner, edit.id);
    return saved;
  });
  return outcome.kind === 'NAME_TAKEN' ? NAME_TAKEN : outcome;
}

/**
 * Gives an account another address for calling back, which is answered this once; the one before is worth nothing from then on.
 * Refuses NOT_FOUND, STALE_VERSION, and NOT_ALLOWED where nothing calls back.
 */
export async function rotateSupplyCallback(
  { db, vault, upstreams }: SupplyGround,
  viewer: Viewer,
  edit: Edit,
): Promise<{ readonly kind: 'ROTATED'; readonly callbackUrl: string } | NotFound | Stale | NotAllowed> {
  const owner = { networkId: viewer.networkId, ownerId: actingStationWith(viewer, 'SUPPLY_MANAGE') };
  const before = await ownAccount(db, owner, edit.id);
  if (before === null) return { kind: 'NOT_FOUND' };
  if (!upstreams.connectorOf(before.kind).abilities.callsBack)
    return { kind: 'NOT_ALLOWED', message: 'Upstreams of this kind do not call back.' };
  const { callbackUrl, ...sealed } = sealNewToken(vault, before, upstreams.publicUrl);
  if (callbackUrl === null) return { kind: 'NOT_ALLOWED', message: 'This deployment has no public address (PUBLIC_URL).' };
  return inTransaction(db, async (tx) => {
    const outcome = await rotateCallback(tx, owner, edit, sealed);
    if (outcome.kind !== 'ROTATED') return outcome;
    await writeAudit(tx, viewer, { action: 'supply_account.callback_rotated', subjectId: edit.id, data: {} });
    return { kind: 'ROTATED', callbackUrl };
  });
}

/** The settings of an account's kind, for who fills in the form; secrets are written and never read. */
export function accountFieldsOf(upstreams: Upstreams, kind: ConnectorKind): Connector['accountFields'] {
  return upstreams.connectorOf(kind).accountFields;
}

async function ownAccount(
  db: Database,
  { networkId, ownerId }: { readonly networkId: string; readonly ownerId: string },
  accountId: string,
): Promise<SealedAccountRow | null> {
  const row = isId(accountId) ? await selectSealedAccount(db.pool, networkId, accountId) : undefined;
  return row?.owner_id === ownerId ? row : null;
}

function accountAfter(
  before: SealedAccountRow,
  secrets: UpstreamAccount['settings'],
  change: SupplyAccountChange,
): AccountInput & { isEnabled: boolean } {
  const settings = { ...before.settings, ...secrets, ...change.settings };
  return {
    name: change.name ?? before.name,
    kind: before.kind,
    baseUrl: (change.baseUrl ?? before.base_url).trim().replace(/\/+$/, ''),
    currency: before.currency,
    settings: Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== '')),
    callsAtOnce: change.callsAtOnce ?? before.calls_at_once,
    isEnabled: change.isEnabled ?? before.is_enabled,
  };
}

/** What is wrong with an account by itself; and, of one that is enabled, what its upstream says. */
async function accountRefusal(
  upstreams: Upstreams,
  connector: Connector,
  account: AccountInput & { readonly isEnabled: boolean },
): Promise<InvalidInput | null> {
  const problem = accountProblem(account, connector, upstreams.urlProblem(account.baseUrl));
  if (problem !== null || !account.isEnabled) return problem;
  const { baseUrl, settings, currency } = account;
  return upstreamRefusal(await connector.checkAccount({ baseUrl, settings, currency, callbackUrl: null }), 'settings');
}

// whoever answers so was found at its address and has read the settings
const READ_THEM = new Set(['ACCOUNT_REFUSED', 'INPUT_REFUSED', 'GOODS_NOT_FOUND', 'GOODS_PAUSED', 'QUANTITY', 'OTHER']);

/** Why an upstream did not take what it was asked; null when it did. */
export function upstreamRefusal(result: UpstreamResult<unknown>, field: 'settings' | 'goods'): InvalidInput | null {
  if (result.kind === 'ANSWERED') return null;
  const { reason, message } = result;
  const where = field === 'settings' && !READ_THEM.has(reason) ? 'baseUrl' : field;
  return {
    kind: 'INVALID_INPUT',
    field: where,
    message: `The upstream was asked and did not agree: ${reason}${message === '' ? '' : ` (${message})`}.`,
  };
}

/** An account opened for a question; outside of any transaction. */
export function openedAccount({ vault, upstreams }: SupplyGround, row: SealedAccountRow): UpstreamAccount {
  return openAccount(vault, row, upstreams.publicUrl);
}

function checkedAt(db: Database, { isEnabled }: { readonly isEnabled: boolean }): Date | null {
  return isEnabled ? db.clock() : null;
}

/** What an account's offers fill may have become available, or not any more. */
async function tellOfAccount(
  tx: Transaction,
  { networkId, ownerId }: { readonly networkId: string; readonly ownerId: string },
  accountId: string,
): Promise<void> {
  const skuIds = await selectSkusOfAccount(tx, networkId, accountId);
  await writeEvents(
    tx,
    skuIds.map((skuId) => ({ networkId, topic: 'stock.changed', subjectId: skuId, audience: [ownerId], data: { skuId } })),
  );
}

function audit(
  tx: Transaction,
  viewer: Viewer,
  action: string,
  accountId: string,
  account: AccountInput & { readonly isEnabled: boolean },
) {
  const { name, kind, baseUrl, callsAtOnce, isEnabled } = account;
  return writeAudit(tx, viewer, { action, subjectId: accountId, data: { name, kind, baseUrl, callsAtOnce, isEnabled } });
}
