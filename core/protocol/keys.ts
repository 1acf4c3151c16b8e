/**
 * Every Redis key that Relax uses is built here and nowhere else; docs/redis.md is the same table for people.
 * Keys that one script touches share a hash tag, so that Redis Cluster keeps them in one slot.
 */

/** Milliseconds of one dedupe bucket. Part of the fleet contract (`core/protocol/contract.ts`). */
export const BUCKET_MS = 60_000;

export interface QueueKeys {
  /** List (or stream) that the user's app reads. */
  queue: string;
  /** List of the urgent events, in the same hash slot (`RELAX_QUEUE_URGENT`); the queue itself when there is none. */
  urgent: string;
  /** Hash `<cluster>/<owner uid>` -> generation: suspended or deleted bots only. */
  fence: string;
  /** String: over how many hashes the marks of each bucket are spread (`core/protocol/dedupe-steps.ts`). */
  subBuckets: string;
  /** Hash of marks, with TTL: the events of one bucket and sub-bucket that are on the queue. */
  dedupe(bucket: number, subBucket: number): string;
  /** The same for apps with Slack's Delayed Events: marks that live for 26 h (`core/protocol/dedupe-window.ts`). */
  dedupeDelayed(bucket: number, subBucket: number): string;
  /** Hash with one mark, of what has no time to look for it by: an event of Slack's with a number, `disable_bot`. */
  dedupeOwn(markField: string): string;
}

/**
 * @param queue the queue's name; names with braces are refused by the configuration
 * @param urgent key of the list of urgent events, if there is one (`urgentListFault`)
 */
export function queueKeys(queue: string, urgent = queue): QueueKeys {
  return {
    queue,
    urgent,
    fence: `{${queue}}:fence`,
    subBuckets: `{${queue}}:subbuckets`,
    dedupe: (bucket, subBucket) => `{${queue}}:dd:${bucket}:${subBucket}`,
    dedupeDelayed: (bucket, subBucket) => `{${queue}}:dd26:${bucket}:${subBucket}`,
    dedupeOwn: (markField) => `{${queue}}:dd:own:${markField}`,
  };
}

/** What follows the queue's hash tag in keys that have another use: those above, and the lists of consumers (docs/redis.md). */
const TAKEN = ['fence', 'subbuckets', 'dd', 'dd26', 'processing'];

/** Why a key can't be the list of urgent events, with the remedy; undefined when it can. */
export function urgentListFault(queue: string, urgent: string): string | undefined {
  const tag = `{${queue}}:`;
  const remedy = `set for example RELAX_QUEUE_URGENT=${tag}urgent`;
  if (!urgent.startsWith(tag)) {
    return (
      `RELAX_QUEUE_URGENT "${urgent}" is not in the hash slot of RELAX_QUEUE ${queue}, but one script writes to both: ` +
      `it must begin with ${tag}, so ${remedy}`
    );
  }
  const name = urgent.slice(tag.length);
  const first = name.split(':', 1)[0] ?? '';
  if (name === '' || /[\s{}]/.test(name) || TAKEN.includes(first)) {
    const why = TAKEN.includes(first) ? `keys of Relax begin with ${tag}${first}` : 'its name is empty or has braces';
    return `RELAX_QUEUE_URGENT "${urgent}" is refused: ${why}, so ${remedy}`;
  }
  return undefined;
}

/** What has to do with messages that applications send; all in the hash slot of the list itself. */
export interface CommandKeys {
  /** List that applications push commands to. */
  commands: string;
  /** List of the commands that a connector has taken from it, until each is in its outbox, in the same order. */
  inbox: string;
  /** Sorted set outbox -> Redis time (ms) at which its head may be sent, or its lease ends. */
  due: string;
  /** Sorted set outbox -> Redis time (ms) since which its head makes no progress. */
  heads: string;
  /** Hash outbox -> nonce and end of the lease. */
  leases: string;
  /** Hash outbox -> the last failure of its head, as JSON. */
  troubles: string;
  /** List of the commands to one addressee and channel. */
  outbox(name: string): string;
  /** String with TTL: CommandResult (`core/protocol/command.ts`). */
  result(id: string): string;
  /** List of commands that were not done. */
  dead: string;
  /** String with TTL: while it is there, this team gets nothing in this channel, or this token sends nothing over RTM (`rtm`). */
  pace(teamOrTokenDigest: string, channel: string): string;
  /** String with TTL: Redis time (ms) at which this team has all of its messages back. */
  bucket(teamID: string): string;
  /** Sorted set with TTL: outbox that waits for the bucket -> Redis time (ms) of its turn. */
  turns(teamID: string): string;
  /** String with TTL: while it is there, this team or token sends nothing this way. */
  stop(teamOrTokenDigest: string, via: string): string;
  /** Pub/sub channel: names of outboxes that have something to send. */
  nudge: string;
}

/** @param commands the list's name; names with braces are refused by the configuration */
export function commandKeys(commands: string): CommandKeys {
  const tag = `{${commands}}`;
  return {
    commands,
    inbox: `${tag}:inbox`,
    due: `${tag}:due`,
    heads: `${tag}:heads`,
    leases: `${tag}:leases`,
    troubles: `${tag}:troubles`,
    outbox: (name) => `${tag}:outbox:${name}`,
    result: (id) => `${tag}:result:${id}`,
    dead: `${tag}:dead`,
    pace: (whose, channel) => `${tag}:pace:${whose}:${channel}`,
    bucket: (teamID) => `${tag}:bucket:${teamID}`,
    turns: (teamID) => `${tag}:turns:${teamID}`,
    stop: (whose, via) => `${tag}:stop:${whose}:${via}`,
    nudge: `relax:nudge:${commands}`,
  };
}

/** Why a list of commands can't have this name, with the remedy; undefined when it can. */
export function commandsListFault(commands: string, queue: string): string | undefined {
  const remedy = 'set for example RELAX_COMMANDS=relax:commands';
  if (commands === queue) return `RELAX_COMMANDS "${commands}" is the queue of events, RELAX_QUEUE: ${remedy}`;
  if (commands === CONTRACT_KEY || commands === CLUSTERS_KEY || /^relax:(connect|app|reply|nudge):/.test(commands)) {
    return `RELAX_COMMANDS "${commands}" is a key that Relax uses for something else: ${remedy}`;
  }
  return undefined;
}

export const CONTRACT_KEY = 'relax:contract';
export const CLUSTERS_KEY = 'relax:clusters';

/** Bucket of connects of one bot, shared by every replica and cluster. */
export const connectBudgetKey = (teamID: string, tokenDigest: string): string =>
  `relax:connect:${teamID}:${tokenDigest}`;

/** Sorted set of the sockets of one app over Socket Mode, in every cluster -> Redis time (ms) until which each counts. */
export const appSocketsKey = (app: string): string => `relax:app:${app}`;
/** Bucket of connects of one app over Socket Mode, shared by every replica and cluster; one script touches both. */
export const appBudgetKey = (app: string): string => `{relax:app:${app}}:connect`;

/** Hash stream (team and token digest) -> Redis time (ms) at which a socket of it last brought an event, for one minute. */
export const broughtKey = (minute: number): string => `relax:{brought}:${minute}`;

/** String with TTL: why an answer to an envelope was not passed on to Slack (`core/protocol/reply.ts`). */
export const replyFaultKey = (id: string): string => `relax:reply:${id}`;

/**
 * Hash without TTL: the newest pair of a rotating token, and what the Secrets of all clusters show (`core/protocol/rotation.ts`).
 * @param clientDigest `tokenDigest` of the app's client id
 */
export const rotationKey = (teamID: string, clientDigest: string): string => `relax:rotation:${teamID}:${clientDigest}`;
/** Redlock: one refresh of that pair at a time, over all clusters. */
export const rotationLockKey = (teamID: string, clientDigest: string): string =>
  `{${rotationKey(teamID, clientDigest)}}:lock`;
/** String with TTL: that Slack has refused a refresh of it, and for which values (`core/protocol/rotation.ts`). */
export const rotationRefusalKey = (teamID: string, clientDigest: string): string =>
  `{${rotationKey(teamID, clientDigest)}}:refused`;

export interface ClusterKeys {
  /** Redlock: one planner per cluster scope. */
  planner: string;
  /** String without TTL: the owner of this scope. */
  owner: string;
  /** Sorted set pod -> Redis time (ms) of its last renewal: finds the sessions without SCAN. */
  pods: string;
  /** Hash owner uid -> BotSummary, what `relax status` shows of bots without a socket. */
  bots: string;
  /** String with TTL: a connector's session lease (`core/protocol/session.ts`). */
  session(pod: string): string;
  /** Hash slot id -> Slot (`core/protocol/assignment.ts`): the only record of assignment. */
  assign(pod: string): string;
  /** Integer: version of the hash above; higher is newer. */
  version(pod: string): string;
  /** Hash slot id -> SlotReport (`core/protocol/report.ts`). */
  report(pod: string): string;
  /**
   * String with TTL, the incarnation of a draining pod: the planner has moved everything that can move, so the pod may
   * close the rest and end.
   */
  drained(pod: string): string;
  /** Hash owner uid -> RefusedToken (`core/protocol/refused-token.ts`). */
  refused: string;
  /** List of the answers to envelopes that this pod holds (`core/protocol/reply.ts`). */
  replies(pod: string): string;
  /** Hash team -> Route of one SlackApp (`core/protocol/route.ts`). */
  route(appUid: string): string;
  /** Hash app uid -> version and "namespace/name" of the SlackApp, for each of the tables above. */
  routes: string;
  /** Pub/sub channel that nudges a connector to read its assignments now. */
  nudge(pod: string): string;
  /** Pub/sub channel that nudges the planner to look at sessions and reports now. */
  plannerNudge: string;
}

export function clusterKeys(cluster: string): ClusterKeys {
  const prefix = `relax:{c:${cluster}}`;
  return {
    planner: `${prefix}:planner`,
    owner: `${prefix}:owner`,
    pods: `${prefix}:pods`,
    bots: `${prefix}:bots`,
    session: (pod) => `${prefix}:session:${pod}`,
    assign: (pod) => `${prefix}:assign:${pod}`,
    version: (pod) => `${prefix}:version:${pod}`,
    report: (pod) => `${prefix}:report:${pod}`,
    drained: (pod) => `${prefix}:drained:${pod}`,
    refused: `${prefix}:refused`,
    replies: (pod) => `${prefix}:replies:${pod}`,
    route: (appUid) => `${prefix}:route:${appUid}`,
    routes: `${prefix}:routes`,
    nudge: (pod) => `${prefix}:nudge:${pod}`,
    plannerNudge: `${prefix}:nudge`,
  };
}

/** The fence hash is shared by clusters, so a field names the cluster too. */
export const fenceField = (cluster: string, ownerUid: string): string => `${cluster}/${ownerUid}`;
