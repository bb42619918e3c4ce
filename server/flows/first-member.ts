import { randomBytes } from 'node:crypto';
import { addMembership, createPerson } from '#server/accounts/commands.ts';
import type { ActingParty } from '#server/accounts/rules.ts';
import type { Transaction } from '#server/platform/database.ts';
import { hashPassword } from '#server/platform/password.ts';

/** Who will own a new party. `password` is hers when she is new to Fenzhan (`isNew`, known after the transaction), else nobody's. */
export type FirstMember = {
  readonly email: string;
  readonly name: string;
  readonly password: string;
  readonly passwordHash: string;
  isNew: boolean;
};

/** Draws a temporary password and hashes it, before any transaction: that takes 50 ms. */
export async function prepareFirstMember(email: string, name: string): Promise<FirstMember> {
  const password = randomBytes(12).toString('base64url');
  return { email, name, password, passwordHash: await hashPassword(password), isNew: false };
}

/** Makes her, or whoever has her e-mail, the OWNER of the party. */
export async function addFirstMember(
  tx: Transaction,
  networkId: string,
  party: ActingParty,
  member: FirstMember,
): Promise<{ userId: string }> {
  const { email, name, passwordHash } = member;
  const { userId, created } = await createPerson(tx, { email, name, passwordHash });
  member.isNew = created;
  await addMembership(tx, { networkId, userId, party, role: 'OWNER' });
  return { userId };
}
