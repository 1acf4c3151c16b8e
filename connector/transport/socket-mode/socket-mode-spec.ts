import type { AppSlot, SocketModeSlot } from '../../../core/protocol/assignment.ts';
import type { SharedSpec, SlotSpec } from '../slot-spec.ts';

/** What the slots of Socket Mode have. `token`: an app's credentials (`core/protocol/app-credentials.ts`). */
export interface EnvelopeSpec extends SlotSpec {
  /** Payloads that take an answer wait for one from the application. */
  replies: boolean;
  /** The app has Slack's Delayed Events switched on. */
  delayedEvents: boolean;
}

/** A bot of one team, by an app of its own. */
export interface SocketModeSpec extends EnvelopeSpec {
  kind: 'socketMode';
  /** `spec.teamID`: the workspace or organization that the app is installed in. */
  teamID: string;
}

/** One of the few sockets of an app that serves many teams. */
export interface AppSpec extends EnvelopeSpec {
  kind: 'app';
  /** `spec.appID` */
  appID: string;
  /** What becomes of the events of a team that no SlackBot names. */
  unknownTeams: 'deliver' | 'drop';
}

export const socketModeSpec = (
  { teamID, replies, delayedEvents }: SocketModeSlot,
  shared: SharedSpec,
): SocketModeSpec => ({ ...shared, kind: 'socketMode', teamID, replies: replies === 'wait', delayedEvents });

export const appSpec = ({ appID, replies, delayedEvents, unknownTeams }: AppSlot, shared: SharedSpec): AppSpec => ({
  ...shared,
  kind: 'app',
  appID,
  replies: replies === 'wait',
  delayedEvents,
  unknownTeams,
});
