import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Everything but the browser and the killing of the server under load; each file gets a database of its own (test/support/database.ts), so files may run side by side.
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  // without "development": graphql would be loaded twice, once for us and once for its libraries, and refuse its own schema
  ssr: { resolve: { conditions: ['module', 'node', 'module-sync'] } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/browser/**', 'test/crash/**', 'test/redis/**', 'node_modules/**'],
    globalSetup: ['test/global.ts'],
    pool: 'forks',
    maxWorkers: 2,
    isolate: true,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
