import type { Condition } from '../../core/api/condition.ts';
import { redactTokens } from '../../core/process/redact.ts';
import { AWAY_REASON, isLiveState } from '../../core/protocol/presence.ts';
import type { BotView, FleetView, SlotView } from '../fleet/fleet-view.ts';
import type { Judgement as AnyJudgement } from '../status/conditions.ts';
import type { CredentialsVerdict } from './credentials-verdict.ts';
import { type ConditionType, explain, isCredentialsReason, knownReason, type Reason } from './reasons.ts';
import { waitSentence } from './wait.ts';
import { whySameZone, type ZoneCapacity, zoneCapacityOf } from './zone-capacity.ts';

type Judgement = AnyJudgement<Reason>;
type Judgements = Record<ConditionType, Judgement>;

/** Why an object is to have no sockets. */
export type Stop = { reason: Reason; message: string } | undefined;

/** What the fleet could offer any object. */
export interface FleetFacts {
  /** FleetView.settled */
  settled: boolean;
  /** Pods that are not dead. */
  pods: number;
  /** Zones of those. */
  zones: number;
  /** What each of them could take; a zone that is not in it is not known. */
  rooms?: ZoneCapacity;
}

/** Pure. */
export function fleetFacts(view: Pick<FleetView, 'settled' | 'pods'>): FleetFacts {
  const pods = view.pods.filter(({ state }) => state !== 'dead');
  const rooms = zoneCapacityOf(pods);
  return { settled: view.settled, pods: pods.length, zones: Object.keys(rooms).length, rooms };
}

interface ConditionInput {
  desired: number;
  stop: Stop;
  verdict: CredentialsVerdict;
  view: BotView | undefined;
  fleet: FleetFacts;
  previous: readonly Condition[];
  /** Wall time. */
  nowMs: number;
}

export const isLive = (slot: SlotView): boolean => isLiveState(slot.state);

/** Its connector is gone, for a while or for good, which says nothing about its token. */
const isAway = ({ reason }: SlotView): boolean => Object.values<string>(AWAY_REASON).includes(reason);

/** Pure: the conditions of an object that wants sockets, whatever its kind. */
export function judgeConditions(input: ConditionInput): Judgements {
  const { stop, view } = input;
  const live = (view?.slots ?? []).filter(isLive);
  const credentials = judgeCredentialsCondition(input);
  if (stop !== undefined) {
    const stopped: Judgement = { status: 'False', ...stop };
    const connected: Judgement = live.length === 0 ? stopped : { status: 'True', ...said('Closing') };
    return {
      Ready: stopped,
      Redundant: stopped,
      Assigned: stopped,
      Connected: connected,
      CredentialsValid: credentials,
    };
  }
  const assigned = judgeAssigned(input);
  const connected = judgeConnected(input, live, assigned);
  const redundant = judgeRedundant(input, live);
  const ready = judgeReady(credentials, connected);
  const judged: Judgements = {
    Ready: ready,
    Redundant: redundant,
    Assigned: assigned,
    Connected: connected,
    CredentialsValid: credentials,
  };
  return input.fleet.settled ? judged : withUnknown(input, judged, live.length);
}

function judgeCredentialsCondition({ verdict, view, previous }: ConditionInput): Judgement {
  switch (verdict.kind) {
    case 'invalid':
      return { status: 'False', reason: verdict.reason, message: verdict.message };
    case 'unknown': {
      const before = previous.find(({ type }) => type === 'CredentialsValid');
      const reason = before && knownReason(before.reason);
      if (before === undefined || reason === undefined || before.status === 'Unknown') {
        return { status: 'Unknown', reason: verdict.reason, message: verdict.message };
      }
      return { status: before.status, reason, message: before.message };
    }
    case 'valid':
      if (verdict.trouble !== undefined) return { status: 'False', ...verdict.trouble };
      return judgeBySlack(verdict, view?.slots ?? [], previous);
  }
  return verdict satisfies never;
}

/** Slack's own verdict on this token. What it said of an earlier one does not count. */
function judgeBySlack(
  verdict: CredentialsVerdict & { kind: 'valid' },
  slots: readonly SlotView[],
  previous: readonly Condition[],
): Judgement {
  const about = slots.filter((slot) => slot.tokenDigest === verdict.digest);
  const refused = about.find((slot) => slot.state === 'failed' && isCredentialsReason(slot.reason));
  if (refused !== undefined) return { status: 'False', ...reported(refused) };
  const wasAccepted = previous.some(({ type, status }) => type === 'CredentialsValid' && status === 'True');
  const accepted = about.some(isLive) || wasAccepted;
  const reason = accepted ? 'Accepted' : 'NotTried';
  const message = verdict.note === '' ? explain(reason) : `${explain(reason)} ${verdict.note}`;
  return { status: accepted ? 'True' : 'Unknown', reason, message };
}

function judgeAssigned({ desired, verdict, view, fleet }: ConditionInput): Judgement {
  const assigned = view?.slots.length ?? 0;
  if (assigned >= desired) return { status: 'True', ...said('Placed') };
  if (verdict.kind === 'unknown') return { status: 'Unknown', reason: verdict.reason, message: verdict.message };
  const [pending] = view?.pending ?? [];
  if (pending !== undefined) return { status: 'False', ...said(pending) };
  return { status: 'False', ...said(fleet.pods === 0 ? 'NoConnectors' : 'Placing') };
}

function judgeConnected(
  { view, verdict, nowMs }: ConditionInput,
  live: readonly SlotView[],
  assigned: Judgement,
): Judgement {
  if (live.length > 0) {
    // Live with an earlier token: the connector can't decrypt the present one.
    const behind = live.find((slot) => slot.reason !== '');
    return { status: 'True', ...(behind === undefined ? said('Live') : reported(behind)) };
  }
  const slots = view?.slots ?? [];
  if (slots.length === 0) return { ...assigned, status: 'False' };
  // The most final news comes first: a refusal, then a reason to wait, then work in progress.
  // A refusal of an earlier token says nothing about this one.
  const current = slots.filter(
    (slot) => verdict.kind !== 'valid' || slot.tokenDigest === verdict.digest || isAway(slot),
  );
  const { reason, message } = whyNotLive(current);
  return { status: 'False', reason, message: message + waitSentence(current, nowMs) };
}

/** Of the slots whose socket is not live, if one of them says. */
export function whyMissing(slots: readonly Reported[]): { reason: Reason; message: string } | undefined {
  const silent = slots.filter(({ state }) => !isLiveState(state));
  const { reason, message } = whyNotLive(silent);
  return silent.every((slot) => slot.reason === '') ? undefined : { reason, message };
}

/** Of slots without a live socket. */
export function whyNotLive(slots: readonly Reported[]): { reason: Reason; message: string } {
  const telling = slots.find((slot) => slot.state === 'failed') ?? slots.find((slot) => slot.reason !== '');
  return telling === undefined ? said('Connecting') : reported(telling);
}

function judgeRedundant({ desired, fleet, view, nowMs }: ConditionInput, live: readonly SlotView[]): Judgement {
  if (live.length < desired) {
    const returns = view?.slots.some(({ reason }) => reason === AWAY_REASON.returning) ?? false;
    const why = whyMissing(view?.slots ?? []);
    // Nothing that Relax does brings a socket back for which Slack has no place.
    const missing = why?.reason === 'TooManyWebsockets' ? why.reason : 'MissingReplica';
    const reason = returns ? AWAY_REASON.returning : missing;
    const words = returns || why === undefined ? explain(reason) : why.message;
    const wait = waitSentence(view?.slots ?? [], nowMs);
    const message = `${live.length} of ${desired} sockets are live. ${words}${wait}`;
    return { status: 'False', reason, message };
  }
  if (desired < 2) return { status: 'False', ...said('SingleReplica') };
  if (new Set(live.map((slot) => slot.zone)).size > 1) return { status: 'True', ...said('AllLive') };
  if (fleet.zones <= 1) return { status: 'True', ...said('SingleZone') };
  const zone = live[0]?.zone ?? '';
  const opening = view?.slots.find((slot) => slot.zone !== zone && slot.role === 'incoming');
  const told = opening === undefined ? undefined : { zone: opening.zone, message: redactTokens(opening.message) };
  return { status: 'False', reason: 'SameZone', message: whySameZone(zone, fleet.rooms ?? {}, told).slice(0, 1024) };
}

function judgeReady(credentials: Judgement, connected: Judgement): Judgement {
  if (credentials.status === 'False') return credentials;
  return connected;
}

type Reported = Pick<SlotView, 'state' | 'reason' | 'message'>;

/** Every wanted socket was reported by a process that runs, or that said it was leaving: there is nothing more to wait for. */
export const allReported = (slots: readonly SlotView[], desired: number): boolean =>
  slots.length >= desired &&
  slots.every(({ state, reason }) => state !== undefined || reason === AWAY_REASON.returning);

/**
 * While the fleet is still being observed, good news counts at once, and bad news only if it is certain. Otherwise a
 * condition stays as it was, or is Unknown if there was none (design rule 10).
 */
function withUnknown({ desired, previous, view }: ConditionInput, judged: Judgements, live: number): Judgements {
  if (live >= desired || allReported(view?.slots ?? [], desired)) return judged;
  const before = (type: ConditionType): Judgement => {
    const condition = previous.find((candidate) => candidate.type === type);
    const reason = condition && knownReason(condition.reason);
    if (condition === undefined || reason === undefined) return { status: 'Unknown', ...said('Observing') };
    return { status: condition.status, reason, message: condition.message };
  };
  const connected = live > 0 ? judged.Connected : before('Connected');
  return {
    Ready: judgeReady(judged.CredentialsValid, live > 0 ? judged.Ready : before('Ready')),
    Redundant: before('Redundant'),
    Assigned: judged.Assigned.status === 'True' ? judged.Assigned : before('Assigned'),
    Connected: connected,
    CredentialsValid: judged.CredentialsValid,
  };
}

const said = (reason: Reason): { reason: Reason; message: string } => ({ reason, message: explain(reason) });

/** A connector's words, if it has any; its reason, if this version knows it. */
function reported(slot: Reported): { reason: Reason; message: string } {
  const reason = knownReason(slot.reason) ?? 'Connecting';
  const words = redactTokens(slot.message).slice(0, 1024);
  return { reason, message: words === '' ? explain(reason) : words };
}
