import { writeAudit } from '#server/accounts/commands.ts';
import { isEmail } from '#server/accounts/rules.ts';
import { type NetworkInput, openNetwork as openNetworkRows } from '#server/network/commands.ts';
import type { InvalidInput } from '#server/network/rules.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { addFirstMember, prepareFirstMember } from './first-member.ts';
import { BY_COMMAND, headquartersViewer } from './operator.ts';

/** A network to be opened, with the person who will own its headquarters. */
export type OpenNetworkInput = NetworkInput & { readonly ownerEmail: string; readonly ownerName: string | null };

/** The network stands. `temporaryPassword` is told this once, when its owner is new to Fenzhan; who was known keeps her own. */
export type NetworkOpened = {
  readonly kind: 'NETWORK_OPENED';
  readonly networkId: string;
  readonly headquartersId: string;
  readonly temporaryPassword: string | null;
};

/**
 * Opens a network: headquarters and its first OWNER, in one transaction. For the operator of the deployment only: no network could
 * give anybody the right to it. Refuses INVALID_INPUT (a name that a network has already among them) and has then written nothing.
 */
export async function openNetwork(db: Database, input: OpenNetworkInput): Promise<NetworkOpened | InvalidInput> {
  if (!isEmail(input.ownerEmail)) return { kind: 'INVALID_INPUT', field: 'ownerEmail', message: 'This is not an e-mail address.' };
  const owner = await prepareFirstMember(input.ownerEmail, input.ownerName?.trim() || input.name);
  const networkId = db.newId();
  const headquartersId = db.newId();
  const refusal = await inTransaction(db, async (tx): Promise<InvalidInput | null> => {
    const opened = await openNetworkRows(tx, { networkId, headquartersId }, input);
    if (opened.kind !== 'OPENED') return opened;
    const { userId } = await addFirstMember(tx, networkId, { kind: 'STATION', stationId: headquartersId }, owner);
    const { currency, timeZone, code } = input;
    await writeAudit(tx, headquartersViewer(networkId, headquartersId, userId), {
      action: 'network.opened',
      subjectId: networkId,
      data: { ...BY_COMMAND, currency, timeZone, code },
    });
    const data = { parentId: null };
    await writeEvents(tx, [{ networkId, topic: 'station.opened', subjectId: headquartersId, audience: [headquartersId], data }]);
    return null;
  });
  return refusal ?? { kind: 'NETWORK_OPENED', networkId, headquartersId, temporaryPassword: owner.isNew ? owner.password : null };
}
