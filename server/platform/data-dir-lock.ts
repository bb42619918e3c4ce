import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CannotStart } from './cannot-start.ts';
import { processStamp } from './processes.ts';

/** Another server process uses this data folder now. */
export class DataDirInUse extends CannotStart {
  readonly pid: number;
  constructor(dataDir: string, pid: number) {
    super(`the folder ${dataDir} is in use by the server process ${pid}: stop it first, or set another DATA_DIR`);
    this.name = 'DataDirInUse';
    this.pid = pid;
  }
}

const FILE = 'server.pid';

/**
 * Takes the data folder for this process (DataDirInUse when a living process has it) and returns how to give it back. A holder
 * that was killed leaves its file behind; it counts as gone when no process of that number and that start time lives.
 */
export function lockDataDir(dataDir: string): () => void {
  const file = join(dataDir, FILE);
  const mine = `${file}.${process.pid}`;
  const content = `${process.pid} ${processStamp(process.pid) ?? ''}\n`;
  writeFileSync(mine, content, { mode: 0o644 });
  try {
    for (;;) {
      if (tryLink(mine, file)) return () => rmSync(file, { force: true });
      const seen = readIfThere(file);
      const holder = seen === null ? null : livingHolder(seen);
      if (holder !== null) throw new DataDirInUse(dataDir, holder);
      if (seen !== null) removeStale(file, seen, dataDir);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** The living server process that has the data folder, or null. */
export function dataDirHolder(dataDir: string): number | null {
  const seen = readIfThere(join(dataDir, FILE));
  return seen === null ? null : livingHolder(seen);
}

/** Moves a dead holder's file away. Had somebody just replaced it by a living one, that one gets it back. */
function removeStale(file: string, stale: string, dataDir: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = readFileSync(aside, 'utf8');
  const holder = moved === stale ? null : livingHolder(moved);
  if (holder !== null) tryLink(aside, file);
  rmSync(aside);
  if (holder !== null) throw new DataDirInUse(dataDir, holder);
}

function livingHolder(content: string): number | null {
  const [number, ...stamp] = content.trim().split(' ');
  const pid = Number(number);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  const now = processStamp(pid);
  return now !== null && now === stamp.join(' ') ? pid : null;
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
