import { readNetworks } from './analytics/sql.ts';
import { onGround, readArguments } from './arguments.ts';
import { fail } from './boot.ts';
import { rebuildNetwork } from './live/roll-ups.ts';
import { CannotStart } from './platform/cannot-start.ts';

const usage = 'npm run rollups:rebuild [-- --network <id>]';

// `npm run rollups:rebuild`: makes the figures of overviews again from the orders, also beside a running server
async function rebuild(): Promise<void> {
  const only = readArguments(process.argv.slice(2), { usage, required: [], optional: ['network'] }).maybe('network');
  await onGround(async ({ db }) => {
    const networks = (await readNetworks(db.pool)).filter(({ id }) => only === null || id === only);
    if (networks.length === 0) throw new CannotStart(only === null ? 'there is no network yet' : `there is no network ${only}`);
    for (const { id, name } of networks) {
      const begun = performance.now();
      await rebuildNetwork(db, id);
      console.log(`${name} (${id}): roll-ups made again in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    }
  });
}

await rebuild().catch(fail);
