import { onGround, printOwner, readArguments, refuse } from './arguments.ts';
import { fail } from './boot.ts';
import { openNetwork } from './flows/open-network.ts';

const usage =
  'npm run network:open -- --name 云仓数码 --code HQ --currency CNY --time-zone Asia/Shanghai --owner-email boss@example.com [--owner-name 张三]';

// `npm run network:open`: makes a network, its headquarters and its first owner, also beside a running server
async function open(): Promise<void> {
  const given = readArguments(process.argv.slice(2), {
    usage,
    required: ['name', 'code', 'currency', 'time-zone', 'owner-email'],
    optional: ['owner-name'],
  });
  const ownerEmail = given.text('owner-email');
  const input = { name: given.text('name'), code: given.text('code'), currency: given.text('currency'), timeZone: given.text('time-zone') };
  await onGround(async ({ db }) => {
    const outcome = await openNetwork(db, { ...input, ownerEmail, ownerName: given.maybe('owner-name') });
    if (outcome.kind !== 'NETWORK_OPENED') return refuse(outcome);
    console.log(`network ${input.name} was opened: ${outcome.networkId}`);
    printOwner(ownerEmail, outcome.temporaryPassword);
  });
}

await open().catch(fail);
