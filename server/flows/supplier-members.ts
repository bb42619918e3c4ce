import { addMembership, createPerson, revokeMembership, writeAudit } from '#server/accounts/commands.ts';
import { isEmail, type Role, type Viewer } from '#server/accounts/rules.ts';
import { type InvalidInput, type NotAllowed, type NotFound, nameProblem } from '#server/network/rules.ts';
import { type Database, inTransaction, run, type Transaction } from '#server/platform/database.ts';
import { lockSuppliers, membersOf } from '#server/suppliers/sql.ts';
import { prepareFirstMember } from './first-member.ts';
import { actorOn } from './supplier-access.ts';

/** What can become of adding somebody. `temporaryPassword` is told this once, when the person is new to Fenzhan. */
export type AddMemberOutcome =
  | { readonly kind: 'MEMBER_ADDED'; readonly supplierId: string; readonly temporaryPassword: string | null }
  | NotFound
  | NotAllowed
  | InvalidInput;

/** Lets somebody sign in for a supplier, in a role: by headquarters, or by the supplier's own owner. */
export async function addSupplierMember(
  db: Database,
  viewer: Viewer,
  input: { readonly supplierId: string; readonly email: string; readonly name: string; readonly role: Role },
): Promise<AddMemberOutcome> {
  const { supplierId, email, role } = input;
  const found = await actorOn(db.pool, viewer, 'MEMBERS_MANAGE', supplierId);
  if (found.kind !== 'ACTOR') return found;
  if (!isEmail(email)) return { kind: 'INVALID_INPUT', field: 'email', message: 'This is not an e-mail address.' };
  const name = input.name.trim();
  const problem = name === '' ? null : nameProblem(name);
  if (problem) return problem;
  const { networkId } = viewer;
  const person = await prepareFirstMember(email, name || email.trim());
  const party = { kind: 'SUPPLIER', supplierId } as const;
  return inTransaction(db, async (tx): Promise<AddMemberOutcome> => {
    const refusal = await lockedRefusal(tx, networkId, supplierId);
    if (refusal) return refusal;
    const members = await run(tx, membersOf, [networkId, [supplierId]]);
    if (members.some((member) => member.email === email.trim().toLowerCase()))
      return { kind: 'INVALID_INPUT', field: 'email', message: 'This person acts for the supplier already.' };
    const { userId, created } = await createPerson(tx, person);
    const added = await addMembership(tx, { networkId, userId, party, role });
    await writeAudit(tx, viewer, { action: 'member.added', subjectId: userId, data: { supplierId, role, ...added } });
    return { kind: 'MEMBER_ADDED', supplierId, temporaryPassword: created ? person.password : null };
  });
}

/** What can become of taking somebody's right away. */
export type RemoveMemberOutcome = { readonly kind: 'MEMBER_REMOVED'; readonly supplierId: string } | NotFound | NotAllowed;

/** Ends somebody's right to act for a supplier; its last owner stays. Open streams close within a second. */
export async function removeSupplierMember(
  db: Database,
  viewer: Viewer,
  input: { readonly supplierId: string; readonly membershipId: string },
): Promise<RemoveMemberOutcome> {
  const { supplierId, membershipId } = input;
  const found = await actorOn(db.pool, viewer, 'MEMBERS_MANAGE', supplierId);
  if (found.kind !== 'ACTOR') return found;
  const { networkId } = viewer;
  return inTransaction(db, async (tx): Promise<RemoveMemberOutcome> => {
    const refusal = await lockedRefusal(tx, networkId, supplierId);
    if (refusal) return refusal;
    const members = await run(tx, membersOf, [networkId, [supplierId]]);
    const member = members.find(({ id }) => id === membershipId);
    if (!member) return { kind: 'NOT_FOUND' };
    if (member.role === 'OWNER' && members.filter(({ role }) => role === 'OWNER').length === 1)
      return { kind: 'NOT_ALLOWED', message: 'Its last owner stays.' };
    await revokeMembership(tx, networkId, membershipId);
    await writeAudit(tx, viewer, { action: 'member.removed', subjectId: membershipId, data: { supplierId } });
    return { kind: 'MEMBER_REMOVED', supplierId };
  });
}

/** Locks the supplier, so that two people do not take away each other's last owner; why its members stay as they are, or null. */
async function lockedRefusal(tx: Transaction, networkId: string, supplierId: string): Promise<NotFound | NotAllowed | null> {
  const [supplier] = await run(tx, lockSuppliers, [networkId, [supplierId]]);
  if (supplier === undefined) return { kind: 'NOT_FOUND' };
  return supplier.standing === 'CLOSED' ? { kind: 'NOT_ALLOWED', message: 'The supplier is closed.' } : null;
}
