import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';
import { exists, PAGES, ROOT } from './pages.ts';

const FOLDERS = 'core|connector|operator|cli|crds|helm|docs|examples|bench|scripts|slack-simulator|test|bin';
/** Not one that goes on with a wildcard. */
const REPOSITORY_PATH = new RegExp(`(?<![\\w/.<{-])(?:${FOLDERS})/[\\w./-]*\\w(?![\\w*-]|/\\*)`, 'g');

const withoutUrls = (text: string): string => text.replaceAll(/https?:\/\/[^\s)>"']+/g, '');

/** What GitHub makes of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const anchors = (markdown: string): string[] =>
  [...markdown.replaceAll(/```.*?```/gs, '').matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading ?? ''));

it.each(PAGES)('links of $path lead somewhere', ({ path, text }) => {
  const links = [...text.replaceAll(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? '');
  const broken = links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : normalize(join(dirname(path), file));
    if (!exists(target)) return true;
    return anchor !== undefined && !anchors(readFileSync(join(ROOT, target), 'utf8')).includes(anchor);
  });
  expect(broken).toEqual([]);
});

it.each(PAGES)('files that $path names exist', ({ path, text }) => {
  const named = [...withoutUrls(text).matchAll(REPOSITORY_PATH)].map(([name]) => name);
  expect(named.filter((name) => !exists(name) && !exists(join(dirname(path), name)))).toEqual([]);
});
