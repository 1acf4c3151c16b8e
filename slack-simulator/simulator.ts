import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { type Burst, startBurst } from './burst.ts';
import { certificateFor } from './certificate.ts';
import { createControlRoutes } from './control-routes.ts';
import { FaultBoard, type StandingFault } from './fault.ts';
import { type EventKind, type EventOptions, eventIDOf, type Frame, generateEvent } from './frames.ts';
import { refuseHandshake } from './handshake.ts';
import { type Door, openDoor } from './http-door.ts';
import { EventLedger, type EventRecord, isUnheard, prepare } from './ledger.ts';
import { extrasOf, type Posted } from './post.ts';
import { postControlsOf } from './post-controls.ts';
import { PostDesk } from './post-desk.ts';
import { RotationBook } from './rotation.ts';
import { RtmHub, rtmPath } from './rtm/rtm-hub.ts';
import type { Emitted, Simulator, SimulatorOptions } from './simulator-api.ts';
import { startSocketMode } from './socket-mode/socket-mode.ts';
import { createTally } from './tally.ts';
import { type Team, TeamDirectory } from './team.ts';
import { TicketBook } from './ticket.ts';
import { createTimestamps } from './timestamps.ts';
import { createTokenControls } from './token-controls.ts';
import { createWebApi } from './web-api.ts';

export type { Emitted, Simulator, SimulatorOptions, Stats } from './simulator-api.ts';

/**
 * Starts a stand-in for Slack over real HTTP and websockets: the Web API methods that a bot over RTM calls, and RTM
 * sockets, each of which gets a full copy of its team's events. `url` is what RELAX_SLACK_API_URL takes.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const host = options.host ?? '127.0.0.1';
  const limits = {
    perMinute: positive('connectPerMinute', options.connectPerMinute ?? 1),
    burst: positive('connectBurst', options.connectBurst ?? 3),
  };
  const certificate = options.tls === true ? await certificateFor(options.tlsName ?? host) : undefined;
  const directory = new TeamDirectory();
  const faults = new FaultBoard();
  const tickets = new TicketBook(options.urlTtlMs ?? 30_000);
  const ledger = new EventLedger();
  const desk = new PostDesk({
    channel: { perMinute: 60, burst: 1 + (options.postBurst ?? 0) },
    workspace: {
      perMinute: positive('postWorkspacePerMinute', options.postWorkspacePerMinute ?? 300),
      burst: positive('postWorkspaceBurst', options.postWorkspaceBurst ?? 30),
    },
  });
  const timestamps = createTimestamps();
  const connects = createTally();
  const handshakes = createTally();
  const opens = createTally();
  const appHandshakes = createTally();
  const calls = createTally();
  const rotations = new RotationBook();
  const bursts = new Set<Burst>();
  const nextTimestamp = (): string => timestamps.next(Date.now());

  const socketMode = startSocketMode(options, {
    faults,
    countHandshake: appHandshakes.count,
    opens: opens.totals,
    handshakes: appHandshakes.totals,
    nextTimestamp,
    origin: () => new URL(simulator.url).origin,
  });

  const hub = new RtmHub({
    tickets,
    faults,
    pingEveryMs: options.pingEveryMs ?? 10_000,
    onHandshake: handshakes.count,
    host: {
      nextTimestamp,
      messageLimits: { perMinute: 60, burst: 1 + (options.rtmMessageBurst ?? 0) },
      refusal: (teamID, channel) => desk.refusal(teamID, channel),
      said({ teamID, token }, post, ts) {
        publishOwn(directory.get(teamID), post, ts);
        desk.record(post, { teamID, ts, via: 'rtm', token, atMs: Date.now() });
      },
      slowedDown: () => desk.slowedDown(),
      typing: (from, channel) => {
        const { botUserID } = directory.get(from.teamID);
        hub.broadcast(from.teamID, prepare({ type: 'user_typing', channel, user: botUserID }), from);
      },
    },
  });

  const tokens = createTokenControls({
    teams: directory,
    apps: socketMode.directory,
    rotations,
    nextTimestamp,
    emitToTeam: (teamID, event) => void emit(teamID, event),
    emitToApp: (appID, teamID, event) => void socketMode.controls.emit(appID, teamID, event),
    closeSockets,
  });

  const api = createWebApi({
    directory,
    faults,
    limits,
    limitBy: options.connectLimitBy ?? 'token',
    appLimits: {
      perMinute: positive('appConnectPerMinute', options.appConnectPerMinute ?? 50),
      burst: positive('appConnectBurst', options.appConnectBurst ?? 20),
    },
    apps: socketMode.directory,
    issueTicket: (teamID, token) => rtmPath(tickets.issue(teamID, token, Date.now())),
    issueAppTicket: socketMode.issueTicket,
    desk,
    publish(caller, post) {
      if (caller.kind === 'bot') return socketMode.publishOwn(caller.installation, post);
      const ts = nextTimestamp();
      publishOwn(caller.team, post, ts);
      return ts;
    },
    refresh: tokens.refresh,
    refresherOf: (refreshToken) => rotations.placeOf(refreshToken),
    exchangeTrigger: (appID, triggerID) => socketMode.exchangeTrigger(appID, triggerID),
    onConnectCall: connects.count,
    onOpenCall: opens.count,
    onCall: calls.count,
  });

  let door: Door | undefined;
  const simulator: Simulator = {
    apps: socketMode.controls,
    posts: postControlsOf(desk),
    tokens: tokens.controls,
    get port() {
      return door?.port ?? 0;
    },
    get url() {
      return `${certificate === undefined ? 'http' : 'https'}://${isIP(host) === 6 ? `[${host}]` : host}:${door?.port ?? 0}/api/`;
    },
    caFile: certificate?.caFile,
    ca: certificate?.ca,

    addTeam: (spec) => directory.add(spec),
    team: (teamID) => directory.get(teamID),
    teams: () =>
      directory.all().map((team) => ({ ...team, tokens: directory.tokensOf(team.teamID).map(({ token }) => token) })),
    removeTeam(teamID) {
      for (const { token } of directory.tokensOf(teamID)) tickets.revoke(token);
      directory.remove(teamID);
      hub.closeWhere((socket) => socket.teamID === teamID);
    },
    addToken: (teamID, token, tokenOptions) => void directory.addToken(teamID, token, tokenOptions),
    moveToken: (token, teamID) => directory.moveToken(token, teamID),
    revokeToken(token) {
      directory.refuseToken(token, 'token_revoked');
      closeSockets(token);
    },

    emit,
    emitEvent,
    emitMessage: (teamID, message) => emitEvent(teamID, 'message', message),
    startBurst({ teams, apps, ...plan }) {
      const burst = startBurst(plan, burstTargets(teams, apps), {
        emit: ({ teamID, appID }, kind) =>
          void (appID === undefined ? emitEvent(teamID, kind) : simulator.apps.emitEvent(appID, teamID, kind)),
        isCongested: ({ teamID, appID }) =>
          appID === undefined ? hub.isCongested(teamID) : socketMode.isCongested(appID),
        isGone: ({ teamID, appID }) =>
          appID === undefined ? !directory.has(teamID) : !socketMode.directory.isInstalled(appID, teamID),
      });
      bursts.add(burst);
      return burst;
    },
    events() {
      tickets.prune(Date.now());
      return ledger.list();
    },
    unheard: () => simulator.events().filter(isUnheard),
    forgetEvents: () => ledger.clear(),

    sockets: (teamID) => hub.views(teamID),
    inflict(target, fault) {
      if (fault.kind === 'teamMigration') {
        const answer = { kind: 'error', error: 'migration_in_progress' } as const;
        setFault({ teamID: target.teamID, forMs: fault.migrationMs, at: 'method', method: 'rtm.connect', answer });
      }
      return hub.inflict(target, fault);
    },
    setFault,
    clearFault: (id) => faults.clear(id),
    clearFaults: () => faults.clearAll(),
    faults: () => faults.list(Date.now()),

    stats() {
      tickets.prune(Date.now());
      const sockets = hub.views();
      return {
        connects: connects.totals(),
        handshakes: handshakes.totals(),
        sockets: { open: sockets.length, live: sockets.filter(({ state }) => state === 'live').length },
        events: ledger.totals(),
        deliveriesBySocket: Object.fromEntries(sockets.map(({ id, delivered }) => [id, delivered])),
        calls: calls.totals(),
        posts: desk.totals(),
        apps: simulator.apps.stats(),
      };
    },

    async stop() {
      for (const burst of bursts) burst.stop();
      stopSockets();
      await door?.stop();
    },
  };

  door = await openDoor({
    host,
    port: options.port ?? 0,
    tls: certificate,
    api,
    respond: (path, body) => socketMode.respond(path, body),
    upgrade(request, tcp, head) {
      const [, place] = (request.url ?? '').split('/');
      if (place === 'rtm') hub.upgrade(request, tcp, head);
      else if (place === 'link') socketMode.upgrade(request, tcp, head);
      else refuseHandshake(tcp, 404);
    },
    control: options.control === true ? createControlRoutes(simulator) : undefined,
  }).catch((error: unknown) => {
    stopSockets();
    throw error;
  });
  return simulator;

  function closeSockets(token: string): void {
    tickets.revoke(token);
    hub.closeWhere((socket) => socket.token === token);
  }

  function stopSockets(): void {
    hub.stop();
    socketMode.stop();
  }

  /** Who hears of a burst: teams over RTM, teams of apps over Socket Mode. */
  function burstTargets(teams: string[] | undefined, apps: string[] | undefined): BurstTarget[] {
    const all = teams === undefined && apps === undefined;
    const overRtm = teams ?? (all ? directory.all().map(({ teamID }) => teamID) : []);
    const overApps = apps ?? (all ? socketMode.directory.all().map(({ appID }) => appID) : []);
    return [
      ...overRtm.map((teamID) => ({ teamID: directory.get(teamID).teamID, appID: undefined })),
      ...overApps.flatMap((appID) => {
        socketMode.directory.get(appID);
        return socketMode.directory.installationsOf(appID).map(({ teamID }) => ({ teamID, appID }));
      }),
    ];
  }

  /** Gives a frame, whatever it is, to every socket of the team and to those about to open; serialised once. */
  function emit(teamID: string, frame: Frame, id = eventIDOf(frame) ?? randomUUID()): EventRecord {
    directory.get(teamID);
    const nowMs = Date.now();
    const record = ledger.open(id, teamID, typeof frame.type === 'string' ? frame.type : '-', nowMs);
    const prepared = prepare(frame, record);
    tickets.hold(teamID, prepared, nowMs);
    hub.broadcast(teamID, prepared);
    return record;
  }

  function emitEvent(teamID: string, kind: EventKind, eventOptions: EventOptions = {}): Emitted {
    const { botUserID, botID } = directory.get(teamID);
    const aboutTs = eventOptions.about ?? nextTimestamp();
    const ts = nextTimestamp();
    const { id, frame } = generateEvent(kind, { teamID, botUserID, botID, ts, aboutTs }, eventOptions);
    return { id, ts, record: emit(teamID, frame, id) };
  }

  function publishOwn({ teamID, botUserID, botID }: Team, post: Posted, ts: string): void {
    const { channel, text, username } = post;
    const kind = username === undefined ? 'own_message' : 'bot_message';
    const { id, frame } = generateEvent(kind, { teamID, botUserID, botID, ts, aboutTs: ts }, { channel, text });
    emit(teamID, { ...frame, bot_id: botID, ...extrasOf(post) }, id);
  }

  function setFault(fault: StandingFault): string {
    return faults.set(fault, Date.now());
  }
}

type BurstTarget = { teamID: string; appID: string | undefined };

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new Error(`${name} must be above 0, got ${value}`);
  return value;
}
