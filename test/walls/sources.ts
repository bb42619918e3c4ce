import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Comment, parseSync } from 'oxc-parser';

/** A node of the syntax tree, as far as walls look at it. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [name: string]: unknown;
}

/** One source file, parsed. */
export interface Source {
  /** From the root of the project, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly statements: readonly Node[];
  readonly comments: readonly Comment[];
}

/** A place where the house's rules are broken. */
export interface Breach {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

const IGNORED = /(^|\/)(node_modules|gen|gql|dist|output|\.git|\.data)(\/|$)/;

/** The paths of all files of a project that are written by hand, sorted. */
export function listFiles(root: string): string[] {
  const walk = (directory: string): string[] =>
    readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      const path = join(directory, entry.name);
      if (IGNORED.test(relative(root, path))) return [];
      return entry.isDirectory() ? walk(path) : [relative(root, path)];
    });
  return walk(root).sort();
}

/** Parses all TypeScript of a project. */
export function readSources(root: string): Source[] {
  return listFiles(root)
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      const { program, comments, errors } = parseSync(path, text);
      if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
      return { path, text, statements: program.body as unknown as Node[], comments };
    });
}

/** Every node below (and including) some nodes, in the order of the source. */
export function* nodesOf(nodes: readonly Node[]): Generator<Node> {
  for (const node of nodes) {
    yield node;
    for (const value of Object.values(node)) {
      if (Array.isArray(value)) yield* nodesOf(value.filter(isNode));
      else if (isNode(value)) yield* nodesOf([value]);
    }
  }
}

/** A breach at a node. */
export function breachAt(source: Source, node: Node, message: string): Breach {
  return { path: source.path, line: source.text.slice(0, node.start).split('\n').length, message };
}

/** A child node by name. */
export function child(node: Node, name: string): Node | null {
  const value = node[name];
  return isNode(value) ? value : null;
}

/** The name that an identifier, a member or a call ends in: `total` of `order.total`, of `total` and of `total()`. */
export function lastName(node: Node | null): string {
  if (node === null) return '';
  if (node.type === 'Identifier') return String(node['name']);
  if (node.type === 'MemberExpression') return node['computed'] === true ? '' : lastName(child(node, 'property'));
  if (node.type === 'CallExpression') return lastName(child(node, 'callee'));
  if (node.type === 'TSNonNullExpression' || node.type === 'TSAsExpression' || node.type === 'ChainExpression')
    return lastName(child(node, 'expression'));
  return '';
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}
