import { type Breach, breachAt, child, lastName, type Node, nodesOf, type Source } from './sources.ts';

const AT_HOME = /^server\/([^/]+\/rules|platform\/(money|allocate))\.ts$/;
/** Tests calculate a second time on purpose; the cost of a document is counted in points; a chart needs an amount as a length. */
const ELSEWHERE = /^(test\/|bench\/|server\/http\/cost\.ts$|web\/parts\/amounts\.ts$)/;
const ARITHMETIC = ['+', '-', '*', '/', '%', '**', '+=', '-=', '*=', '/=', '%='];
const MONEY_NAME = /(^|[a-z])(amount|price|total|balance|cost|margin|commission|money|fee|gmv|earnings|payable)$/i;
const NUMBER_MAKERS = /^(Number|parseFloat|Number\.parseFloat|Number\.parseInt|parseInt)$/;

/**
 * Arithmetic on money outside of rules.ts, platform/money.ts and platform/allocate.ts: decimals made there, amounts opened, operators
 * between things named like money, and amounts turned into JavaScript numbers.
 */
export function findMoneyBreaches(sources: readonly Source[]): Breach[] {
  return sources
    .filter(({ path }) => !AT_HOME.test(path) && !ELSEWHERE.test(path))
    .flatMap((source) =>
      [...nodesOf(source.statements)].flatMap((node) => {
        const message = judge(source, node);
        return message === null ? [] : [breachAt(source, node, message)];
      }),
    );
}

function judge(source: Source, node: Node): string | null {
  switch (node.type) {
    case 'ImportDeclaration':
      return child(node, 'source')?.['value'] === 'decimal.js' && node['importKind'] !== 'type'
        ? 'decimals are made in platform/money.ts only'
        : null;
    case 'NewExpression':
      return lastName(child(node, 'callee')) === 'Decimal' ? 'decimals are made in platform/money.ts only' : null;
    case 'MemberExpression':
      return lastName(node) === 'tenThousandths' ? 'the inside of an amount is read in rules.ts only' : null;
    case 'BinaryExpression':
    case 'AssignmentExpression':
      return isMoneyArithmetic(node) ? `arithmetic on money belongs into rules.ts: ${excerpt(source, node)}` : null;
    case 'UnaryExpression':
      return (node['operator'] === '-' || node['operator'] === '+') && MONEY_NAME.test(lastName(child(node, 'argument')))
        ? `arithmetic on money belongs into rules.ts: ${excerpt(source, node)}`
        : null;
    case 'CallExpression':
      return isNumberOfMoney(source, node) ? `an amount is never a JavaScript number: ${excerpt(source, node)}` : null;
    default:
      return null;
  }
}

function isMoneyArithmetic(node: Node): boolean {
  const [left, right] = [child(node, 'left'), child(node, 'right')];
  if (!ARITHMETIC.includes(String(node['operator']))) return false;
  // a text that is put together is no sum
  if (node['operator'] === '+' && [left, right].some((side) => side?.type === 'TemplateLiteral' || typeof side?.['value'] === 'string'))
    return false;
  return [left, right].some((side) => MONEY_NAME.test(lastName(side)));
}

function isNumberOfMoney(source: Source, node: Node): boolean {
  const callee = child(node, 'callee');
  const [argument] = node['arguments'] as Node[];
  return callee !== null && NUMBER_MAKERS.test(source.text.slice(callee.start, callee.end)) && MONEY_NAME.test(lastName(argument ?? null));
}

function excerpt(source: Source, node: Node): string {
  return source.text.slice(node.start, node.end).replaceAll(/\s+/g, ' ').slice(0, 80);
}
