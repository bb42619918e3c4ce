import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startServerProcess } from '#test/support/server-process.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the demo server answers. */
    serverUrl: string;
    /** Its data folder. */
    serverDataDir: string;
    /** What it printed when it first started. */
    firstOutput: string;
    /** How long that first start took, the console's build included. */
    firstStartSeconds: number;
  }
}

/** Starts the program as a newcomer would, on an empty folder, for all browser tests of the run. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fenzhan-browser-'));
  chmodSync(dataDir, 0o711);
  const began = performance.now();
  const server = await startServerProcess({ dataDir, settings: { DEMO: 'on', LOG_LEVEL: 'warn' }, parameters: [] });
  project.provide('firstStartSeconds', (performance.now() - began) / 1000);
  project.provide('serverUrl', server.url);
  project.provide('serverDataDir', dataDir);
  project.provide('firstOutput', server.output());
  return async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
}
