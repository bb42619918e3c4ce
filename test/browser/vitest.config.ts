import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// A real server with the demo network and the built console, and Chromium in front of it: one file after the other.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/browser/**/*.test.ts'],
    globalSetup: ['test/browser/global.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // in CI, what fails once in a hundred runs tells what its page showed and is tried again; what is wrong fails twice
    retry: process.env['CI'] === undefined ? 0 : 1,
    expect: { poll: { timeout: 20_000, interval: 100 } },
  },
});
