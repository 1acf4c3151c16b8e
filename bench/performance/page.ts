import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderPlots, soakChart } from './plots.ts';
import { type Results, readResults } from './results.ts';
import { readSoak, type SoakResults } from './soak-results.ts';
import * as tables from './tables.ts';

/**
 * docs/performance.md: its words are written by hand, and whatever was measured stands between two comments that name it, and is
 * replaced. `npm run generate` writes it, so that a page whose figures are not those of results.json fails the checks.
 */
const ROOT = join(import.meta.dirname, '..', '..');
export const PAGE = 'docs/performance.md';
const PLOTS = 'docs/performance';

const BLOCKS: Readonly<Record<string, (results: Results, soak: SoakResults | undefined) => string>> = {
  machine: tables.machineText,
  targets: tables.targetTable,
  missed: tables.missedList,
  rates: tables.rateTable,
  sizes: tables.sizeTable,
  sockets: tables.socketTable,
  pods: tables.podTable,
  start: tables.startTable,
  soak: (_results, soak) =>
    `${tables.soakText(soak)}${soak === undefined ? '' : '\n\n![Memory of one connector over time](performance/soak.svg)'}`,
};

/** @throws Error for a block that nobody knows, and for one that the page lacks */
export function renderPage(page: string, results: Results, soak: SoakResults | undefined): string {
  const missing = new Set(Object.keys(BLOCKS));
  const rendered = page.replaceAll(
    /(<!-- measured: (\w+) -->\n).*?(<!-- end -->)/gs,
    (_all, begin: string, name: string, end: string) => {
      const block = BLOCKS[name];
      if (block === undefined) throw new Error(`${PAGE}: nothing measured is called ${name}`);
      missing.delete(name);
      return `${begin}\n${block(results, soak)}\n\n${end}`;
    },
  );
  if (missing.size > 0) throw new Error(`${PAGE} lacks ${[...missing].join(', ')}`);
  return rendered;
}

/** For scripts/generated-files.ts. */
export function performanceFiles(): { path: string; content: () => string }[] {
  const results = readResults();
  const soak = readSoak();
  const plots = { ...renderPlots(results), ...(soak === undefined ? {} : { 'soak.svg': soakChart(soak) }) };
  return [
    { path: PAGE, content: () => renderPage(readFileSync(join(ROOT, PAGE), 'utf8'), results, soak) },
    ...Object.entries(plots).map(([name, svg]) => ({ path: `${PLOTS}/${name}`, content: () => svg })),
  ];
}
