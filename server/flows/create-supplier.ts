import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, isEmail, type Viewer } from '#server/accounts/rules.ts';
import { type InvalidInput, type NotAllowed, stationNameProblem } from '#server/network/rules.ts';
import type { Database, Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { hashInput, isRequestKey, onceForKey } from '#server/platform/request-keys.ts';
import { openSupplier } from '#server/suppliers/commands.ts';
import { addFirstMember, type FirstMember, prepareFirstMember } from './first-member.ts';
import { headquartersId } from './supplier-access.ts';

/** A supplier that is invited; with `ownerEmail` somebody can sign in for it and hand in its papers. */
export type CreateSupplierInput = {
  readonly requestKey: string;
  readonly name: string;
  readonly code: string;
  readonly ownerEmail: string | null;
  readonly ownerName: string | null;
};

/** What can become of it. `temporaryPassword` is told this once, when its owner is new to Fenzhan; a replay has none. */
export type CreateSupplierOutcome =
  | {
      readonly kind: 'SUPPLIER_CREATED';
      readonly supplierId: string;
      readonly replayed: boolean;
      readonly temporaryPassword: string | null;
    }
  | { readonly kind: 'REQUEST_KEY_REUSED' }
  | NotAllowed
  | InvalidInput;

/**
 * Headquarters takes a supplier in, once for a request key: APPLIED, so its offers are used only after somebody has approved it.
 * Refuses a station that is not headquarters, a name or code that is none, a code that is taken, no e-mail address.
 */
export async function createSupplier(db: Database, viewer: Viewer, input: CreateSupplierInput): Promise<CreateSupplierOutcome> {
  const stationId = actingStationWith(viewer, 'SUPPLIERS_MANAGE');
  const { networkId } = viewer;
  if ((await headquartersId(db.pool, networkId)) !== stationId)
    return { kind: 'NOT_ALLOWED', message: 'Headquarters manages the suppliers of the network.' };
  const problem = inputProblem(input);
  if (problem) return problem;
  const { requestKey, name, code, ownerEmail, ownerName } = input;
  const owner = ownerEmail === null ? null : await prepareFirstMember(ownerEmail, ownerName?.trim() || name);
  const inputHash = hashInput([name, code, ownerEmail, ownerName]);
  const outcome = await onceForKey(
    db,
    { networkId, stationId, effect: 'createSupplier', requestKey, inputHash },
    (newId) => ({ supplierId: newId() }),
    (tx, { supplierId }) => create(tx, viewer, { supplierId, name, code, stationId }, owner),
  );
  if (outcome.kind !== 'DONE') return outcome;
  const { replayed, ids } = outcome;
  return {
    kind: 'SUPPLIER_CREATED',
    supplierId: ids.supplierId,
    replayed,
    temporaryPassword: owner?.isNew && !replayed ? owner.password : null,
  };
}

async function create(
  tx: Transaction,
  viewer: Viewer,
  supplier: { readonly supplierId: string; readonly name: string; readonly code: string; readonly stationId: string },
  owner: FirstMember | null,
): Promise<InvalidInput | null> {
  const { networkId } = viewer;
  const { supplierId, code } = supplier;
  const row = await openSupplier(tx, networkId, { ...supplier, standing: 'APPLIED' });
  if (!row) return { kind: 'INVALID_INPUT', field: 'code', message: 'Another supplier of the network has this code.' };
  if (owner) await addFirstMember(tx, networkId, { kind: 'SUPPLIER', supplierId }, owner);
  await writeAudit(tx, viewer, { action: 'supplier.created', subjectId: supplierId, data: { code } });
  await writeEvents(tx, [{ networkId, topic: 'supplier.changed', subjectId: supplierId, audience: [supplier.stationId, supplierId] }]);
  return null;
}

function inputProblem({ requestKey, name, code, ownerEmail }: CreateSupplierInput): InvalidInput | null {
  if (!isRequestKey(requestKey)) return { kind: 'INVALID_INPUT', field: 'requestKey', message: 'A request key has 1 to 255 characters.' };
  const problem = stationNameProblem({ name, code });
  if (problem) return problem;
  return ownerEmail === null || isEmail(ownerEmail)
    ? null
    : { kind: 'INVALID_INPUT', field: 'ownerEmail', message: 'This is not an e-mail address.' };
}
