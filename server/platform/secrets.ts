import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GeneratedSecret } from './config.ts';

/**
 * The secret of this name in the data folder (`.data/vault-key`, mode 600), made at the first asking. Two processes that ask at
 * once get the same one.
 */
export function generatedSecret(name: GeneratedSecret, dataDir: string): string {
  return readOrCreate(dataDir, name.toLowerCase().replaceAll('_', '-'), () =>
    name === 'VAULT_KEY' ? `v1:${randomBytes(32).toString('base64')}` : randomBytes(32).toString('hex'),
  );
}

/** A text file of mode 600 in the data folder: as it is, or made whole in one step. */
export function readOrCreate(dataDir: string, name: string, create: () => string): string {
  const file = join(dataDir, name);
  const known = readIfThere(file);
  if (known !== null) return known;
  writeSecretFile(dataDir, name, create());
  return readFileSync(file, 'utf8').trim();
}

/** Writes a file of mode 600 in one step; one that is already there stays as it is. */
export function writeSecretFile(dataDir: string, name: string, content: string): void {
  makeDataDir(dataDir);
  const file = join(dataDir, name);
  const half = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(half, `${content}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    linkSync(half, file);
  } catch (error) {
    // another process was first: its secret is the secret
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(half);
  }
}

/** The data folder: its files are closed to others; as root it can be passed through, since PostgreSQL runs as somebody else. */
export function makeDataDir(dataDir: string): void {
  const made = mkdirSync(dataDir, { recursive: true });
  if (made !== undefined) chmodSync(dataDir, process.getuid?.() === 0 ? 0o711 : 0o700);
}

/** A text file without the white space around it; null when there is none. */
export function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
