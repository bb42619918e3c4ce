import { applyMigrations } from '#prisma/migrate.ts';
import { CannotStart } from './platform/cannot-start.ts';
import { type Config, readConfig } from './platform/config.ts';
import { type Database, openDatabase } from './platform/database.ts';
import { type EmbeddedPostgres, findRunningPostgres, startEmbeddedPostgres } from './platform/embedded-postgres.ts';
import { createLog, type Log } from './platform/log.ts';
import { generatedSecret } from './platform/secrets.ts';
import { createVault, type Vault } from './platform/vault.ts';

/** What every program of ours stands on: settings, a migrated database, the vault, the log. */
export interface Ground {
  readonly config: Config;
  readonly log: Log;
  readonly db: Database;
  readonly vault: Vault;
  /** The database as the application reaches it, for connections beside the pool (LISTEN). */
  readonly databaseUrl: string;
  /** The database as the user that owns its tables. */
  readonly ownerUrl: string;
  /** The PostgreSQL that this process started; null when it uses another. */
  readonly embedded: EmbeddedPostgres | null;
  /** Closes everything, the database last. */
  stop(): Promise<void>;
}

/**
 * Reads the settings, starts or finds the database and brings it up to date. With `joinRunning`, the embedded PostgreSQL of a
 * server that runs is used as it is; otherwise that server is a reason to refuse (DataDirInUse).
 */
export async function boot({ joinRunning = false }: { readonly joinRunning?: boolean } = {}): Promise<Ground> {
  const config = readConfig(process.env, generatedSecret);
  const log = createLog(config.logLevel);
  const running = config.databaseUrl ?? (joinRunning ? findRunningPostgres(config.dataDir) : null);
  const embedded = running === null ? await startEmbeddedPostgres(config.dataDir) : null;
  const databaseUrl = running ?? embedded?.url ?? '';
  const ownerUrl = config.migrationDatabaseUrl ?? databaseUrl;
  try {
    const applied = await applyMigrations(ownerUrl).catch(refuse);
    if (applied.length > 0) log.info({ applied }, 'migrations were applied');
    const db = openDatabase({
      url: databaseUrl,
      poolSize: config.poolSizes.changes,
      onConnectionLost: (error) => log.warn({ err: error }, 'an idle connection to the database was lost'),
    });
    const stop = async () => {
      await db.close();
      await embedded?.stop();
    };
    return { config, log, db, vault: createVault(config.vaultKeys), databaseUrl, ownerUrl, embedded, stop };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

/** A database that cannot be reached, or is not ours to bring up to date, is for the operator to see to. */
function refuse(error: Error & { code?: string }): never {
  throw new CannotStart(`the database is not ready: ${error.message || error.code}`, { cause: error });
}

/** Ends the process with what went wrong: in one sentence where we know it, else as it is. */
export function fail(error: unknown): never {
  process.stderr.write(`${error instanceof CannotStart ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
