/**
 * Which namespaces the operators watch, as the leader notes it on its Lease: who leads next, with another list, finds
 * there what nobody else would release. Pure.
 */
export const WATCHED = 'relax.dev/watched-namespaces';

export type Watched = 'all' | readonly string[];

const ALL = '*';

/** @param namespaces as in RELAX_WATCH_NAMESPACES: none is all */
export const watchedOf = (namespaces: readonly string[]): Watched => (namespaces.length === 0 ? 'all' : namespaces);

/** @param note undefined: an earlier version wrote none */
export function parseWatched(note: string | undefined): Watched | undefined {
  if (note === undefined || note === '') return undefined;
  return note === ALL ? 'all' : note.split(',');
}

export const formatWatched = (watched: Watched): string => (watched === 'all' ? ALL : [...watched].sort().join(','));

export type Dropped =
  /** These. */
  | { kind: 'named'; namespaces: readonly string[] }
  /** Every one that is not watched now; which ones there are is not known. */
  | { kind: 'others' };

/** What was watched before and no longer is. */
export function droppedNamespaces(before: Watched, now: Watched): Dropped {
  if (now === 'all') return { kind: 'named', namespaces: [] };
  if (before === 'all') return { kind: 'others' };
  return { kind: 'named', namespaces: before.filter((namespace) => !now.includes(namespace)) };
}
