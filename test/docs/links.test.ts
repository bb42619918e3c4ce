import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readDemoData } from '#prisma/demo/data.ts';
import { shapeDemo } from '#prisma/demo/shape.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const pages = ['README.md', 'README.zh-CN.md', 'CHANGELOG.md', ...markdownOf('docs')];

describe('the documentation', () => {
  test.each(pages)('%s links to nothing that is not there', (page) => {
    const missing = linksOf(page).filter(({ file, anchor }) => !existsSync(file) || (anchor !== '' && !anchorsOf(file).has(anchor)));
    expect(missing).toEqual([]);
  });

  test('every decision stands in the index, in order, with its own title', () => {
    const records = readdirSync(join(project, 'docs/decisions')).filter((name) => /^\d{4}-/.test(name));
    const titled = records.sort().map((name) => `- [${titleOf(`docs/decisions/${name}`)}](${name})`);
    expect(
      textOf('docs/decisions/README.md')
        .split('\n')
        .filter((line) => line.startsWith('- [')),
    ).toEqual(titled);
    expect(new Set(records.map((name) => name.slice(0, 4))).size).toBe(records.length);
  });

  test.each(['README.md', 'README.zh-CN.md'])('“Where is …?” of %s names files that are there, and what to begin at in them', (page) => {
    const rows = rowsUnder(page, /^## (Where is|.*在哪)/);
    expect(rows.length).toBeGreaterThan(20);
    for (const [what, files = '', start = ''] of rows) {
      const paths = namesIn(files);
      expect(
        paths.filter((path) => !existsSync(join(project, path))),
        what,
      ).toEqual([]);
      for (const name of namesIn(start))
        expect(name.includes('/') ? existsSync(join(project, name)) : isIn(paths, name), `${what}: ${name}`).toBe(true);
    }
  });

  test('the numbers in both READMEs are those of what lies there', () => {
    const { products, skus, stations } = shapeDemo(readDemoData(), {}, 'fenzhan');
    const depth = Math.max(...stations.map((each) => each.depth));
    const cases = readdirSync(join(project, 'test/cases')).filter((name) => name.endsWith('.json')).length;
    const lines = textOf('docs/examples/reseller.ts').trimEnd().split('\n').length;
    expect(textOf('README.md')).toContain(`${cases} cases that an accountant can read`);
    expect(textOf('README.md')).toContain(`[${lines} lines](docs/examples/reseller.ts)`);
    expect(textOf('README.md')).toContain(
      `${products.length} products in ${skus.length.toLocaleString('en')} denominations,\n${stations.length} stations`,
    );
    expect(textOf('README.zh-CN.md')).toContain(`配 ${cases} 个会计看得懂的案例`);
    expect(textOf('README.zh-CN.md')).toContain(`[${lines} 行](docs/examples/reseller.ts)`);
    expect(textOf('README.zh-CN.md')).toContain(`${products.length} 个商品、${skus.length} 个规格、五级 ${stations.length} 个站点`);
    expect(depth).toBe(4);
  });

  test('both READMEs name every command of package.json that people call', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const called = Object.keys(scripts).filter((name) => !['postinstall', 'generate'].includes(name) && !name.startsWith('db:'));
    const written = called.map((name) => (['start', 'test'].includes(name) ? `\`npm ${name}\`` : `\`npm run ${name}\``));
    for (const page of ['README.md', 'README.zh-CN.md']) expect(written.filter((command) => !textOf(page).includes(command))).toEqual([]);
  });
});

function textOf(page: string): string {
  return readFileSync(join(project, page), 'utf8');
}

function markdownOf(folder: string): string[] {
  return readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}

function linksOf(page: string): { file: string; anchor: string }[] {
  return [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^https?:/.test(target))
    .map((target) => {
      const [path = '', anchor = ''] = target.split('#');
      return { file: path === '' ? join(project, page) : join(project, dirname(page), path), anchor };
    });
}

function anchorsOf(file: string): Set<string> {
  const heads = [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, head = '']) => head);
  return new Set(
    heads.map((head) =>
      head
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function titleOf(page: string): string {
  return textOf(page).split('\n')[0]?.replace('# ', '') ?? '';
}

/** Rows of the table below a heading, without its head. */
function rowsUnder(page: string, heading: RegExp): string[][] {
  const lines = textOf(page).split('\n');
  const start = lines.findIndex((line) => heading.test(line));
  const end = lines.findIndex((line, index) => index > start && line.startsWith('## '));
  const rows = lines.slice(start, end).filter((line) => line.startsWith('| '));
  return rows.slice(1).map((line) =>
    line
      .slice(2, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name).filter((name) => name !== 'access');
}

/** Whether one of the files, or of the files in the folders, declares the name. */
function isIn(paths: readonly string[], name: string): boolean {
  const files = paths.flatMap((path) =>
    path.endsWith('/')
      ? readdirSync(join(project, path))
          .filter((file) => file.endsWith('.ts'))
          .map((file) => join(path, file))
      : [path],
  );
  return files.some((file) => new RegExp(`(function\\*?|const) ${name}\\b`).test(textOf(file)));
}
