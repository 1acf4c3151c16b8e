import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../../..');

export const source = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

export interface Page {
  path: string;
  text: string;
}

/** Every page that people read, ADRs included. */
export const PAGES: readonly Page[] = [
  ...globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md', 'helm/**/*.md', 'slack-simulator/**/*.md', 'test/**/*.md'], {
    cwd: ROOT,
  }),
]
  .sort()
  .map((path) => ({ path, text: source(path) }));

export function page(path: string): Page {
  const found = PAGES.find((each) => each.path === path);
  if (found === undefined) throw new Error(`${path} is missing`);
  return found;
}

export const exists = (path: string): boolean => existsSync(join(ROOT, path));

/** The cells of the rows of every table in a text, header rows included. */
export const tableRows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );

/** The part below a heading of any level, up to the next heading of the same or a higher one. */
export function section(text: string, title: string): string {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => new RegExp(`^#+ ${title}$`).test(line));
  if (start < 0) throw new Error(`no section ${title}`);
  const level = (lines[start] ?? '').indexOf(' ');
  const length = lines.slice(start + 1).findIndex((line) => new RegExp(`^#{1,${level}} `).test(line));
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join('\n');
}

export const codeSpans = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span ?? '');

/** Text of the sources under some folders, for "is this word in the code". */
export function sources(...folders: string[]): string {
  const files = globSync(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: ROOT },
  );
  return files.map(source).join('\n');
}
