import type { RegisteredKind } from '../reconcile/registered-kind.ts';
import { slackApps } from './slackapp/slackapp-kind.ts';
import { slackBots } from './slackbot/slackbot-kind.ts';

/** Every kind that the operator serves. SlackApps come first, since the verdict on a SlackBot may depend on its app. */
export const KINDS: readonly RegisteredKind[] = [slackApps, slackBots];
