import { type Breach, breachAt, child, lastName, type Node, type Source } from './sources.ts';

const LOOKED_AT = /^(server|schema|prisma|web|codegen\.ts|test\/(support|walls))/;

/** Exports without a docstring, default exports where a tool does not ask for one, and classes that are no errors. */
export function findExportBreaches(sources: readonly Source[]): Breach[] {
  return sources.flatMap((source) => [
    ...(LOOKED_AT.test(source.path) ? undocumented(source) : []),
    ...source.statements.filter((node) => isStrayDefault(source, node)).map((node) => breachAt(source, node, 'exports are named')),
    ...source.statements.flatMap((node) => strayClass(source, node)),
  ]);
}

function undocumented(source: Source): Breach[] {
  return source.statements
    .filter((node) => node.type === 'ExportNamedDeclaration' && child(node, 'declaration') !== null && !hasDocstring(source, node))
    .map((node) => breachAt(source, node, `${nameOf(node)} is exported without a docstring`));
}

function hasDocstring(source: Source, node: Node): boolean {
  return source.comments.some(
    ({ type, value, end }) =>
      type === 'Block' && value.startsWith('*') && end <= node.start && source.text.slice(end, node.start).trim() === '',
  );
}

function isStrayDefault(source: Source, node: Node): boolean {
  return node.type === 'ExportDefaultDeclaration' && !/(\.config|\/global)\.ts$/.test(source.path);
}

function strayClass(source: Source, node: Node): Breach[] {
  const declaration = node.type === 'ClassDeclaration' ? node : child(node, 'declaration');
  if (declaration?.type !== 'ClassDeclaration' || declaration['superClass'] != null) return [];
  return [breachAt(source, node, 'classes are for errors only')];
}

function nameOf(node: Node): string {
  const declaration = child(node, 'declaration');
  const [declarator] = (declaration?.['declarations'] as Node[] | undefined) ?? [];
  return lastName(child(declarator ?? declaration ?? node, 'id'));
}
