import type { StateGauge } from '../../reconcile/kind.ts';

export const SLACKAPP_GAUGE: StateGauge = { name: 'relax_apps', help: 'SlackApps by state, counted by the leader.' };
