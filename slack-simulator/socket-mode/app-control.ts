import type { App, AppSpec, Installation, InstallSpec } from '../app.ts';
import type { AppSocketFault } from '../fault.ts';
import type { EventKind, Frame } from '../frames.ts';
import type { AppEmitted, AppEventOptions } from './app-controls.ts';
import type { AppSocketTarget } from './app-hub.ts';
import type { AppSocketView } from './app-socket.ts';
import type { AppResponse } from './callbacks.ts';
import type { AppEventRecord, AppEventState, Delivery } from './delivery.ts';
import type { CommandOptions, InteractionOptions, InteractiveKind } from './interaction-payload.ts';

/** Socket Mode of a simulator in another process: AppControls over HTTP. A record is as of the answer. */
export type AppControl = {
  list(): Promise<(App & { tokens: string[]; installations: Installation[] })[]>;
  add(spec: AppSpec): Promise<App>;
  remove(appID: string): Promise<void>;
  addToken(appID: string, token: string): Promise<void>;
  /** Gives the app another token and, unless told not to, revokes those it had. */
  rotateToken(appID: string, options?: { token?: string; revokeOld?: boolean }): Promise<{ token: string }>;
  revokeToken(token: string): Promise<void>;
  install(appID: string, spec: InstallSpec): Promise<Installation>;
  uninstall(appID: string, teamID: string): Promise<void>;
  setSocketMode(appID: string, on: boolean): Promise<void>;
  subscribe(appID: string): Promise<void>;
  emitEvent(appID: string, teamID: string, kind: EventKind, options?: AppEventOptions): Promise<AppEmitted>;
  emit(appID: string, teamID: string, event: Frame, outer?: Frame): Promise<AppEmitted>;
  emitCommand(appID: string, teamID: string, options?: CommandOptions): Promise<AppEmitted>;
  emitInteractive(
    appID: string,
    teamID: string,
    kind: InteractiveKind,
    options?: InteractionOptions,
  ): Promise<AppEmitted>;
  emitEnvelope(appID: string, envelope: Frame): Promise<AppEmitted>;
  events(only?: { appID?: string; state?: AppEventState }): Promise<AppEventRecord[]>;
  deliveries(appID?: string): Promise<Delivery[]>;
  responses(): Promise<AppResponse[]>;
  forgetEvents(): Promise<void>;
  sockets(appID?: string): Promise<AppSocketView[]>;
  inflict(target: AppSocketTarget, fault: AppSocketFault): Promise<{ struck: string[] }>;
};

type Call = <T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => Promise<T>;

export function appControlOf(call: Call): AppControl {
  const of = (appID: string): string => `apps/${encodeURIComponent(appID)}`;
  const where = (query: Record<string, string | undefined>): string => {
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  };
  return {
    list: () => call('GET', 'apps'),
    add: (spec) => call('POST', 'apps', spec),
    remove: (appID) => call('DELETE', of(appID)),
    addToken: (appID, token) => call('POST', `${of(appID)}/tokens`, { token }),
    rotateToken: (appID, rotation = {}) => call('POST', `${of(appID)}/rotate`, rotation),
    revokeToken: (token) => call('POST', 'apps/tokens/revoke', { token }),
    install: (appID, spec) => call('POST', `${of(appID)}/installations`, spec),
    uninstall: (appID, teamID) => call('DELETE', `${of(appID)}/installations/${encodeURIComponent(teamID)}`),
    setSocketMode: (appID, on) => call('POST', `${of(appID)}/socket-mode`, { on }),
    subscribe: (appID) => call('POST', `${of(appID)}/subscribe`),
    emitEvent: (appID, teamID, kind, options) => call('POST', 'apps/events', { appID, teamID, kind, ...options }),
    emit: (appID, teamID, event, outer) => call('POST', 'apps/events', { appID, teamID, event, outer }),
    emitCommand: (appID, teamID, options) => call('POST', 'apps/commands', { appID, teamID, ...options }),
    emitInteractive: (appID, teamID, kind, options) =>
      call('POST', 'apps/interactions', { appID, teamID, kind, ...options }),
    emitEnvelope: (appID, envelope) => call('POST', 'apps/envelopes', { appID, envelope }),
    events: ({ appID, state } = {}) => call('GET', `apps/events${where({ app: appID, state })}`),
    deliveries: (appID) => call('GET', `apps/deliveries${where({ app: appID })}`),
    responses: () => call('GET', 'apps/responses'),
    forgetEvents: () => call('DELETE', 'apps/events'),
    sockets: (appID) => call('GET', `apps/sockets${where({ app: appID })}`),
    inflict: (target, fault) => call('POST', 'apps/sockets/fault', { ...target, fault }),
  };
}
