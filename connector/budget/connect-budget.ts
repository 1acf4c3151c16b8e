/**
 * Slack allows about one rtm.connect a minute for each team and token, with a burst of three; all replicas of all
 * clusters share it through Redis (design rule 11).
 */
export type ConnectPurpose =
  /** The slot has no live socket. Goes first: while one waits, the others wait too. One at a time, see `BudgetAnswer`. */
  | 'needed'
  /** The slot's socket lives but will be closed by Slack, or its token changed. */
  | 'refresh'
  /** Mends the spread of a set over zones. One connect is enough, as for `refresh`, and it waits as that does. */
  | 'spread'
  /** Slack refused the token, and may have taken that back: never the last connect. */
  | 'recheck'
  /** Nothing forces the connect: only from a full bucket. */
  | 'rebalance';

export type BudgetAnswer =
  | { granted: true }
  /**
   * `yields`: another slot of the team has a connect under way or waits for its next one. Three that fail at once would
   * leave the team dark for a minute, so the others wait until it has said hello, or `waitMs` at most.
   */
  | { granted: false; waitMs: number; yields?: boolean };

export interface BudgetAsker {
  slotID: string;
  /** Slack was away and is well again: what a slot waits for between its last connects is over. */
  unspaced: boolean;
  /** Slack is away, and this connect would only tell whether it still is: not the team's last one. */
  sparing: boolean;
}

/** All reject when Redis is away. */
export interface ConnectBudget {
  /** Takes one connect if there is one. */
  take(teamID: string, tokenDigest: string, purpose: ConnectPurpose, asker?: BudgetAsker): Promise<BudgetAnswer>;
  /** The connect that this slot took can't have reached Slack. */
  giveBack(teamID: string, tokenDigest: string, slotID: string): Promise<void>;
  /** Slack said 429: nobody connects with this token for so long, and the bucket is empty. */
  block(teamID: string, tokenDigest: string, forMs: number): Promise<void>;
  /** Slack, or what is before it, asked for so much patience: nobody connects with this token; the bucket stays as it is. */
  hold(teamID: string, tokenDigest: string, forMs: number): Promise<void>;
  /** The slot's socket is live. Told at hello, and again from time to time: it is forgotten after some minutes. */
  markLive(teamID: string, tokenDigest: string, slotID: string): Promise<void>;
  /** Whether a socket with this token is live anywhere, in whatever cluster. */
  isLive(teamID: string, tokenDigest: string): Promise<boolean>;
}
