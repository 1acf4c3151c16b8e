import { expect, it } from 'vitest';
import { PAGES, page } from './pages.ts';

it.each(PAGES.filter(({ path }) => /^docs\/[^/]+$/.test(path)))('the README links to $path', ({ path }) => {
  expect(page('README.md').text).toContain(`](${path}`);
});

it('the README fits on two screens', () => {
  expect(page('README.md').text.split('\n').length).toBeLessThanOrEqual(115);
});
