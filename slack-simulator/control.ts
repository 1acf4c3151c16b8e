import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import { type PostControl, postControlOf, type TokenControl, tokenControlOf } from './bot-control.ts';
import type { BurstPlan, BurstState } from './burst.ts';
import type { SocketFault, StandingFault } from './fault.ts';
import type { EventKind, EventOptions, Frame } from './frames.ts';
import type { EventRecord } from './ledger.ts';
import type { SocketTarget } from './rtm/rtm-hub.ts';
import type { SocketView } from './rtm/rtm-socket.ts';
import type { Emitted, Stats } from './simulator-api.ts';
import { type AppControl, appControlOf } from './socket-mode/app-control.ts';
import type { Team, TeamSpec } from './team.ts';

/** Drives a simulator in another process. Every call rejects with the simulator's own words when it is refused. */
export type Control = {
  stats(): Promise<Stats>;
  teams(): Promise<(Team & { tokens: string[] })[]>;
  addTeam(spec: TeamSpec): Promise<Team>;
  removeTeam(teamID: string): Promise<void>;
  addToken(teamID: string, token: string, options?: { granular?: boolean }): Promise<void>;
  /** Gives the team another token and, unless told not to, revokes those it had. */
  rotateToken(teamID: string, options?: { token?: string; revokeOld?: boolean }): Promise<{ token: string }>;
  revokeToken(token: string): Promise<void>;
  moveToken(token: string, teamID: string): Promise<void>;
  emit(teamID: string, frame: Frame): Promise<{ record: EventRecord }>;
  emitEvent(teamID: string, kind: EventKind, options?: EventOptions): Promise<Emitted>;
  /** Starts a burst and returns at once. */
  startBurst(plan: BurstPlan): Promise<BurstState & { id: string }>;
  burst(id: string): Promise<BurstState>;
  stopBurst(id: string): Promise<void>;
  events(): Promise<EventRecord[]>;
  unheard(): Promise<EventRecord[]>;
  forgetEvents(): Promise<void>;
  sockets(teamID?: string): Promise<SocketView[]>;
  inflict(target: SocketTarget, fault: SocketFault): Promise<{ struck: string[] }>;
  faults(): Promise<{ id: string; fault: StandingFault }[]>;
  setFault(fault: StandingFault): Promise<{ id: string }>;
  clearFault(id: string): Promise<void>;
  clearFaults(): Promise<void>;
  readonly posts: PostControl;
  readonly tokens: TokenControl;
  /** Socket Mode. */
  readonly apps: AppControl;
  /** Drops the connections. The simulator runs on. */
  close(): Promise<void>;
};

/** `url`: the simulator's, as it prints it. `caFile`: with TLS, unless the process trusts it already. */
export function controlOf(url: string, options: { caFile?: string | undefined } = {}): Control {
  // Not by fetch or undici, whose option for a CA Bun ignores.
  const { Agent, request } = url.startsWith('https:') ? https : http;
  const ca = options.caFile === undefined ? {} : { ca: readFileSync(options.caFile) };
  const agent = new Agent({ keepAlive: true, maxSockets: 4, ...ca });

  async function call<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const open = request(new URL(`/_control/${path}`, url), {
      method,
      agent,
      ...ca,
      ...(body === undefined ? {} : { headers }),
    }).end(text);
    const [response] = (await once(open, 'response')) as [http.IncomingMessage];
    const answer = Buffer.concat(await response.toArray()).toString();
    if (response.statusCode !== 200) throw new Error(`the Slack simulator refused ${method} ${path}: ${answer}`);
    return JSON.parse(answer) as T;
  }
  const of = encodeURIComponent;

  return {
    stats: () => call('GET', 'stats'),
    teams: () => call('GET', 'teams'),
    addTeam: (spec) => call('POST', 'teams', spec),
    removeTeam: (teamID) => call('DELETE', `teams/${of(teamID)}`),
    addToken: (teamID, token, tokenOptions) => call('POST', `teams/${of(teamID)}/tokens`, { token, ...tokenOptions }),
    rotateToken: (teamID, rotation = {}) => call('POST', `teams/${of(teamID)}/rotate`, rotation),
    revokeToken: (token) => call('POST', 'tokens/revoke', { token }),
    moveToken: (token, teamID) => call('POST', 'tokens/move', { token, teamID }),
    emit: (teamID, frame) => call('POST', 'events', { teamID, frame }),
    emitEvent: (teamID, kind, eventOptions) => call('POST', 'events', { teamID, kind, ...eventOptions }),
    startBurst: (plan) => call('POST', 'bursts', plan),
    burst: (id) => call('GET', `bursts/${of(id)}`),
    stopBurst: (id) => call('DELETE', `bursts/${of(id)}`),
    events: () => call('GET', 'events'),
    unheard: () => call('GET', 'events?unheard=true'),
    forgetEvents: () => call('DELETE', 'events'),
    sockets: (teamID) => call('GET', teamID === undefined ? 'sockets' : `sockets?team=${of(teamID)}`),
    inflict: (target, fault) => call('POST', 'sockets/fault', { ...target, fault }),
    faults: () => call('GET', 'faults'),
    setFault: (fault) => call('POST', 'faults', fault),
    clearFault: (id) => call('DELETE', `faults/${of(id)}`),
    clearFaults: () => call('DELETE', 'faults'),
    posts: postControlOf(call),
    tokens: tokenControlOf(call),
    apps: appControlOf(call),
    close: async () => agent.destroy(),
  };
}
