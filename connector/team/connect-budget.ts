/**
 * Slack allows about one rtm.connect a minute for each team and token, with a burst of three; all replicas of all
 * clusters share it through Redis (design rule 11).
 */
export type ConnectPurpose =
  /** The slot has no live socket. Goes first: while one waits, `refresh` waits too. */
  | 'needed'
  /** The slot's socket lives but will be closed by Slack, or its token changed. */
  | 'refresh'
  /** Mends the spread of a set over zones. One connect is enough, as for `refresh`, and it waits as that does. */
  | 'spread'
  /** Nothing forces the connect: only from a full bucket. */
  | 'rebalance';

export type BudgetAnswer = { granted: true } | { granted: false; waitMs: number };

export interface ConnectBudget {
  /** Takes one connect if there is one. Rejects when Redis is away. */
  take(teamID: string, tokenDigest: string, purpose: ConnectPurpose): Promise<BudgetAnswer>;
  /** Slack said 429: nobody connects with this token for so long. Rejects when Redis is away. */
  block(teamID: string, tokenDigest: string, forMs: number): Promise<void>;
}
