import { RETRY_REASONS, type RetryReason, TERMINAL_REASONS, type TerminalReason } from '../../core/protocol/report.ts';
import { REPORTED, type ReasonText } from './reported-reasons.ts';

/**
 * Every reason that a condition may carry: one row each, against which docs/troubleshooting.md is checked. Reasons that a
 * connector reports are here as well (`reported-reasons.ts`), so that this list is complete.
 */
export const CONDITION_TYPES = ['Ready', 'Redundant', 'Assigned', 'Connected', 'CredentialsValid'] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** What the operator itself finds wrong with a bot's credentials, before any of them is sent to Slack. */
export type JudgedReason =
  | 'SecretMissing'
  | 'SecretUnreadable'
  | 'KeyMissing'
  | 'TokenEmpty'
  | 'TokenWrongKind'
  | 'AppMismatch'
  /** Of a rotating token that has expired. */
  | 'RefreshRefused'
  | 'RefreshDelayed'
  | 'AppMissing'
  | 'AppNotAllowed';

type OwnReason =
  | JudgedReason
  | 'Live'
  | 'Suspended'
  | 'DuplicateBot'
  | 'DuplicateApp'
  | 'OtherOperator'
  | 'NotWatched'
  | 'OperatorGone'
  | 'Observing'
  | 'NoConnectors'
  | 'NoEligiblePods'
  | 'PodReturning'
  | 'ConnectorLost'
  | 'Placing'
  | 'Placed'
  | 'Connecting'
  | 'Closing'
  | 'AllLive'
  | 'SingleZone'
  | 'SameZone'
  | 'SingleReplica'
  | 'MissingReplica'
  | 'Accepted'
  | 'NotTried';

export type Reason = OwnReason | TerminalReason | RetryReason;

interface ReasonRow extends ReasonText {
  reason: Reason;
  /** The condition that it belongs to; Ready repeats the reason of whatever it lacks. */
  condition: ConditionType;
}

const OWN: Record<OwnReason, Omit<ReasonRow, 'reason'>> = {
  Live: { condition: 'Ready', meaning: 'The credentials are valid and at least one socket is live.', remedy: '' },
  Suspended: {
    condition: 'Ready',
    meaning: 'spec.suspend is true: none of its events is queued, and sockets of its own are closed.',
    remedy: 'Set spec.suspend to false.',
  },
  DuplicateBot: {
    condition: 'Ready',
    meaning:
      'An older SlackBot of this cluster has the same team and the same token or app, or a SlackApp serves the app; this one opens no socket.',
    remedy:
      'Delete one of the two, or give this one another token. For several teams of one app, create a SlackApp and set transport App.',
  },
  DuplicateApp: {
    condition: 'Ready',
    meaning: 'An older SlackApp of this cluster has the same app; this one opens no socket.',
    remedy: 'Delete one of the two.',
  },
  OtherOperator: {
    condition: 'Ready',
    meaning: 'Another operator of this cluster has claimed this object (annotation relax.dev/operator) and runs it.',
    remedy: 'See its status there; if that operator is gone for good, remove the annotation.',
  },
  NotWatched: {
    condition: 'Ready',
    meaning: 'The operator no longer watches this namespace, and has closed its sockets.',
    remedy: 'Add the namespace to config.watchNamespaces (RELAX_WATCH_NAMESPACES), or delete the object.',
  },
  OperatorGone: {
    condition: 'Ready',
    meaning: 'The operator was uninstalled; its sockets close when the connectors end.',
    remedy: 'Install Relax again, or delete the object.',
  },
  AppMissing: {
    condition: 'Ready',
    meaning: 'The SlackApp of spec.appRef does not exist, or is in a namespace that the operator does not watch.',
    remedy: 'Create it, or correct spec.appRef; meanwhile its team counts as unknown to every app.',
  },
  AppNotAllowed: {
    condition: 'Ready',
    meaning: 'The SlackApp of spec.appRef does not admit SlackBots of this namespace.',
    remedy: 'Add the namespace to spec.allowedNamespaces of the SlackApp, or move this SlackBot.',
  },
  RefreshRefused: {
    condition: 'CredentialsValid',
    meaning:
      'The token has expired, and Slack does not give a new one for the refresh token, client id and client secret.',
    remedy:
      "The message names Slack's error. Install the app again, and put its new token and refresh token into the Secret.",
  },
  RefreshDelayed: {
    condition: 'CredentialsValid',
    meaning: 'The token has expired, and Slack could not be asked for a new one yet.',
    remedy: "Relax tries again. Check the operator's egress to Slack: DNS, proxy, network policy, port 443.",
  },
  Observing: {
    condition: 'Assigned',
    meaning: 'Relax has just started, or Redis was unreachable: it observes for 20 s before it decides.',
    remedy: '',
  },
  NoConnectors: {
    condition: 'Assigned',
    meaning: 'No connector pod has a session in Redis.',
    remedy:
      'Check that connector pods are running, and that they have the RELAX_REDIS_URL and RELAX_CLUSTER of the operator.',
  },
  NoEligiblePods: {
    condition: 'Assigned',
    meaning:
      'Every connector pod is full, draining, about to be removed, without the fleet key, or already holds another of its sockets.',
    remedy: 'Add connector pods, raise RELAX_CAPACITY, or lower spec.replicas to the number of pods.',
  },
  PodReturning: {
    condition: 'Connected',
    meaning: 'A connector pod has shut down cleanly; its sockets are closed and wait up to 90 s for it to return.',
    remedy: 'If it does not: kubectl describe pod. After 90 s the sockets move to other pods.',
  },
  ConnectorLost: {
    condition: 'Connected',
    meaning: 'The lease of its connector pod has expired: the pod was killed, hangs, or is cut off from Redis.',
    remedy: 'Its sockets move to other pods within seconds.',
  },
  Placing: { condition: 'Assigned', meaning: 'The sockets are being assigned to connector pods.', remedy: '' },
  Placed: { condition: 'Assigned', meaning: 'Every desired socket is assigned to a connector pod.', remedy: '' },
  Connecting: { condition: 'Connected', meaning: 'A socket is being opened.', remedy: '' },
  Closing: { condition: 'Connected', meaning: 'Sockets that are no longer wanted are being closed.', remedy: '' },
  AllLive: { condition: 'Redundant', meaning: 'All sockets are live, on two zones or more.', remedy: '' },
  SingleZone: {
    condition: 'Redundant',
    meaning: 'All sockets are live, in one zone: the fleet has no other.',
    remedy: 'To survive the loss of a zone, run connector pods in two.',
  },
  SameZone: {
    condition: 'Redundant',
    meaning: 'All sockets are live, but in one zone although the fleet has more.',
    remedy: 'The message says why none is in another zone; one moves as soon as another zone has room.',
  },
  SingleReplica: {
    condition: 'Redundant',
    meaning: 'spec.replicas is 1, so nothing takes over at once when the socket or its pod is lost.',
    remedy: 'Set spec.replicas to 2.',
  },
  MissingReplica: {
    condition: 'Redundant',
    meaning: 'Fewer sockets are live than desired.',
    remedy: 'See conditions Assigned and Connected.',
  },
  Accepted: { condition: 'CredentialsValid', meaning: 'Slack has accepted the token.', remedy: '' },
  NotTried: {
    condition: 'CredentialsValid',
    meaning: 'The token looks right; Slack has not been asked yet.',
    remedy: '',
  },
  SecretMissing: {
    condition: 'CredentialsValid',
    meaning: 'The Secret of spec.credentials.secretRef does not exist in the namespace of the object.',
    remedy:
      'Create it: kubectl create secret generic NAME --from-literal=token=xoxb-... (RTM) or --from-literal=app-token=xapp-... (Socket Mode).',
  },
  SecretUnreadable: {
    condition: 'CredentialsValid',
    meaning: 'The Secret could not be read; sockets stay as they are meanwhile.',
    remedy: "Check the operator's rights in that namespace: get, list and watch on secrets.",
  },
  KeyMissing: {
    condition: 'CredentialsValid',
    meaning: 'The Secret has no such key.',
    remedy: 'Add the key to the Secret, or name the one that it has in spec.credentials.keys.',
  },
  AppMismatch: {
    condition: 'CredentialsValid',
    meaning: 'The tokens are of different Slack apps, or not of the app that spec.appID names.',
    remedy: 'Put the app-level token and the bot token of one app into the Secret.',
  },
  TokenEmpty: {
    condition: 'CredentialsValid',
    meaning: 'The token is empty.',
    remedy: 'Put the token that the message names into it.',
  },
  TokenWrongKind: {
    condition: 'CredentialsValid',
    meaning: 'The value is not a token of the kind that is needed under this key, so it is never sent anywhere.',
    remedy:
      'Take the Bot User OAuth Token (xoxb-) from "OAuth & Permissions" of the Slack app, or for Socket Mode an app-level token (xapp-) from "Basic Information".',
  },
};

const isOwn = (reason: Reason): reason is OwnReason => Object.hasOwn(OWN, reason);
const rowOf = (reason: Reason, condition: ConditionType): ReasonRow =>
  isOwn(reason) ? { reason, ...OWN[reason] } : { reason, condition, ...REPORTED[reason] };

export const REASONS: readonly ReasonRow[] = [
  ...new Map(
    [
      ...(Object.keys(OWN) as OwnReason[]).map((reason) => rowOf(reason, 'Ready')),
      ...TERMINAL_REASONS.map((reason) => rowOf(reason, 'CredentialsValid')),
      ...RETRY_REASONS.map((reason) => rowOf(reason, 'Connected')),
    ].map((row) => [row.reason, row]),
  ).values(),
];

const BY_REASON = new Map<string, ReasonRow>(REASONS.map((row) => [row.reason, row]));

/** Meaning and remedy in one line, for a condition without words of its own. */
export function explain(reason: Reason): string {
  const row = BY_REASON.get(reason);
  return row === undefined ? '' : `${row.meaning} ${row.remedy}`.trim();
}

/** A reason from a report, if this version knows it: a newer connector may have more. */
export const knownReason = (reason: string): Reason | undefined => BY_REASON.get(reason)?.reason;

/** It says that there is no socket, or why: a socket that lives proves it wrong. */
export function isSocketReason(reason: string): boolean {
  const condition = BY_REASON.get(reason)?.condition;
  return condition === 'Connected' || condition === 'Assigned';
}

export const isCredentialsReason = (reason: string): boolean => TERMINAL_REASONS.some((known) => known === reason);
