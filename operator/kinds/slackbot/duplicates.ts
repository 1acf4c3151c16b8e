/** That a SlackBot wants to run a bot: the same team and token twice in a cluster is one bot with two resources. */
export interface Claim {
  uid: string;
  namespace: string;
  name: string;
  /** RFC 3339, by the API server's clock. */
  creationTimestamp: string;
  teamID: string;
  tokenDigest: string;
}

/**
 * Who runs a bot that several claim: the oldest, by creation, then name, then uid. Every operator that sees the same
 * objects finds the same one.
 */
export function isOlder(a: Claim, b: Claim): boolean {
  const order = compare(a.creationTimestamp, b.creationTimestamp) || compare(nameOf(a), nameOf(b));
  return (order || compare(a.uid, b.uid)) < 0;
}

/** All claims, and for each the older one that keeps it from running. */
export class Claims {
  readonly #claims = new Map<string, Claim>();
  readonly #byBot = new Map<string, Set<string>>();

  /**
   * Takes note of what an owner claims now.
   * @param claim undefined: nothing any more
   * @returns uids of others for which the answer of `duplicateOf` may have changed
   */
  set(uid: string, claim: Claim | undefined): string[] {
    const before = this.#claims.get(uid);
    const [oldBot, newBot] = [before && botOf(before), claim && botOf(claim)];
    if (oldBot === newBot) return [];
    const affected = new Set<string>();
    if (oldBot !== undefined) {
      const uids = this.#byBot.get(oldBot);
      uids?.delete(uid);
      if (uids?.size === 0) this.#byBot.delete(oldBot);
      for (const other of uids ?? []) affected.add(other);
    }
    if (claim === undefined || newBot === undefined) {
      this.#claims.delete(uid);
      return [...affected];
    }
    this.#claims.set(uid, claim);
    const uids = this.#byBot.get(newBot) ?? new Set();
    for (const other of uids) affected.add(other);
    this.#byBot.set(newBot, uids.add(uid));
    return [...affected];
  }

  /** The oldest claim on the bot of this owner, if it is another's. */
  duplicateOf(uid: string): Claim | undefined {
    let oldest = this.#claims.get(uid);
    if (oldest === undefined) return undefined;
    for (const other of this.#byBot.get(botOf(oldest)) ?? []) {
      const claim = this.#claims.get(other);
      if (claim !== undefined && isOlder(claim, oldest)) oldest = claim;
    }
    return oldest.uid === uid ? undefined : oldest;
  }
}

const botOf = (claim: Claim): string => `${claim.teamID} ${claim.tokenDigest}`;
const nameOf = (claim: Claim): string => `${claim.namespace}/${claim.name}`;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
