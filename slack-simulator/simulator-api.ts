import type { Burst, BurstPlan } from './burst.ts';
import type { SocketFault, StandingFault } from './fault.ts';
import type { EventKind, EventOptions, Frame } from './frames.ts';
import type { EventRecord, EventTotals } from './ledger.ts';
import type { PostControls } from './post-controls.ts';
import type { PostTotals } from './post-desk.ts';
import type { SocketTarget } from './rtm/rtm-hub.ts';
import type { SocketView } from './rtm/rtm-socket.ts';
import type { AppControls, AppStats } from './socket-mode/app-controls.ts';
import type { Spread } from './socket-mode/spread.ts';
import type { Team, TeamSpec, TokenOptions } from './team.ts';
import type { TokenControls } from './token-controls.ts';

export type SimulatorOptions = {
  tls?: boolean | undefined;
  /** What its certificate is for, besides localhost: `host`, if undefined. */
  tlsName?: string | undefined;
  /** 0 (the default) takes a free one. */
  port?: number | undefined;
  /** Address to listen on, 127.0.0.1 by default. */
  host?: string | undefined;
  /** rtm.connect: calls at once (3) and then per minute (1), for each team and token. */
  connectBurst?: number | undefined;
  connectPerMinute?: number | undefined;
  /** `team`: a rotated token shares its team's budget, as Slack's "per method per workspace per app" reads. */
  connectLimitBy?: 'token' | 'team' | undefined;
  /** apps.connections.open: calls at once (20) and then per minute (50), for each app. */
  appConnectBurst?: number | undefined;
  appConnectPerMinute?: number | undefined;
  /** chat.postMessage: calls beyond one a second that a bot may make in one channel: 0. */
  postBurst?: number | undefined;
  /** chat.postMessage: calls per minute (300), and at once (30), of a bot in its workspace. */
  postWorkspacePerMinute?: number | undefined;
  postWorkspaceBurst?: number | undefined;
  /** Messages beyond one a second that an RTM socket takes: 0. */
  rtmMessageBurst?: number | undefined;
  /** Websockets of one app that Slack registers: 10. */
  maxWebsockets?: number | undefined;
  /** What hello announces, and after which Slack refreshes a Socket Mode socket: 18,060 s, 5 hours. */
  approximateConnectionSeconds?: number | undefined;
  /** How long an app's socket stays registered, as a ghost, whose client went without a close frame: 0. */
  ghostAfterDropMs?: number | undefined;
  /** Which of an app's sockets gets the next envelope: in turn, or at random from a seed. */
  spread?: Spread | undefined;
  /** How long Slack waits for an acknowledgement: 3 s. */
  ackTimeoutMs?: number | undefined;
  /** From the end of each failed attempt of an event to the next: at once, 1 minute, 5 minutes. */
  retryDelaysMs?: readonly number[] | undefined;
  /** A retry comes in the envelope of the first attempt, not in a new one. */
  sameEnvelopeID?: boolean | undefined;
  /** An acknowledgement counts only over the socket that carried the envelope, not over any of the app. */
  ackOnSameSocket?: boolean | undefined;
  /** An app that fails 95 % of 1,000 or more attempts within an hour is sent no more events. */
  disableFailingApps?: boolean | undefined;
  /** How long a socket URL is valid: 30 s at Slack. */
  urlTtlMs?: number | undefined;
  /** Websocket pings by the server, 10 s by default. */
  pingEveryMs?: number | undefined;
  /** Serves the control API under /_control/ (see control.ts). */
  control?: boolean | undefined;
};

export type Stats = {
  /** Calls of rtm.connect and rtm.start: team -> outcome -> count. Team `-`: a token of no team. */
  connects: Record<string, Record<string, number>>;
  /** Websocket handshakes: team -> outcome (ok, expired, http_503, ...) -> count. */
  handshakes: Record<string, Record<string, number>>;
  /** `open` counts every state, `live` only those that hear events. */
  sockets: { open: number; live: number };
  /** `deliveries`: copies written to live sockets. `unheard`: events that no socket was or will be sent. */
  events: EventTotals;
  /** Copies written, by the id of a socket that is still open. */
  deliveriesBySocket: Record<string, number>;
  /** Calls of every Web API method: method -> outcome -> count. */
  calls: Record<string, Record<string, number>>;
  posts: PostTotals;
  /** The same for Socket Mode. */
  apps: AppStats;
};

export type Emitted = { id: string; ts: string; record: EventRecord };

/** What is of teams and of no app is of RTM: teams with a classic bot. `apps` is Socket Mode. */
export type Simulator = {
  readonly apps: AppControls;
  readonly posts: PostControls;
  readonly tokens: TokenControls;
  /** Base of the Web API with a slash at its end: what RELAX_SLACK_API_URL takes. */
  readonly url: string;
  readonly port: number;
  /** With TLS: the CA to trust, as a path for NODE_EXTRA_CA_CERTS and as PEM. */
  readonly caFile: string | undefined;
  readonly ca: Buffer | undefined;

  addTeam(spec: TeamSpec): Team;
  team(teamID: string): Team;
  teams(): (Team & { tokens: string[] })[];
  /** Its tokens answer `invalid_auth` from now on, and its sockets are closed. */
  removeTeam(teamID: string): void;
  addToken(teamID: string, token: string, options?: TokenOptions): void;
  /** The token is of that team from now on; sockets that it opened stay. */
  moveToken(token: string, teamID: string): void;
  /** The token answers `token_revoked` from now on, and its sockets are closed. */
  revokeToken(token: string): void;

  /** Gives a frame, whatever it is, to every socket of the team and to those about to open. */
  emit(teamID: string, frame: Frame, id?: string): EventRecord;
  emitEvent(teamID: string, kind: EventKind, options?: EventOptions): Emitted;
  emitMessage(teamID: string, message?: EventOptions): Emitted;
  startBurst(plan: BurstPlan): Burst;
  /** Every event emitted since the start or the last `forgetEvents`, in order. */
  events(): readonly EventRecord[];
  unheard(): EventRecord[];
  forgetEvents(): void;

  /** Open sockets, in the order in which they were opened; without a team, all of them. */
  sockets(teamID?: string): SocketView[];
  /** Strikes open sockets at once; returns the ids of those that were struck. */
  inflict(target: SocketTarget, fault: SocketFault): string[];
  /** Returns the id by which the fault can be cleared. Of several that fit, the one set last strikes. */
  setFault(fault: StandingFault): string;
  clearFault(id: string): boolean;
  clearFaults(): void;
  faults(): { id: string; fault: StandingFault }[];

  stats(): Stats;
  stop(): Promise<void>;
};
