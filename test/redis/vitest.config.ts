import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// The bus on a real Redis, which is paused, emptied and killed. The run says how to get one where there is none.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  ssr: { resolve: { conditions: ['module', 'node', 'module-sync'] } },
  test: {
    include: ['test/redis/**/*.test.ts'],
    globalSetup: ['test/redis/global.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 120_000,
  },
});
