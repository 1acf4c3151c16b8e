import { type Aged, compareAge } from '../../reconcile/age.ts';

/** A SlackBot that wants to run a bot. The same team and token twice in a cluster is one bot with two SlackBots. */
export interface Claim extends Aged {
  teamID: string;
  tokenDigest: string;
}

/** The oldest of these claims on one bot: it runs the bot. Undefined if that is `claim`. */
export function duplicateOf(claim: Claim, others: Iterable<Claim>): Claim | undefined {
  let oldest = claim;
  for (const other of others) if (compareAge(other, oldest) < 0) oldest = other;
  return oldest === claim ? undefined : oldest;
}

/** Two claims with the same key are claims on the same bot. */
export const botKeyOf = (claim: Claim): string => `${claim.teamID} ${claim.tokenDigest}`;
