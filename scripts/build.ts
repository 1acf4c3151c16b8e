import { spawnSync } from 'node:child_process';
import { copyFileSync, globSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** dist/: the sources as JavaScript, with the Lua scripts that they read beside them. For the image. */
const root = join(import.meta.dirname, '..');

rmSync(join(root, 'dist'), { recursive: true, force: true });
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
  { cwd: root, stdio: 'inherit' },
);
for (const path of globSync('{core,connector,operator,cli}/**/*.lua', { cwd: root })) {
  copyFileSync(join(root, path), join(root, 'dist', path));
}
process.exitCode = status ?? 1;
