/**
 * The annotation on the Lease in which the leader notes which namespaces it watches. A later leader with another list finds
 * there which namespaces it must release, since nobody else would. Pure.
 */
export const WATCHED = 'relax.dev/watched-namespaces';

export type Watched = 'all' | readonly string[];

const ALL = '*';

/** @param namespaces as in RELAX_WATCH_NAMESPACES: none is all */
export const watchedOf = (namespaces: readonly string[]): Watched => (namespaces.length === 0 ? 'all' : namespaces);

/** @param note undefined: there is none, as from an earlier version */
export function parseWatched(note: string | undefined): Watched | undefined {
  if (note === undefined || note === '') return undefined;
  return note === ALL ? 'all' : note.split(',');
}

export const formatWatched = (watched: Watched): string => (watched === 'all' ? ALL : [...watched].sort().join(','));

export type Dropped =
  /** These. */
  | { kind: 'named'; namespaces: readonly string[] }
  /** All that are not watched now; which ones exist is not known. */
  | { kind: 'others' };

/** What was watched before and is no longer. */
export function droppedNamespaces(before: Watched, now: Watched): Dropped {
  if (now === 'all') return { kind: 'named', namespaces: [] };
  if (before === 'all') return { kind: 'others' };
  return { kind: 'named', namespaces: before.filter((namespace) => !now.includes(namespace)) };
}
