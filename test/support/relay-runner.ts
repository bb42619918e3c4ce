import { createPostgresBus } from '#server/live/postgres-bus.ts';
import { startRelay } from '#server/live/relay.ts';
import { openDatabase } from '#server/platform/database.ts';
import { createLog } from '#server/platform/log.ts';
import { RELAY_BOUNDS } from '#server/pools.ts';

// Stands in for a server process in tests of the relay alone: it numbers what it finds until it is killed.
const url = process.argv[2] ?? '';
const log = createLog('error');
startRelay(openDatabase({ url, poolSize: 1, bounds: RELAY_BOUNDS }), log, createPostgresBus(url, log));
process.stdout.write('ready\n');
