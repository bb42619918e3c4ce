import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// The real server, killed under load: minutes rather than seconds, and alone on the machine.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  ssr: { resolve: { conditions: ['module', 'node', 'module-sync'] } },
  test: { include: ['test/crash/**/*.test.ts'], pool: 'forks', fileParallelism: false, testTimeout: 600_000, hookTimeout: 120_000 },
});
