import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { printContract, readContract } from '../../codegen.ts';
import { findDrift } from './drift.ts';
import { findBreaches } from './walls.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const bin = fileURLToPath(new URL('../../node_modules/.bin/', import.meta.url));

/** One thing that is checked; resolves to what is wrong with it, empty when nothing is. */
interface Check {
  readonly name: string;
  readonly find: () => Promise<string>;
}

const CHECKS: readonly Check[] = [
  { name: 'format', find: () => tool('biome', 'ci', '.') },
  { name: 'lint', find: () => tool('oxlint', '--type-aware', '--deny-warnings') },
  { name: 'types of the server', find: () => tool('tsc', '-p', '.') },
  { name: 'types of the console', find: () => tool('tsc', '-p', 'web') },
  { name: 'types of the browser tests', find: () => tool('tsc', '-p', 'test/browser') },
  {
    name: 'walls',
    find: async () =>
      findBreaches(project)
        .map(({ path, line, message }) => `${path}:${line} ${message}`)
        .join('\n'),
  },
  { name: 'schema.graphql', find: findStaleContract },
  { name: 'drift of the migrations', find: findDrift },
  { name: 'dead code', find: () => tool('knip', '--config', 'test/walls/knip.json') },
];

/** Runs one of the installed tools; what it printed when it fails. */
function tool(name: string, ...parameters: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(`${bin}${name}`, parameters, { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve(code === 0 ? '' : Buffer.concat(output).toString().trim() || `exit code ${code}`));
  });
}

async function findStaleContract(): Promise<string> {
  return (await printContract()) === readContract()
    ? ''
    : 'schema/schema.graphql is not what the code prints: npm run codegen, and review the difference';
}

// `npm run check`: everything that can be said about the code without running its tests
let failed = 0;
for (const { name, find } of CHECKS) {
  const started = performance.now();
  const problems = await find().catch((error: unknown) => String(error));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (problems !== '') failed += 1;
  console.log(`${problems === '' ? 'ok    ' : 'FAILED'}  ${name} (${seconds} s)${problems === '' ? '' : `\n${problems}\n`}`);
}
console.log(`${CHECKS.length - failed} passed, ${failed} failed`);
// the contract's modules keep connections of their own kind open
process.exit(failed === 0 ? 0 : 1);
