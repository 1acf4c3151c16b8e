import { fileURLToPath } from 'node:url';
import { isExecutable } from '../core/process/runtime.ts';

/** In a clone the sources run as they are; a package or an image has a build of them, in dist/. */
export const isClone = import.meta.url.endsWith('.ts');

/** The folder that this program is installed in: one up from the sources, two from a build. */
export const INSTALLED = fileURLToPath(new URL(isClone ? '..' : '../..', import.meta.url)).replace(/[/\\]$/, '');

/** The command line that starts `relax` as a process of its own; arguments follow. An executable is that itself. */
export const RELAX: readonly string[] = isExecutable
  ? [process.execPath]
  : [process.execPath, `${INSTALLED}/bin/relax.mjs`];
