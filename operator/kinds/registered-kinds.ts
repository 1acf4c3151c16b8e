import type { RegisteredKind } from '../reconcile/registered-kind.ts';
import { slackBots } from './slackbot/slackbot-kind.ts';

/** Every kind that the operator serves. */
export const KINDS: readonly RegisteredKind[] = [slackBots];
