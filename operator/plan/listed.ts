import { namespaceOf } from '../../core/api/object-name.ts';

/** Stands for every namespace, where one watch over all of them has not listed a kind yet. */
export const ALL_NAMESPACES = '';

/** Whether all objects of the namespace of this name are known. */
export const isListed = (unlisted: ReadonlySet<string>, name: string): boolean =>
  !unlisted.has(ALL_NAMESPACES) && !unlisted.has(namespaceOf(name));
