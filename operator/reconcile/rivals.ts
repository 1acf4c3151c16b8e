import { type Aged, compareAge } from './age.ts';

/**
 * An object that is to run something which no other object may run at the same time: a bot, an app. (Which operator runs
 * an object is another matter: `claim.ts`.)
 */
export interface Claim extends Aged {
  /** As in its manifest, for messages. */
  kind: string;
  /** What it is to run. Claims with a key in common are claims on the same. */
  keys: readonly string[];
  /** The lowest goes first; age decides between equals. */
  rank: number;
  /** False: suspended. It keeps its place, so that resuming it finds the same order. */
  mayRun: boolean;
}

/** The first of these claims on the same: it runs. Undefined if that is `claim`. */
export function winnerOver(claim: Claim, others: Iterable<Claim>): Claim | undefined {
  let first = claim;
  for (const other of others) if (compareClaims(other, first) < 0) first = other;
  return first === claim ? undefined : first;
}

const compareClaims = (a: Claim, b: Claim): number => a.rank - b.rank || compareAge(a, b);

/** The claims of all objects of all kinds in one fleet. */
export class Rivals {
  readonly #claims = new Map<string, Claim>();
  /** Key -> uids of those that claim it. */
  readonly #claimants = new Map<string, Set<string>>();

  /** The claim of an object; undefined if it makes none. */
  of(uid: string): Claim | undefined {
    return this.#claims.get(uid);
  }

  /**
   * @param claim undefined: it makes none any more
   * @returns uids of others that may have become duplicates, or ceased to be
   */
  put(uid: string, claim: Claim | undefined): string[] {
    const before = this.#claims.get(uid)?.keys ?? [];
    const after = claim?.keys ?? [];
    if (claim === undefined) this.#claims.delete(uid);
    else this.#claims.set(uid, claim);
    const affected = new Set<string>();
    const meet = (key: string): void => {
      for (const other of this.#claimants.get(key) ?? []) if (other !== uid) affected.add(other);
    };
    for (const key of before.filter((each) => !after.includes(each))) {
      meet(key);
      const claimants = this.#claimants.get(key);
      claimants?.delete(uid);
      if (claimants?.size === 0) this.#claimants.delete(key);
    }
    for (const key of after.filter((each) => !before.includes(each))) {
      meet(key);
      this.#claimants.set(key, (this.#claimants.get(key) ?? new Set()).add(uid));
    }
    return [...affected];
  }

  /** Claims of others on the same. */
  claimsOn({ uid, keys }: Claim): Claim[] {
    const uids = new Set(keys.flatMap((key) => [...(this.#claimants.get(key) ?? [])]));
    uids.delete(uid);
    return [...uids].flatMap((other) => this.#claims.get(other) ?? []);
  }
}
