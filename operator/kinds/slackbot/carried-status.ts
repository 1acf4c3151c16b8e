import { namespaceOf } from '../../../core/api/object-name.ts';
import { appRefOf, type SlackBotSpec } from '../../../core/api/slackbot.ts';
import { conditionOf, conditionsOf } from '../../status/conditions.ts';
import type { CredentialsVerdict } from '../credentials-verdict.ts';
import { CONDITION_TYPES, type ConditionType, explain, knownReason, type Reason } from '../reasons.ts';
import type { Stop } from '../socket-conditions.ts';
import type { OwnerMetadata } from '../socket-owner.ts';
import type { SocketStatus } from '../socket-status.ts';

interface CarriedStatusInput {
  bot: { metadata: Pick<OwnerMetadata, 'namespace' | 'generation'>; spec: SlackBotSpec };
  /** On its `appRef`, and on its own token if it has one. */
  verdict: CredentialsVerdict;
  duplicate: Stop;
  /** Of its SlackApp; undefined: not judged yet. */
  app: SocketStatus | undefined;
  /** Whether the app's table in Redis has the bot; undefined: not known. */
  isRouted: boolean | undefined;
  previous: SocketStatus | undefined;
  /** Wall time. */
  nowMs: number;
}

interface Judgement {
  status: 'True' | 'False' | 'Unknown';
  reason: Reason;
  message: string;
}

/** As many characters as other messages about sockets have. */
const MAX_MESSAGE_LENGTH = 1024;

/**
 * Pure: the status of a bot that an app carries. It says of its sockets what the app's status says, and not where they are:
 * a socket that moves would be a write for each of thousands of bots.
 */
export function carriedStatusOf(input: CarriedStatusInput): SocketStatus {
  const { bot, verdict, previous, nowMs } = input;
  const { generation } = bot.metadata;
  const history = { previous: previous?.conditions ?? [], generation, nowMs };
  const stop = stopOf(input);
  if (stop !== undefined) {
    const judge = (type: ConditionType): Judgement => ({
      status: type === 'CredentialsValid' ? 'Unknown' : 'False',
      ...stop,
    });
    return { observedGeneration: generation, conditions: conditionsOf(CONDITION_TYPES, judge, history), ...counts() };
  }
  const app = verdict.kind === 'valid' ? input.app : undefined;
  const judge = (type: ConditionType): Judgement =>
    withTrouble(type, app === undefined ? asBefore(type, verdict, previous) : asOfApp(type, app, input), verdict);
  return {
    observedGeneration: generation,
    conditions: conditionsOf(CONDITION_TYPES, judge, history),
    ...counts(app ?? previous),
  };
}

/** Why nothing of the app concerns it. */
function stopOf({ bot, verdict, duplicate }: CarriedStatusInput): Stop {
  if (bot.spec.suspend === true) return { reason: 'Suspended', message: explain('Suspended') };
  if (verdict.kind === 'invalid') return { reason: verdict.reason, message: verdict.message };
  return duplicate;
}

/** What is wrong with its own token is told where nothing is wrong with the app's. */
function withTrouble(type: ConditionType, judged: Judgement, verdict: CredentialsVerdict): Judgement {
  if (verdict.kind !== 'valid' || (type !== 'CredentialsValid' && type !== 'Ready')) return judged;
  if (verdict.trouble !== undefined && judged.status !== 'False') return { status: 'False', ...verdict.trouble };
  return judged;
}

/** The app is not known, so nothing is known about its sockets (design rule 10). */
function asBefore(type: ConditionType, verdict: CredentialsVerdict, previous: SocketStatus | undefined): Judgement {
  const before = conditionOf(previous, type);
  const reason = before && knownReason(before.reason);
  if (before !== undefined && reason !== undefined) return { status: before.status, reason, message: before.message };
  const message = verdict.kind === 'unknown' ? verdict.message : explain('Observing');
  return { status: 'Unknown', reason: 'Observing', message };
}

function asOfApp(type: ConditionType, app: SocketStatus, { bot, verdict, isRouted }: CarriedStatusInput): Judgement {
  const key = appRefOf(bot) ?? '';
  const name = `SlackApp ${key}`;
  const of = conditionOf(app, type);
  const reason = of && knownReason(of.reason);
  if (of === undefined || reason === undefined) {
    return { status: 'Unknown', reason: 'Observing', message: `${name} has not been judged yet.` };
  }
  if (type === 'Ready' && of.status === 'True' && isRouted === false) {
    return { status: 'False', reason: 'Placing', message: `${name} is being told that this SlackBot has its team.` };
  }
  // A tenant must not learn the names of another tenant's Secrets, and of the keys in them.
  const isNear = namespaceOf(key) === bot.metadata.namespace;
  const note = type === 'CredentialsValid' && verdict.kind === 'valid' ? ` ${verdict.note}` : '';
  const message = `${name}: ${isNear ? of.message : explain(reason)}${note}`.trimEnd().slice(0, MAX_MESSAGE_LENGTH);
  return { status: of.status, reason, message };
}

/** @param of whose; left out: there are none */
function counts(of?: SocketStatus): Omit<SocketStatus, 'conditions' | 'observedGeneration'> {
  const desired = of?.desiredConnections ?? 0;
  const live = of?.liveConnections ?? 0;
  return {
    desiredConnections: desired,
    liveConnections: live,
    connectionSummary: `${live}/${desired}`,
    connections: [],
  };
}
