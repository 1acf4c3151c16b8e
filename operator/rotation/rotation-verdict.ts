import type { RotationDecision } from './decide-rotation.ts';

/** What went wrong with the last attempts to refresh a token. */
export interface RefreshTrouble {
  /** `refused`: by Slack, for a reason that only another Secret helps against. `failing`: it is tried again soon. */
  kind: 'refused' | 'failing';
  failures: number;
  /** Names the error and, if there is one, the remedy. Never a token. */
  message: string;
}

/** Reasons of CredentialsValid=False; operator/kinds/reasons.ts explains them. */
export type RotationFault = {
  reason: 'RefreshRefused' | 'RefreshDelayed' | 'TokenExpired' | 'SealUnreadable';
  message: string;
};

export interface RotationVerdict {
  /** For people; empty if there is nothing to say. It changes only with the situation, since each change is written. */
  note: string;
  /** The token that is used has expired, and this is why there is no newer one. */
  fault: RotationFault | undefined;
}

interface VerdictInput {
  decision: RotationDecision;
  follows: boolean;
  trouble: RefreshTrouble | undefined;
  /** Why the pair in Redis can't be opened. */
  sealed: string | undefined;
  /** Why the Secret can't be written. */
  unwritten: string | undefined;
  writesBack: boolean;
}

/** Failures of this number are said: one alone is over before anybody reads it. */
export const SAID_AFTER_FAILURES = 3;

/** Pure. */
export function rotationVerdict(input: VerdictInput): RotationVerdict {
  const { isExpired } = input.decision;
  const fault = isExpired ? faultOf(input) : undefined;
  return { note: fault === undefined ? notesOn(input).join(' ') : '', fault };
}

function faultOf({ decision, follows, trouble, sealed }: VerdictInput): RotationFault | undefined {
  if (sealed !== undefined && decision.use === 'secret' && decision.standing !== 'replaced') {
    return { reason: 'SealUnreadable', message: `The token in the Secret has expired. ${sealed}` };
  }
  if (follows) return { reason: 'TokenExpired', message: FOLLOWS };
  if (trouble?.kind === 'refused') {
    return { reason: 'RefreshRefused', message: `The token has expired. ${trouble.message}` };
  }
  if (trouble?.kind === 'failing') {
    return {
      reason: 'RefreshDelayed',
      message: `The token has expired, and is refreshed as soon as possible. ${trouble.message}`,
    };
  }
  return undefined;
}

const FOLLOWS =
  'The token has expired. spec.credentials.refresh is Follow here, so the cluster whose SlackBot of this team has Owner must ' +
  'refresh it, with the same Redis and the same fleet key, and it has not. See the status there, put a fresh token into the ' +
  'Secret, or set spec.credentials.refresh to Owner.';

function notesOn({ decision, trouble, sealed, unwritten, writesBack }: VerdictInput): string[] {
  const notes: string[] = [];
  if (trouble?.kind === 'refused') {
    notes.push(`The token can't be refreshed before it expires. ${trouble.message}`);
  } else if (trouble !== undefined && trouble.failures >= SAID_AFTER_FAILURES) {
    notes.push(`The token could not be refreshed so far; Relax tries again. ${trouble.message}`);
  }
  if (sealed !== undefined) notes.push(sealed);
  if (decision.standing === 'refused') {
    notes.push(
      'Slack did not take the refresh token in the Secret, so the earlier one from Redis is used: install the app again, and ' +
        'put its new token and refresh token into the Secret.',
    );
  }
  if (decision.writeBack && !writesBack) {
    notes.push(
      'The newest token is in Redis only, since nothing may write it into the Secret. An operator does so with ' +
        'RELAX_CREDENTIALS_WRITE_BACK; standalone mode never writes manifests.',
    );
  } else if (decision.writeBack && unwritten !== undefined) {
    notes.push(`The newest token is in Redis, and not in the Secret yet: ${unwritten}`);
  }
  return notes;
}
