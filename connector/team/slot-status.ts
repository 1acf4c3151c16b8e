import type { ConnectionStatus } from './connection-status.ts';
import type { SlotState, WaitReason } from './state.ts';

const WAITS: Readonly<Record<WaitReason, string>> = {
  WaitingForBudget:
    'Slack allows about one connect a minute for each token, which all replicas share. Relax connects by itself when the next is due.',
  RateLimited: 'Slack limits connects with this token (429) and said when the next may come. Relax waits so long.',
};

/**
 * What a slot says of itself. A socket that lives while its successor is under way is plainly live. One whose bot got
 * another token, which Slack refuses, is `failed` although it is read until Slack closes it: the refusal is what a
 * person must know, and the old token's socket is not to be counted on.
 */
export function statusOf(state: SlotState): ConnectionStatus {
  const { attempt, current, spec, teamName, botUserID } = state;
  const known = { teamName, botUserID };
  if (attempt.tag === 'refused') {
    const { reason } = attempt;
    const rest = current === undefined ? '' : ' A socket opened before is read until Slack closes it; none follows it.';
    return { state: 'failed', reason, message: attempt.message + rest, tokenDigest: spec.tokenDigest, ...known };
  }
  if (current !== undefined) {
    const live = current.pausedSinceMs === undefined ? 'live' : 'paused';
    return { state: live, reason: '', message: '', tokenDigest: current.tokenDigest, ...known };
  }
  const waits = waitReason(state);
  const trouble = state.trouble ?? { reason: '', message: '' };
  if (waits === undefined) return { state: 'connecting', ...trouble, tokenDigest: spec.tokenDigest, ...known };
  const message = trouble.message === '' ? WAITS[waits] : `${WAITS[waits]} Before that: ${trouble.message}`;
  return { state: 'waiting', reason: waits, message, tokenDigest: spec.tokenDigest, ...known };
}

function waitReason({ attempt }: SlotState): WaitReason | undefined {
  switch (attempt.tag) {
    case 'waiting':
      return attempt.reason;
    case 'inLine':
    case 'asking':
      return attempt.waited;
    case 'none':
    case 'connecting':
    case 'dialing':
    case 'greeting':
    case 'backingOff':
    case 'refused':
      return undefined;
    default:
      return attempt satisfies never;
  }
}

export function sameStatus(a: ConnectionStatus, b: ConnectionStatus): boolean {
  return (
    a.state === b.state &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.tokenDigest === b.tokenDigest &&
    a.teamName === b.teamName &&
    a.botUserID === b.botUserID
  );
}
