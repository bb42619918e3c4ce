import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
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
    /** What the printed command answered, run at once as a newcomer would: prices may move while the tests go on. */
    firstOrder: string;
  }
}

/** Starts the program as a newcomer would, on an empty folder, for all browser tests of the run. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fenzhan-browser-'));
  chmodSync(dataDir, 0o711);
  const began = performance.now();
  const server = await startServerProcess({
    dataDir,
    settings: { DEMO: 'on', LOG_LEVEL: 'warn', OUTGOING_ALLOWED_HOSTS: '127.0.0.1' },
    parameters: [],
  });
  // the address is printed first; the sign-ins and the command follow it
  while (!/^curl .*\n/m.test(server.output())) await new Promise((resolve) => setTimeout(resolve, 50));
  project.provide('serverUrl', server.url);
  project.provide('serverDataDir', dataDir);
  project.provide('firstOutput', server.output());
  const command = server
    .output()
    .split('\n')
    .find((line) => line.startsWith('curl '));
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', `${command} --silent`]);
  project.provide('firstOrder', stdout);
  // a figure to read, not to judge by: how busy the machine is decides it too
  console.log(`from the first start to the first order: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
}
