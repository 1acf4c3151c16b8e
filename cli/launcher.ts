import { fileURLToPath } from 'node:url';

/** In a clone the sources run as they are; a package or an image has a build of them, in dist/. */
export const isClone = import.meta.url.endsWith('.ts');

/** The folder that this program is installed in: one up from the sources, two from a build. */
export const INSTALLED = fileURLToPath(new URL(isClone ? '..' : '../..', import.meta.url)).replace(/[/\\]$/, '');

/** Starts `relax` as a process of its own. */
export const LAUNCHER = `${INSTALLED}/bin/relax.mjs`;
