import { EVENT_RULES, type EventsSpec } from './event-selection.ts';
import { MAX_APP_REPLICAS } from './spec-fields.ts';
import type { SpecRule } from './spec-rule.ts';

/** The part of a SlackBot spec that the rules look at. (slackbot.ts includes the rules in its schema.) */
interface RuledSpec extends EventsSpec {
  teamID: string;
  transport: string;
  credentials?: object | undefined;
  appRef?: object | undefined;
  replicas?: number | undefined;
  replies?: string | undefined;
  delayedEvents?: boolean | undefined;
}

/** Rules over several fields of a SlackBot spec, and over a change of it. */
export const SLACKBOT_RULES: readonly SpecRule<RuledSpec>[] = [
  {
    name: 'teamID is immutable',
    field: 'teamID',
    cel: 'self.teamID == oldSelf.teamID',
    message: 'teamID is immutable: for another team, delete this SlackBot and create a new one',
    check: (spec, old) => old === undefined || spec.teamID === old.teamID,
  },
  {
    name: 'credentials unless App',
    field: 'credentials',
    cel: "self.transport == 'App' || has(self.credentials)",
    message:
      'credentials is required with transport RTM and SocketMode: set credentials.secretRef.name to a Secret in the same namespace',
    check: (spec) => spec.transport === 'App' || spec.credentials !== undefined,
  },
  {
    name: 'appRef with App',
    field: 'appRef',
    cel: "self.transport != 'App' || has(self.appRef)",
    message: 'appRef is required with transport App: set appRef.name to a SlackApp',
    check: (spec) => spec.transport !== 'App' || spec.appRef !== undefined,
  },
  {
    name: 'appRef only with App',
    field: 'appRef',
    cel: "self.transport == 'App' || !has(self.appRef)",
    message: 'appRef goes only with transport App: remove appRef, or set transport to App',
    check: (spec) => spec.transport === 'App' || spec.appRef === undefined,
  },
  {
    name: 'no replicas with App',
    field: 'replicas',
    cel: "self.transport != 'App' || !has(self.replicas)",
    message: "replicas can't be set with transport App: remove it, the sockets are counted by the SlackApp's replicas",
    check: (spec) => spec.transport !== 'App' || spec.replicas === undefined,
  },
  {
    name: 'few replicas with SocketMode',
    field: 'replicas',
    cel: `self.transport != 'SocketMode' || !has(self.replicas) || self.replicas <= ${MAX_APP_REPLICAS}`,
    message:
      `replicas is at most ${MAX_APP_REPLICAS} with transport SocketMode: Slack allows an app 10 sockets, which its clusters ` +
      'and replacements of sockets share',
    check: (spec) => spec.transport !== 'SocketMode' || (spec.replicas ?? 0) <= MAX_APP_REPLICAS,
  },
  {
    name: 'replies not with RTM',
    field: 'replies',
    cel: "self.transport != 'RTM' || !has(self.replies)",
    message: 'replies goes only with transport SocketMode and App: remove it, nothing over RTM takes an answer',
    check: (spec) => spec.transport !== 'RTM' || spec.replies === undefined,
  },
  {
    name: 'delayedEvents only with SocketMode',
    field: 'delayedEvents',
    cel: "self.transport == 'SocketMode' || !has(self.delayedEvents)",
    message:
      'delayedEvents goes only with transport SocketMode: remove it; with transport App it is a field of the SlackApp, and RTM ' +
      'has no delayed events',
    check: (spec) => spec.transport === 'SocketMode' || spec.delayedEvents === undefined,
  },
  ...EVENT_RULES,
];
