/** What decides which of two SlackBots is older. */
export interface Aged {
  uid: string;
  namespace: string;
  name: string;
  /** RFC 3339, by the API server's clock. */
  creationTimestamp: string;
}

/** That a SlackBot wants to run a bot: the same team and token twice in a cluster is one bot with two resources. */
export interface Claim extends Aged {
  teamID: string;
  tokenDigest: string;
}

/**
 * Who runs a bot that several claim: the oldest, by creation, then name, then uid. Every operator that sees the same
 * objects finds the same one.
 */
export function isOlder(a: Aged, b: Aged): boolean {
  const order = compare(a.creationTimestamp, b.creationTimestamp) || compare(nameOf(a), nameOf(b));
  return (order || compare(a.uid, b.uid)) < 0;
}

/** The oldest claim on the same bot, if it is not this one. */
export function duplicateOf(claim: Claim, others: Iterable<Claim>): Claim | undefined {
  let oldest = claim;
  for (const other of others) if (isOlder(other, oldest)) oldest = other;
  return oldest === claim ? undefined : oldest;
}

/** Two claims with the same key are claims on the same bot. */
export const botKeyOf = (claim: Claim): string => `${claim.teamID} ${claim.tokenDigest}`;
const nameOf = ({ namespace, name }: Aged): string => `${namespace}/${name}`;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
