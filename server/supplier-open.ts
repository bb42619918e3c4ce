import { onGround, printOwner, readArguments, refuse } from './arguments.ts';
import { fail } from './boot.ts';
import { openSupplier } from './flows/open-supplier.ts';

const usage = 'npm run supplier:open -- --network 云仓数码 --name 星河卡券 --code XH [--owner-email sales@example.com [--owner-name 李四]]';

// `npm run supplier:open`: makes a supplier of a network, and who signs in for it, also beside a running server
async function open(): Promise<void> {
  const given = readArguments(process.argv.slice(2), {
    usage,
    required: ['network', 'name', 'code'],
    optional: ['owner-email', 'owner-name'],
  });
  const ownerEmail = given.maybe('owner-email');
  const input = { network: given.text('network'), name: given.text('name'), code: given.text('code') };
  await onGround(async ({ db }) => {
    const outcome = await openSupplier(db, { ...input, ownerEmail, ownerName: given.maybe('owner-name') });
    if (outcome.kind !== 'SUPPLIER_OPENED') return refuse(outcome);
    console.log(`supplier ${input.name} was opened: ${outcome.supplierId}`);
    if (ownerEmail !== null) printOwner(ownerEmail, outcome.temporaryPassword);
  });
}

await open().catch(fail);
