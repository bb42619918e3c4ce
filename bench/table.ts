import { readFileSync, writeFileSync } from 'node:fs';
import type { WrittenResult } from './report.ts';

// The table in docs/performance.md is written by the program, from bench/results.json: no other number can stand there.

const BEGIN = '<!-- results: written by npm run bench from bench/results.json -->';
const END = '<!-- end of results -->';

/** The results as the lines of a table in Markdown, in their order. */
export function tableOf(results: readonly WrittenResult[]): string {
  const rows = results.map(({ case: name, value, reference, unit, ratio, goal, reached, cpu, machine }) => {
    const day = String(machine['at']).slice(0, 16).replace('T', ' ');
    return `| ${name} | ${value} | ${reference} | ${unit} | ${ratio} | ${goal} | ${reached ? 'yes' : 'no'} | ${cpu?.ratio ?? ''} | ${day} |`;
  });
  return [
    '| case | value | reference | unit | ratio | goal | reached | ratio by CPU | measured (UTC) |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** The table that stands in a page; throws where the page has no place for one. */
export function tableIn(page: string): string {
  return page.slice(page.indexOf(BEGIN) + BEGIN.length, endOf(page)).trim();
}

/** Puts the results' table in its place in a page. */
export function writeTable(file: URL, results: readonly WrittenResult[]): void {
  const page = readFileSync(file, 'utf8');
  const place = page.indexOf(BEGIN) + BEGIN.length;
  writeFileSync(file, `${page.slice(0, place)}\n${tableOf(results)}\n${page.slice(endOf(page))}`);
}

function endOf(page: string): number {
  const end = page.indexOf(END);
  if (page.indexOf(BEGIN) < 0 || end < page.indexOf(BEGIN)) throw new Error(`the page has no place between ${BEGIN} and ${END}`);
  return end;
}
