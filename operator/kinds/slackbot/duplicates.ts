import { type Aged, compareAge } from '../../reconcile/age.ts';

/** That a SlackBot wants to run a bot: the same team and token twice in a cluster is one bot with two resources. */
export interface Claim extends Aged {
  teamID: string;
  tokenDigest: string;
}

/** The oldest claim on the same bot, which runs it, if it is not this one. */
export function duplicateOf(claim: Claim, others: Iterable<Claim>): Claim | undefined {
  let oldest = claim;
  for (const other of others) if (compareAge(other, oldest) < 0) oldest = other;
  return oldest === claim ? undefined : oldest;
}

/** Two claims with the same key are claims on the same bot. */
export const botKeyOf = (claim: Claim): string => `${claim.teamID} ${claim.tokenDigest}`;
