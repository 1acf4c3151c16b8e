/** Compares, by event id, what was sent with what arrived. */
export interface Verdict {
  sent: number;
  /** Of those that were sent, how many came at least once. */
  received: number;
  lost: number;
  /** Events that came more than once. */
  duplicated: number;
  /** Items that are none of the events sent. */
  strange: number;
}

/** Pure. @param handled id of each item, undefined for one without */
export function judge(sent: readonly string[], handled: readonly (string | undefined)[]): Verdict {
  const counts = new Map(sent.map((id) => [id, 0]));
  let strange = 0;
  for (const id of handled) {
    const count = id === undefined ? undefined : counts.get(id);
    if (id === undefined || count === undefined) strange += 1;
    else counts.set(id, count + 1);
  }
  const received = [...counts.values()].filter((count) => count > 0).length;
  return {
    sent: counts.size,
    received,
    lost: counts.size - received,
    duplicated: [...counts.values()].filter((count) => count > 1).length,
    strange,
  };
}

export const isClean = ({ sent, lost, duplicated, strange }: Verdict): boolean =>
  sent > 0 && lost === 0 && duplicated === 0 && strange === 0;
