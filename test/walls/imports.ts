import { posix } from 'node:path';
import { type Breach, breachAt, child, type Node, nodesOf, type Source } from './sources.ts';

// Each layer imports only from itself and from those before it (architecture §1). Connectors speak the outside world's protocols
// and know no slice. A slice is a layer of its own kind: what lies below it and itself only, but for rules.ts, which may build on another's rules.ts. The demo stands between live and the contract: it plays orders through the real flows.
const LAYERS: readonly (readonly [name: string, files: RegExp])[] = [
  ['prisma', /^prisma\/(?!demo\/)/],
  ['server/platform', /^server\/platform\//],
  ['server/connectors', /^server\/connectors\//],
  ['a slice', /^server\/(?!platform\/|connectors\/|flows\/|live\/|http\/)[^/]+\//],
  ['server/flows', /^server\/flows\//],
  ['server/live', /^server\/live\//],
  ['prisma/demo', /^prisma\/demo\//],
  ['schema', /^schema\//],
  ['server/http', /^server\/http\//],
  ['the composition root', /^server\/[^/]+$/],
  ['codegen', /^codegen\.ts$/],
  ['test', /^(test|bench)\//],
];
const SLICE = LAYERS.findIndex(([name]) => name === 'a slice');
const ROOT = LAYERS.findIndex(([name]) => name === 'the composition root');

/** Imports that go the wrong way, leave their folder by a relative path, or lack their extension; and barrels. */
export function findImportBreaches(sources: readonly Source[]): Breach[] {
  return sources.flatMap((source) =>
    importsOf(source).flatMap(({ node, specifier, isReexport }) => {
      const message = isReexport ? judgeReexport(node, specifier) : judge(source.path, specifier);
      return message === null ? [] : [breachAt(source, node, message)];
    }),
  );
}

/** A row's type may be shown by the file beside the one that makes it; all else is imported from where it lives. */
function judgeReexport(node: Node, specifier: string): string | null {
  const parts = (node['specifiers'] as Node[] | undefined) ?? [];
  const areTypes = parts.length > 0 && (node['exportKind'] === 'type' || parts.every((part) => part['exportKind'] === 'type'));
  return areTypes && specifier.startsWith('./') ? null : 'nothing is re-exported: import it from where it lives';
}

/** What a file imports. */
export function importsOf(source: Source): { readonly node: Node; readonly specifier: string; readonly isReexport: boolean }[] {
  return [...nodesOf(source.statements)].flatMap((node) => {
    const from = child(node, 'source');
    const isImport = ['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression', 'TSImportType'].includes(
      node.type,
    );
    if (!isImport || typeof from?.['value'] !== 'string') return [];
    return [{ node, specifier: from['value'], isReexport: node.type.startsWith('Export') }];
  });
}

/** The file of the project that a specifier means; null for packages. */
export function resolveSpecifier(from: string, specifier: string): string | null {
  if (specifier.startsWith('#')) return specifier.slice(1);
  if (specifier.startsWith('.')) return posix.normalize(posix.join(posix.dirname(from), specifier));
  return null;
}

function judge(from: string, specifier: string): string | null {
  const to = resolveSpecifier(from, specifier);
  if (to === null) return null;
  if (!/\.\w+$/.test(specifier)) return `${specifier} lacks its extension`;
  if (from.startsWith('web/')) return to.startsWith('web/') ? null : `the console imports nothing of ours but its own files: ${specifier}`;
  // no # leads to the top level itself
  if (specifier.startsWith('..') && areaOf(from) !== areaOf(to) && to !== 'codegen.ts')
    return `across folders an import begins with #: ${specifier}`;
  return judgeDirection(from, to);
}

function judgeDirection(from: string, to: string): string | null {
  const [fromLayer, toLayer] = [layerOf(from), layerOf(to)];
  if (toLayer === -1) return `${to} belongs to no layer`;
  if (fromLayer === SLICE && toLayer === SLICE && areaOf(from) !== areaOf(to) && !(isRules(from) && isRules(to)))
    return `a slice imports no other slice: ${to}`;
  if (toLayer === ROOT && to === 'server/main.ts' && from !== to) return 'the composition root is imported by nobody';
  const [fromName, toName] = [LAYERS[fromLayer]?.[0], LAYERS[toLayer]?.[0]];
  return toLayer > fromLayer ? `${fromName} may not import from ${toName}: ${to}` : null;
}

/** Pure decisions may build on those of another slice: the order's on prices and commission. */
function isRules(path: string): boolean {
  return path.endsWith('/rules.ts');
}

function layerOf(path: string): number {
  return LAYERS.findIndex(([, files]) => files.test(path));
}

/** The folder that a relative import may not leave: a slice, server/platform, schema, test … */
function areaOf(path: string): string {
  const [top, second] = path.split('/');
  return top === 'server' || (top === 'prisma' && second === 'demo') ? `${top}/${second}` : (top ?? '');
}
