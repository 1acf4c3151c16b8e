/** Slack rations the calls for a socket; all replicas of all clusters share a bucket of them through Redis (design rule 11). */
export type ConnectPurpose =
  /** The slot has no live socket. Goes first: while one waits, the others wait too. One at a time, see `BudgetAnswer`. */
  | 'needed'
  /**
   * The slot's socket lives but will be closed by Slack, or its token changed. Of an app it goes before all but an app without
   * any live socket: Slack gives about 10 s.
   */
  | 'refresh'
  /** Restores the spread of a set over zones. One connect is enough, and it gives way to others, as for `refresh`. */
  | 'spread'
  /** Slack refused the token and may have changed its mind: never takes the last connect. */
  | 'recheck'
  /** Nothing forces the connect, so it needs a full bucket. */
  | 'rebalance';

/** The numbers of every bucket (design rule 11). */
export const BUDGET = {
  /** A slot that needs a connect asks again when one is due, give or take its jitter, and must still be first then. */
  urgentMs: 5_000,
  /** The longest time that a Retry-After keeps everyone waiting; after that, somebody asks again. */
  maxBlockMs: 300_000,
  /** More than twice the time after which a live socket is marked again (`MARK_MS`). */
  liveMs: 660_000,
} as const;

/** Those of `rtm.connect` with one token of one team. */
export const TEAM_BUDGET = {
  /** "No more than 1 per minute, with some bursting" (docs.slack.dev/apis/web-api/rate-limits); the burst is our guess. */
  capacity: 3,
  refillMs: 60_000,
  /**
   * Longer than the way of a call to Slack differs from that of the one before: a pod that has just started is slow. Who waits
   * for a call to come back waits so much longer, or Slack would answer 429 and keep the team away for a minute.
   */
  arrivesMs: 2_000,
  /**
   * Gaps after the first failed connect and after each further one, so that the third comes 32 to 38 s after the first: within
   * 10 s of the end of an outage of 30 s (ADR 0023).
   */
  firstGapMs: 10_000,
  nextGapMs: 22_000,
} as const;

/** Those of `apps.connections.open` and of an app's sockets (ADR 0016). */
export const APP_BUDGET = {
  capacity: 6,
  /** Well below the 50 a minute of Slack's current page. A socket that Slack warns has 10 s, and finds a call in time. */
  refillMs: 3_000,
  /** Slack's limit is 10 sockets: one is left for the successor of a socket that is still read. */
  places: 9,
  /** Longer than an attempt takes from the call to hello (45 s): after that, one that failed no longer counts. */
  attemptMs: 60_000,
  /** While one connect is under way, the others wait for its hello, but no longer than this. */
  openingMs: 15_000,
  /** Whoever waits for its turn asks again after this. */
  turnMs: 500,
  /** A place becomes free when somebody ends, which nobody can foresee. */
  fullMs: 15_000,
  /** How long Slack's count of the app's sockets is believed; each hello brings a new one. */
  unknownMs: 600_000,
} as const;

export type BudgetAnswer =
  | { granted: true }
  | {
      granted: false;
      waitMs: number;
      /**
       * Another slot of the bucket has a connect under way or waits for its next one, so this one asks again soon, after
       * `waitMs` at most. Three of a team that fail at once would leave it dark for a minute; of an app, Slack refuses
       * sockets that open at the same moment (409).
       */
      yields?: boolean;
      /** The app has as many sockets as it may have, in all clusters. Nobody knows when one ends: ask less and less often. */
      full?: boolean;
    };

export interface BudgetAsker {
  slotID: string;
  /** Slack has recovered from an outage: the gaps between a slot's last connects are no longer needed. */
  unspaced: boolean;
  /**
   * Slack is failing as a whole and this connect is only a probe: it must not be the team's last one, nor one of several that
   * the replicas of a team make in turn.
   */
  sparing: boolean;
}

/** Names one bucket. The transport decides who shares it: for RTM, all who connect with one token of one team. */
export interface Bucket {
  /** Redis key. */
  key: string;
  /** Redis key of the app's sockets, where Slack limits how many an app may have (Socket Mode). */
  sockets?: string;
}

/** All reject when Redis is away. */
export interface ConnectBudget {
  /** Takes one connect if there is one. */
  take(bucket: Bucket, purpose: ConnectPurpose, asker?: BudgetAsker): Promise<BudgetAnswer>;
  /** The connect that this slot took can't have reached Slack. */
  giveBack(bucket: Bucket, slotID: string): Promise<void>;
  /** Slack said 429: the bucket is emptied, and nobody connects from it for this long. */
  block(bucket: Bucket, forMs: number): Promise<void>;
  /** Slack, or a proxy in front of it, sent Retry-After: nobody connects from the bucket for this long; its content stays. */
  hold(bucket: Bucket, forMs: number): Promise<void>;
  /**
   * The slot's socket is live. Called at hello and again from time to time, because the mark expires after some minutes.
   * @param slackCounts how many sockets of the app Slack counts, if its hello said so; only at this hello
   * @returns how many sockets of the app Relax knows of in all clusters, this one and attempts included; undefined where
   * sockets are not limited. One that this slot replaces in this process is not among them: it is about to be closed.
   */
  markLive(bucket: Bucket, slotID: string, slackCounts?: number): Promise<number | undefined>;
  /** The slot ends here: its place among the app's sockets is free, unless it runs in another process as well. */
  release(bucket: Bucket, slotID: string): Promise<void>;
  /** Whether a socket of this bucket is live anywhere, in any cluster. */
  isLive(bucket: Bucket): Promise<boolean>;
}
