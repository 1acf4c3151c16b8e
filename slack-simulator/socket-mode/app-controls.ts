import { randomUUID } from 'node:crypto';
import type { App, AppDirectory, AppSpec, Installation, InstallSpec } from '../app.ts';
import type { AppSocketFault } from '../fault.ts';
import { type EventKind, type EventOptions, eventIDOf, type Frame, generateEvent } from '../frames.ts';
import type { TicketBook } from '../ticket.ts';
import type { AppHub, AppSocketTarget } from './app-hub.ts';
import type { AppSocket, AppSocketView } from './app-socket.ts';
import type { AppResponse, CallbackBook } from './callbacks.ts';
import type { AckLatency, AppEventRecord, AppEventTotals, Delivery } from './delivery.ts';
import type { AckCounts, DeliveryDesk, Subject } from './delivery-desk.ts';
import { draftOf, draftOfRaw, type EnvelopeDraft } from './envelope.ts';
import { wrapEvent } from './event-payload.ts';
import type { FailureShare } from './failure-share.ts';
import {
  type CommandOptions,
  commandPayload,
  type InteractionOptions,
  type InteractiveKind,
  interactionPayload,
  takesAnswer,
} from './interaction-payload.ts';

/** `outer`: overrides fields of the wrapper, for example `team_id` for Slack Connect. */
export type AppEventOptions = EventOptions & { outer?: Frame | undefined };

/** `record` changes as deliveries and acknowledgements come and go. */
export type AppEmitted = { id: string; eventID: string; record: AppEventRecord };

export type AppStats = {
  /** Calls of apps.connections.open: app -> outcome -> count. App `-`: a token of no app. */
  opens: Record<string, Record<string, number>>;
  /** Websocket handshakes: app -> outcome (ok, expired, too_many_websockets, http_409, ...) -> count. */
  handshakes: Record<string, Record<string, number>>;
  /** `registered` is what Slack counts towards its limit; `ghosts` of them have no connection any more. */
  sockets: { registered: number; live: number; ghosts: number };
  events: AppEventTotals;
  acks: AckCounts & { oversized: number; bad: number };
  ackLatency: AckLatency;
  /** Attempts of the last hour that nobody acknowledged, by app. */
  failures: Record<string, FailureShare>;
};

/** Socket Mode as a test drives it. */
export type AppControls = {
  add(spec: AppSpec): App;
  /** Its tokens answer `invalid_auth` from now on, and its sockets are closed. */
  remove(appID: string): void;
  get(appID: string): App;
  list(): (App & { tokens: string[]; installations: Installation[] })[];
  addToken(appID: string, token: string): void;
  /** The token answers `token_revoked` from now on, and the sockets that it opened are closed. */
  revokeToken(token: string): void;
  install(appID: string, spec: InstallSpec): Installation;
  uninstall(appID: string, teamID: string): void;
  /** Off: every socket is told `link_disabled` and closed, and apps.connections.open refuses. */
  setSocketMode(appID: string, on: boolean): void;
  /** Sends events again to an app that had failed too much. */
  subscribe(appID: string): void;

  /** An event of a team, to one of the app's sockets. */
  emitEvent(appID: string, teamID: string, kind: EventKind, options?: AppEventOptions): AppEmitted;
  /** Any inner event in Slack's wrapper. */
  emit(appID: string, teamID: string, event: Frame, outer?: Frame): AppEmitted;
  emitCommand(appID: string, teamID: string, options?: CommandOptions): AppEmitted;
  emitInteractive(appID: string, teamID: string, kind: InteractiveKind, options?: InteractionOptions): AppEmitted;
  /** Any envelope: `type` and `payload`; the other fields are as Slack has them unless given. */
  emitEnvelope(appID: string, envelope: Frame): AppEmitted;

  /** What was emitted since the start or the last `forgetEvents`, in order. */
  events(): readonly AppEventRecord[];
  /** Every attempt of it, in order. */
  deliveries(): readonly Delivery[];
  /** What the app sent to the response URLs of commands and interactions. */
  responses(): readonly AppResponse[];
  forgetEvents(): void;

  /** Registered sockets, in the order in which they were opened; without an app, all of them. */
  sockets(appID?: string): AppSocketView[];
  /** Strikes sockets at once; returns the ids of those that were struck. */
  inflict(target: AppSocketTarget, fault: AppSocketFault): string[];
  stats(): AppStats;
};

type Parts = {
  directory: AppDirectory;
  hub: AppHub;
  desk: DeliveryDesk;
  callbacks: CallbackBook;
  tickets: TicketBook;
  opens(): AppStats['opens'];
  handshakes(): AppStats['handshakes'];
  /** Frames of clients that are no acknowledgement. */
  refusedFrames(): { oversized: number; bad: number };
  nextTimestamp(): string;
  /** For response URLs, as `http://127.0.0.1:4000`. */
  origin(): string;
};

export function createAppControls(parts: Parts): AppControls {
  const { directory, hub, desk, callbacks, tickets } = parts;

  const controls: AppControls = {
    add: (spec) => directory.add(spec),
    remove(appID) {
      for (const { token } of directory.tokensOf(appID)) tickets.revoke(token);
      directory.remove(appID);
      hub.closeWhere((socket) => socket.appID === appID);
      desk.drop(appID);
    },
    get: (appID) => directory.get(appID),
    list: () =>
      directory.all().map((app) => ({
        ...app,
        tokens: directory.tokensOf(app.appID).map(({ token }) => token),
        installations: directory.installationsOf(app.appID),
      })),
    addToken: (appID, token) => directory.addToken(appID, token),
    revokeToken(token) {
      directory.revokeToken(token);
      tickets.revoke(token);
      hub.closeWhere((socket) => socket.token === token);
    },
    install: (appID, spec) => directory.install(appID, spec),
    uninstall: (appID, teamID) => directory.uninstall(appID, teamID),
    setSocketMode(appID, on) {
      directory.get(appID).socketMode = on;
      if (on) return;
      for (const { token } of directory.tokensOf(appID)) tickets.revoke(token);
      for (const socket of hub.targets({ appID })) socket.leave('link_disabled');
    },
    subscribe(appID) {
      directory.get(appID).subscribed = true;
    },

    emitEvent(appID, teamID, kind, { outer, ...options } = {}) {
      const { botUserID, botID } = directory.installation(appID, teamID);
      const aboutTs = options.about ?? parts.nextTimestamp();
      const ts = parts.nextTimestamp();
      const { frame } = generateEvent(kind, { teamID, botUserID, botID, ts, aboutTs }, options);
      return controls.emit(appID, teamID, frame, outer);
    },
    emit(appID, teamID, event, outer) {
      const installation = directory.installation(appID, teamID);
      const payload = wrapEvent(event, installation, { teamID, nowMs: Date.now(), outer });
      const eventID = String(payload.event_id);
      const subject = { id: eventIDOf(event) ?? eventID, eventID, appID, teamID, type: String(event.type) };
      return send(draftOf('events_api', payload, false), subject);
    },
    emitCommand(appID, teamID, options) {
      const { id, payload } = commandPayload(scene(appID, teamID), options);
      const subject = { id, eventID: id, appID, teamID, type: String(payload.command) };
      allowCallbacks(id, appID, payload);
      return send(draftOf('slash_commands', payload, true), subject);
    },
    emitInteractive(appID, teamID, kind, options) {
      const { id, payload } = interactionPayload(kind, scene(appID, teamID), options);
      allowCallbacks(id, appID, payload);
      return send(draftOf('interactive', payload, takesAnswer(kind)), { id, eventID: id, appID, teamID, type: kind });
    },
    emitEnvelope(appID, envelope) {
      directory.get(appID);
      return sendRaw(appID, envelope);
    },

    events: () => desk.records(),
    deliveries: () => desk.deliveries(),
    responses: () => callbacks.responses(),
    forgetEvents() {
      desk.forget();
      callbacks.forget();
    },

    sockets: (appID) => hub.views(appID),
    inflict(target, fault) {
      if (fault.kind === 'disconnect' && fault.reason === 'link_disabled')
        directory.get(target.appID).socketMode = false;
      const struck: string[] = [];
      for (const socket of hub.targets(target)) {
        if (struck.length >= (target.count ?? Number.POSITIVE_INFINITY)) break;
        if (strike(socket, fault)) struck.push(socket.id);
      }
      return struck;
    },
    stats() {
      const sockets = hub.views();
      const isRegistered = sockets.filter(({ state }) => state !== 'closing');
      return {
        opens: parts.opens(),
        handshakes: parts.handshakes(),
        sockets: {
          registered: isRegistered.length,
          live: sockets.filter(({ state }) => state === 'live').length,
          ghosts: sockets.filter(({ state }) => state === 'ghost').length,
        },
        events: desk.totals(),
        acks: { ...desk.acks(), ...parts.refusedFrames() },
        ackLatency: desk.latency(),
        failures: desk.failureShares(),
      };
    },
  };
  return controls;

  function scene(appID: string, teamID: string) {
    const installation = directory.installation(appID, teamID);
    return { installation, teamID, ts: parts.nextTimestamp(), origin: parts.origin() };
  }

  function allowCallbacks(id: string, appID: string, { response_url: url, trigger_id: trigger }: Frame): void {
    const responseURL = typeof url === 'string' ? url : undefined;
    const triggerID = typeof trigger === 'string' ? trigger : undefined;
    callbacks.add({ id, appID, responseURL, triggerID }, Date.now());
  }

  function send(draft: EnvelopeDraft, subject: Subject, socketID?: string): AppEmitted {
    const record = desk.send(draft, subject, socketID);
    return { id: record.id, eventID: record.eventID, record };
  }

  function sendRaw(appID: string, envelope: Frame, socketID?: string): AppEmitted {
    const draft = draftOfRaw(envelope);
    const payload =
      typeof envelope.payload === 'object' && envelope.payload !== null ? (envelope.payload as Frame) : {};
    const inner = typeof payload.event === 'object' && payload.event !== null ? (payload.event as Frame) : payload;
    const envelopeID = draft.envelopeID ?? randomUUID();
    const eventID = typeof payload.event_id === 'string' ? payload.event_id : envelopeID;
    const teamID = typeof payload.team_id === 'string' ? payload.team_id : '-';
    const type = typeof inner.type === 'string' ? inner.type : draft.type;
    return send({ ...draft, envelopeID }, { id: eventIDOf(inner) ?? eventID, eventID, appID, teamID, type }, socketID);
  }

  function strike(socket: AppSocket, fault: AppSocketFault): boolean {
    if (socket.state !== 'live' && isEnvelope(fault)) return false;
    switch (fault.kind) {
      case 'duplicate':
        return hub.duplicate(socket, fault.over);
      case 'unknownType':
        sendRaw(socket.appID, { type: 'flux_capacitor', payload: { charged: true } }, socket.id);
        return true;
      case 'malformedPayload':
        sendRaw(socket.appID, { type: 'events_api', payload: '{"type":"event_call' }, socket.id);
        return true;
      case 'oversized':
        oversized(socket, fault.bytes);
        return true;
      default:
        return socket.inflict(fault);
    }
  }

  function oversized(socket: AppSocket, bytes: number): void {
    const [installation] = directory.installationsOf(socket.appID);
    if (installation === undefined) throw new Error(`app ${socket.appID} is installed nowhere: install it first`);
    const { teamID, botUserID, botID } = installation;
    const ts = parts.nextTimestamp();
    const { frame } = generateEvent(
      'message',
      { teamID, botUserID, botID, ts, aboutTs: ts },
      { text: 'x'.repeat(bytes) },
    );
    const payload = wrapEvent(frame, installation, { teamID, nowMs: Date.now() });
    sendRaw(socket.appID, { type: 'events_api', payload }, socket.id);
  }
}

const isEnvelope = ({ kind }: AppSocketFault): boolean =>
  kind === 'duplicate' || kind === 'unknownType' || kind === 'malformedPayload' || kind === 'oversized';
