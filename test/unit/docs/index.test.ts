import { globSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { expect, it } from 'vitest';
import { PAGES, page, ROOT, section } from './pages.ts';

it.each(PAGES.filter(({ path }) => /^docs\/[^/]+$/.test(path)))('the README links to $path', ({ path }) => {
  expect(page('README.md').text).toContain(`](${path}`);
});

it('the README fits on two screens', () => {
  expect(page('README.md').text.split('\n').length).toBeLessThanOrEqual(115);
});

const rooms = new Set(globSync('{core,connector,operator,cli}/*/*.ts', { cwd: ROOT }).map(dirname));

it.each([...rooms])('docs/architecture.md says what is in %s', (room) => {
  expect(section(page('docs/architecture.md').text, 'The rooms')).toContain(`| \`${basename(room)}/\` |`);
});
