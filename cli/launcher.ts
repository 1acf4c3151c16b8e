import { fileURLToPath } from 'node:url';

/** In a clone the sources run as they are; a package or an image has a build of them, in dist/. */
export const isClone = import.meta.url.endsWith('.ts');

/** Starts `relax` as a process of its own: one folder up from the sources, two from a build. */
export const LAUNCHER = fileURLToPath(new URL(isClone ? '../bin/relax.mjs' : '../../bin/relax.mjs', import.meta.url));
