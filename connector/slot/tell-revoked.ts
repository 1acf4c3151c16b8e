import type { Refusal } from '../../core/slack/web-api-answer.ts';
import type { RefusedOwner } from '../credentials/token-refusals.ts';
import { disableBot, type Normalized } from '../event/normalize.ts';
import type { RevokedBot } from '../event/revocation.ts';

export interface RevocationDeps {
  offer(normalized: Normalized): void;
  /** `TokenRefusals.refuse` */
  refuse(owner: RefusedOwner, refusal: Refusal): void;
}

/**
 * Tells the operator and the application of the bots whose token an event has revoked (ADR 0021). A bot without a token of its
 * own has nothing that `disable_bot` could be about.
 * @param socket whose it is, and the token that it was opened with: one of an earlier token is late, and its bot goes on
 * @returns the refusal of the socket's own token
 */
export function tellRevoked(
  revoked: readonly RevokedBot[],
  socket: { ownerUid: string; tokenDigest: string },
  deps: RevocationDeps,
  nowMs: number,
): Refusal | undefined {
  let own: Refusal | undefined;
  for (const { bot, refusal } of revoked) {
    const isOwn = bot.ownerUid === socket.ownerUid;
    if (isOwn && bot.tokenDigest !== socket.tokenDigest) continue;
    deps.refuse(bot, refusal);
    if (bot.tokenDigest !== '') deps.offer(disableBot(bot, refusal.error, nowMs));
    if (isOwn) own = refusal;
  }
  return own;
}
