import { writeAudit } from '#server/accounts/commands.ts';
import { isEmail } from '#server/accounts/rules.ts';
import { type InvalidInput, stationNameProblem } from '#server/network/rules.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import { openSupplier as openSupplierRow } from '#server/suppliers/commands.ts';
import { addFirstMember, prepareFirstMember } from './first-member.ts';
import { BY_COMMAND, operatorOf } from './operator.ts';

/** A supplier to be; `network` is a name or an id. With `ownerEmail`, somebody can sign in for it and see what it is owed. */
export type OpenSupplierInput = {
  readonly network: string;
  readonly name: string;
  readonly code: string;
  readonly ownerEmail: string | null;
  readonly ownerName: string | null;
};

/** The supplier stands; `temporaryPassword` is told this once, when its owner is new to Fenzhan. */
export type SupplierOpened = { readonly kind: 'SUPPLIER_OPENED'; readonly supplierId: string; readonly temporaryPassword: string | null };

/**
 * Makes a supplier of a network, ACTIVE at once, in the name of its headquarters' owner. For the operator of the deployment. Refuses INVALID_INPUT:
 * no such network, a name or code that is none, a code that a supplier of the network has, no e-mail address.
 */
export async function openSupplier(db: Database, input: OpenSupplierInput): Promise<SupplierOpened | InvalidInput> {
  const problem = stationNameProblem(input);
  if (problem) return problem;
  if (input.ownerEmail !== null && !isEmail(input.ownerEmail))
    return { kind: 'INVALID_INPUT', field: 'ownerEmail', message: 'This is not an e-mail address.' };
  const operator = await operatorOf(db, input.network);
  if (operator.kind !== 'OPERATOR') return operator;
  const { viewer } = operator;
  const { networkId } = viewer;
  const owner = input.ownerEmail === null ? null : await prepareFirstMember(input.ownerEmail, input.ownerName?.trim() || input.name);
  const supplierId = db.newId();
  const refusal = await inTransaction(db, async (tx): Promise<InvalidInput | null> => {
    const row = await openSupplierRow(tx, networkId, { supplierId, name: input.name, code: input.code, standing: 'ACTIVE' });
    if (!row) return { kind: 'INVALID_INPUT', field: 'code', message: 'Another supplier of the network has this code.' };
    if (owner) await addFirstMember(tx, networkId, { kind: 'SUPPLIER', supplierId }, owner);
    await writeAudit(tx, viewer, { action: 'supplier.opened', subjectId: supplierId, data: { ...BY_COMMAND, code: input.code } });
    return null;
  });
  return refusal ?? { kind: 'SUPPLIER_OPENED', supplierId, temporaryPassword: owner?.isNew ? owner.password : null };
}
