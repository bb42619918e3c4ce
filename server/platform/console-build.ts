import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { CannotStart } from './cannot-start.ts';

const runFile = promisify(execFile);
/** Lies in the built folder and says what it was built from. */
const MARK = '.built-from';

/**
 * Builds the console of a project folder unless what lies in dist/ was built from these very sources; answers the folder to
 * serve. Without the tools to build (production dependencies only) a console that was built before is served as it is.
 */
export async function buildConsole(project: string): Promise<string> {
  const built = join(project, 'dist');
  const mark = join(built, MARK);
  const wanted = hashSources(project);
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return built;
  const vite = findVite(project);
  if (vite === null) {
    if (existsSync(join(built, 'index.html'))) return built;
    throw new CannotStart(
      'the console was not built: run npm run build where the development dependencies are installed, and bring dist/ along',
    );
  }
  // the settings of the server are none of the build's business
  const options = { cwd: project, env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production' } };
  await runFile(process.execPath, [join(project, 'codegen.ts'), 'web'], options);
  await runFile(process.execPath, [vite, 'build', 'web', '--logLevel', 'error'], options);
  writeFileSync(mark, wanted);
  return built;
}

function hashSources(project: string): string {
  const hash = createHash('sha256');
  const web = readdirSync(join(project, 'web'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes('/gql/'))
    .sort();
  for (const file of [...web, join(project, 'schema/schema.graphql'), join(project, 'package-lock.json')]) {
    hash.update(file.slice(project.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

function findVite(project: string): string | null {
  try {
    return join(createRequire(join(project, 'package.json')).resolve('vite/package.json'), '../bin/vite.js');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}
