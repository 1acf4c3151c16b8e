import type { Burst, BurstPlan } from './burst.ts';
import type { SocketFault, StandingFault } from './fault.ts';
import type { EventKind, EventOptions, Frame } from './frames.ts';
import type { EventRecord, EventTotals } from './ledger.ts';
import type { SocketTarget } from './rtm-hub.ts';
import type { SocketView } from './rtm-socket.ts';
import type { Team, TeamSpec, TokenOptions } from './team.ts';

export type SimulatorOptions = {
  tls?: boolean | undefined;
  /** 0 (the default) takes a free one. */
  port?: number | undefined;
  /** Address to listen on, 127.0.0.1 by default. */
  host?: string | undefined;
  /** rtm.connect: calls at once (3) and then per minute (1), for each team and token. */
  connectBurst?: number | undefined;
  connectPerMinute?: number | undefined;
  /** `team`: a rotated token shares its team's budget, as Slack's "per method per workspace per app" reads. */
  connectLimitBy?: 'token' | 'team' | undefined;
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
};

export type Emitted = { id: string; ts: string; record: EventRecord };

export type Simulator = {
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
