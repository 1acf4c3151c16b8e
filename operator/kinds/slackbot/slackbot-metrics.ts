import type { StateGauge } from '../../reconcile/kind.ts';

export const SLACKBOT_GAUGE: StateGauge = { name: 'relax_bots', help: 'SlackBots by state, counted by the leader.' };
