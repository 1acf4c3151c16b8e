import { tokenKind } from '../../../core/protocol/token.ts';
import type { Refusal } from '../../../core/slack/web-api-answer.ts';

/**
 * A value that does not look like a bot's or a user's token is not sent at all.
 * @returns undefined when it may be sent
 */
export function refuseToken(token: string): Refusal | undefined {
  const kind = tokenKind(token);
  if (kind === 'bot' || kind === 'user') return undefined;
  const is =
    kind === 'unknown' ? 'does not look like a Slack token' : `is ${kind === 'app' ? 'an' : 'a'} ${kind} token`;
  const remedy = 'RTM needs a bot token (xoxb-...): put it into the Secret.';
  return {
    reason: 'TokenWrongKind',
    error: 'token_wrong_kind',
    message: `The value in the Secret ${is} and was not sent. ${remedy}`,
  };
}
