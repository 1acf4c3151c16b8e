import type { RefusedToken } from '../../core/protocol/refused-token.ts';
import { tokenDigest } from '../../core/protocol/token.ts';
import { namesError } from '../../core/slack/classify-answer.ts';
import type { FleetView, SlotView } from '../fleet/fleet-view.ts';
import type { SecretRead } from '../reconcile/secret-read.ts';
import type { WantedSecret } from '../reconcile/secret-reads.ts';
import type { RotatingSecret } from '../rotation/rotating-secret.ts';
import type { Rotation } from '../rotation/rotations.ts';
import type { KindObject } from '../status/status-kind.ts';
import type { CredentialsVerdict } from './credentials-verdict.ts';

/** What an object's Secret says about a rotating token. */
export type RotationInSecret =
  | { kind: 'none' }
  /** Some of what a refresh needs is missing: the token is used as it is. */
  | { kind: 'incomplete'; note: string }
  /** `tokenKey`: where the token is in the Secret. */
  | { kind: 'rotating'; secret: RotatingSecret; tokenKey: string };

/** The part of a kind that judges credentials. */
interface JudgingKind<O> {
  wantedSecretOf(object: O): WantedSecret | undefined;
  judgeCredentials(object: O, secret: SecretRead): CredentialsVerdict;
  rotationIn?(object: O, secret: SecretRead): RotationInSecret;
}

interface Judging {
  /** Undefined: nothing is refreshed. */
  rotation: Rotation | undefined;
  view: Pick<FleetView, 'bots'> & { refused?: ReadonlyMap<string, RefusedToken> | undefined };
}

/** The verdict on an object's credentials, with the newest token that is known of a rotating one. */
export function judgeRotated<O extends KindObject>(
  kind: JudgingKind<O>,
  object: O,
  secret: SecretRead,
  { rotation, view }: Judging,
): CredentialsVerdict {
  const { uid } = object.metadata;
  const found = kind.rotationIn?.(object, secret) ?? { kind: 'none' };
  if (rotation === undefined || secret.kind !== 'found' || found.kind !== 'rotating') {
    // A Secret that is away for a moment changes nothing.
    if (secret.kind === 'found' || kind.wantedSecretOf(object) === undefined) rotation?.release(uid);
    return withNote(kind.judgeCredentials(object, secret), found.kind === 'incomplete' ? found.note : '');
  }
  const applied = rotation.apply(uid, found.secret);
  if (applied.kind === 'unknown') return { kind: 'unknown', reason: 'Observing', message: applied.message };
  const newest = { ...secret, data: { ...secret.data, [found.tokenKey]: applied.token } };
  const verdict = kind.judgeCredentials(object, newest);
  if (verdict.kind !== 'valid') return verdict;
  const slots = view.bots.get(uid)?.slots ?? [];
  const refused = view.refused?.get(uid);
  const digests = [verdict.digest, tokenDigest(applied.token)];
  const isRefused = refused?.reason === 'TokenExpired' && digests.includes(refused.tokenDigest);
  rotation.setExpired(uid, isRefused || saysExpired(slots, verdict.digest));
  const { fault } = applied;
  return { ...withNote(verdict, applied.note), ...(fault === undefined ? {} : { trouble: fault }) };
}

/** Slack's word about these credentials, as a socket that was to be opened with them has heard it. */
const saysExpired = (slots: readonly SlotView[], digest: string): boolean =>
  slots.some(
    (slot) =>
      slot.tokenDigest === digest &&
      (slot.reason === 'TokenExpired' ||
        (slot.reason === 'BotTokenRefused' && namesError(slot.message, 'token_expired'))),
  );

function withNote<V extends CredentialsVerdict>(verdict: V, note: string): V {
  if (verdict.kind !== 'valid' || note === '') return verdict;
  return { ...verdict, note: verdict.note === '' ? note : `${verdict.note} ${note}` };
}
