/** What tells the older of two objects. */
export interface Aged {
  uid: string;
  namespace: string;
  name: string;
  /** RFC 3339, by the API server's clock, which counts in seconds. */
  creationTimestamp: string;
}

/**
 * Sorts the oldest first: by creation, then name, then uid. Every operator that sees the same objects finds the same order,
 * also among those that were created in the same second. Pure.
 */
export const compareAge = (a: Aged, b: Aged): number =>
  compare(a.creationTimestamp, b.creationTimestamp) || compare(nameOf(a), nameOf(b)) || compare(a.uid, b.uid);

const nameOf = ({ namespace, name }: Aged): string => `${namespace}/${name}`;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
