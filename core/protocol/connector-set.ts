/**
 * How many connectors there are to be: of a set whose pods are numbered, the ones that come back when they end. What is
 * not known is `undefined`, and then any pod may come back.
 */
export type ConnectorSet =
  /** Pods `<name>-<first>` to `<name>-<first + replicas - 1>`. */
  | { kind: 'sized'; name: string; first: number; replicas: number }
  /** Nobody recreates its pods. */
  | { kind: 'gone'; name: string };

/**
 * Whether a process may come back under this name, or go on under it.
 * @param isUp it runs, and was not told to end
 */
export function mayReturn(set: ConnectorSet | undefined, pod: string, isUp: boolean): boolean {
  const ordinal = set === undefined ? undefined : ordinalOf(set.name, pod);
  if (set === undefined || ordinal === undefined) return true;
  switch (set.kind) {
    case 'sized':
      return ordinal >= set.first && ordinal < set.first + set.replicas;
    case 'gone':
      // A set that is deleted with its pods left (`--cascade=orphan`), to be created again, takes nothing from those.
      return isUp;
    default:
      return set satisfies never;
  }
}

/** Undefined: no pod of this set. */
function ordinalOf(name: string, pod: string): number | undefined {
  if (!pod.startsWith(`${name}-`)) return undefined;
  const ordinal = pod.slice(name.length + 1);
  return /^(0|[1-9]\d{0,8})$/.test(ordinal) ? Number(ordinal) : undefined;
}
