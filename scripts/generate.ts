import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GENERATED_FILES } from './generated-files.ts';

/**
 * `npm run generate` writes every generated file; `npm run generate -- --check` writes nothing and exits 1 if one is
 * stale.
 */
const root = join(import.meta.dirname, '..');
const check = process.argv.includes('--check');

function present(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const stale = GENERATED_FILES.map(({ path, content }) => ({ path, content: content() })).filter(
  ({ path, content }) => present(join(root, path)) !== content,
);

for (const { path, content } of stale) {
  if (!check) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  console.log(`${check ? 'stale' : 'wrote'} ${path}`);
}
if (check && stale.length > 0) {
  console.error('Run `npm run generate` and commit what it writes.');
  process.exitCode = 1;
}
