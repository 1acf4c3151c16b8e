import { EVENT_RULES, type EventsSpec } from './event-selection.ts';
import type { SpecRule } from './spec-rule.ts';

/** The part of a SlackApp spec that the rules look at. (slackapp.ts includes the rules in its schema.) */
interface RuledSpec extends EventsSpec {
  appID: string;
}

/** Rules over several fields of a SlackApp spec, and over a change of it. */
export const SLACKAPP_RULES: readonly SpecRule<RuledSpec>[] = [
  {
    name: 'appID is immutable',
    field: 'appID',
    cel: 'self.appID == oldSelf.appID',
    message: 'appID is immutable: for another app, delete this SlackApp and create a new one',
    check: (spec, old) => old === undefined || spec.appID === old.appID,
  },
  ...EVENT_RULES,
];
