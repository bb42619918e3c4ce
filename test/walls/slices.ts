import { importsOf } from './imports.ts';
import { type Breach, breachAt, child, lastName, type Node, nodesOf, type Source } from './sources.ts';

const SLICES =
  'accounts alerts network catalog imports pricing commission stock suppliers offers purchases listings replenishment orders ledger analytics aftersales settlement risk webhooks'.split(
    ' ',
  );
const NOT_SLICES = ['platform', 'connectors', 'flows', 'live', 'http'];
const ALPHABET = ['rules.ts', 'commands.ts', 'reads.ts', 'sql.ts'];
/** What a file of pure decisions may import of the platform: things that are pure themselves. */
const PURE = /^(#server\/(platform\/(money|allocate|clock|ids|page)|[^/]+\/rules)\.ts|decimal\.js|csv-parse\/sync|node:(crypto|net))$/;
const TOP_LEVEL =
  'server web schema prisma test bench docs package.json package-lock.json tsconfig.json codegen.ts README.md README.zh-CN.md CHANGELOG.md LICENSE biome.json'.split(
    ' ',
  );

/** Files that the slice alphabet does not know, folders that the glossary does not know, and strangers beside them. */
export function findAlphabetBreaches(paths: readonly string[]): Breach[] {
  return paths.flatMap((path) => {
    const message = judgePath(path);
    return message === null ? [] : [{ path, line: 1, message }];
  });
}

/** Pure files that are not: I/O, the time or chance in rules.ts; and business code that reads the machine's clock. */
export function findPurityBreaches(sources: readonly Source[]): Breach[] {
  return sources.flatMap((source) => {
    const isRules = /^server\/[^/]+\/rules\.ts$/.test(source.path);
    const isBusiness = /^(server\/(?!platform\/|live\/|http\/)[^/]+\/|schema\/)/.test(source.path);
    if (!isBusiness) return [];
    return [...(isRules ? impureImports(source) : []), ...clockReads(source), ...(isRules ? impureWords(source) : [])];
  });
}

function judgePath(path: string): string | null {
  const parts = path.split('/');
  const [top = '', folder = '', file = ''] = parts;
  if (!top.startsWith('.') && !TOP_LEVEL.includes(top)) return `${top} is no entry of the top level`;
  if (/\.tsx?$/.test(path) && !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*\.tsx?$/.test(parts.at(-1) ?? '')) return 'file names are kebab-case';
  if (top !== 'server' || parts.length === 2 || NOT_SLICES.includes(folder)) return null;
  if (!SLICES.includes(folder)) return `${folder} is no slice of the glossary`;
  return parts.length === 3 && ALPHABET.includes(file) ? null : `a slice has ${ALPHABET.join(', ')} and nothing else`;
}

function impureImports(source: Source): Breach[] {
  return importsOf(source)
    .filter(({ node, specifier }) => !specifier.startsWith('./') && !PURE.test(specifier) && !isHarmlessType(node, specifier))
    .map(({ node, specifier }) => breachAt(source, node, `rules are pure: they do not import ${specifier}`));
}

/** A type costs nothing at run time; one of the database would still say that the rule knows of it. Words of the connectors are words. */
function isHarmlessType(node: Node, specifier: string): boolean {
  if (node['importKind'] !== 'type') return false;
  return (
    specifier === '#server/connectors/connector.ts' || (specifier.startsWith('#server/platform/') && !specifier.endsWith('/database.ts'))
  );
}

function clockReads(source: Source): Breach[] {
  return [...nodesOf(source.statements)]
    .filter((node) => {
      const isNow = node.type === 'CallExpression' && source.text.slice(node.start, node.end).startsWith('Date.now(');
      const isNewDate =
        node.type === 'NewExpression' && lastName(child(node, 'callee')) === 'Date' && (node['arguments'] as unknown[]).length === 0;
      return isNow || isNewDate;
    })
    .map((node) => breachAt(source, node, 'time comes from the injected clock'));
}

function impureWords(source: Source): Breach[] {
  return [...nodesOf(source.statements)]
    .filter(
      (node) =>
        node.type === 'AwaitExpression' ||
        (node.type === 'CallExpression' && /^(Math\.random|fetch|process\.)/.test(source.text.slice(node.start, node.end))),
    )
    .map((node) => breachAt(source, node, 'rules are pure: no waiting, no chance, no process'));
}
