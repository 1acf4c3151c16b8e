/** Counts what connectors have learned of a token into the verdict on an object's credentials (ADR 0021). Pure. */

import { isFinalRefusal, isRevokingEvent, type RefusedToken } from '../../core/protocol/refused-token.ts';
import type { CredentialsVerdict, ValidCredentials } from './credentials-verdict.ts';

/**
 * What an object's token is for. `sockets`: its sockets are opened with it. `messages`: it has another one for them. `carried`:
 * its events come over the sockets of an app.
 */
export type TokenUse = 'sockets' | 'messages' | 'carried';

export interface JudgedRefusal {
  verdict: CredentialsVerdict;
  /** The record applies to the present token. */
  isRefused: boolean;
}

/**
 * A record is about one token and the generations up to its own. A verdict that is not valid says enough without it.
 * @param refused the record of the object, if there is one
 */
export function withRefusal(
  verdict: CredentialsVerdict,
  refused: RefusedToken | undefined,
  { generation, use }: { generation: number; use: TokenUse },
): JudgedRefusal {
  if (verdict.kind !== 'valid' || refused === undefined) return { verdict, isRefused: false };
  const isRefused = generation <= refused.generation && isAbout(refused, verdict, use);
  return { verdict: isRefused ? judged(verdict, refused, use) : verdict, isRefused };
}

function isAbout({ tokenDigest }: RefusedToken, { digest, routedToken }: ValidCredentials, use: TokenUse): boolean {
  if (use !== 'carried') return tokenDigest === digest;
  // Which token it is can't be seen now, so the record stays.
  return routedToken === 'asBefore' || tokenDigest === (routedToken?.digest ?? '');
}

function judged(
  verdict: ValidCredentials,
  { reason, error, message }: RefusedToken,
  use: TokenUse,
): CredentialsVerdict {
  // That Slack does not give the next token is why it has expired, and says what to do.
  const trouble = (reason === 'TokenExpired' ? verdict.trouble : undefined) ?? { reason, message };
  switch (use) {
    case 'carried': {
      // The app's sockets stay, and its row too: what still comes is the bot's. Nothing is sent with the token.
      const { routedToken: _refused, ...rest } = verdict;
      return { ...rest, trouble };
    }
    case 'messages':
      // An answer of Slack to a message says nothing about the sockets, an event that ends the installation does.
      return isRevokingEvent(error) ? { kind: 'invalid', ...trouble, isRefused: true } : { ...verdict, trouble };
    case 'sockets':
      // Slack leaves the sockets of a token open when it expires. Any other answer may be a fault of Slack, and Slack itself closes
      // the sockets of a token that it takes no longer.
      return isFinalRefusal(error) ? { kind: 'invalid', ...trouble, isRefused: true } : { ...verdict, trouble };
    default:
      return use satisfies never;
  }
}
