import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppDirectory, type Installation } from '../app.ts';
import type { FaultBoard } from '../fault.ts';
import { generateEvent } from '../frames.ts';
import { extrasOf, type Posted } from '../post.ts';
import type { SimulatorOptions } from '../simulator-api.ts';
import { TicketBook } from '../ticket.ts';
import { type AppControls, type AppStats, createAppControls } from './app-controls.ts';
import { AppHub, appPath } from './app-hub.ts';
import { CallbackBook } from './callbacks.ts';
import { DeliveryDesk } from './delivery-desk.ts';

type Surroundings = {
  faults: FaultBoard;
  countHandshake(appID: string, outcome: string): void;
  opens(): AppStats['opens'];
  handshakes(): AppStats['handshakes'];
  nextTimestamp(): string;
  origin(): string;
};

/** Socket Mode beside RTM: apps, their sockets and what is delivered over them. */
export type SocketMode = {
  directory: AppDirectory;
  controls: AppControls;
  issueTicket(appID: string, token: string): string;
  upgrade(request: IncomingMessage, tcp: Duplex, head: Buffer): void;
  isCongested(appID: string): boolean;
  /** A message of an app's bot, which the app hears of, too. @returns its timestamp */
  publishOwn(installation: Installation, post: Posted): string;
  /** An answer to a response URL; undefined if the path is of none. */
  respond(path: string, body: unknown): ReturnType<CallbackBook['respond']>;
  /** Uses a trigger id up. Undefined if it was good, or else Slack's error. */
  exchangeTrigger(appID: string, triggerID: string): string | undefined;
  stop(): void;
};

const minuteMs = 60_000;

export function startSocketMode(options: SimulatorOptions, surroundings: Surroundings): SocketMode {
  const { faults, nextTimestamp } = surroundings;
  const directory = new AppDirectory();
  const tickets = new TicketBook(options.urlTtlMs ?? 30_000);
  const callbacks = new CallbackBook();
  const desk = new DeliveryDesk({
    ackTimeoutMs: options.ackTimeoutMs ?? 3_000,
    retryDelaysMs: options.retryDelaysMs ?? [0, minuteMs, 5 * minuteMs],
    sameEnvelopeID: options.sameEnvelopeID ?? false,
    ackOnSameSocket: options.ackOnSameSocket ?? false,
    disableFailingApps: options.disableFailingApps ?? false,
    isSubscribed: (appID) => directory.get(appID).subscribed,
    unsubscribe(appID) {
      directory.get(appID).subscribed = false;
    },
    carry: (appID, carried, socketID) => hub.carry(appID, carried, socketID),
  });
  const hub = new AppHub({
    tickets,
    faults,
    host: {
      acknowledged: (socket, envelopeID, payload) => desk.acknowledge(socket.appID, socket.id, envelopeID, payload),
    },
    maxWebsockets: options.maxWebsockets ?? 10,
    approximateConnectionSeconds: options.approximateConnectionSeconds ?? 18_060,
    ghostAfterDropMs: options.ghostAfterDropMs ?? 0,
    spread: options.spread ?? 'roundRobin',
    pingEveryMs: options.pingEveryMs ?? 10_000,
    appOf: (urlName) => directory.ofURLName(urlName),
    onHandshake: surroundings.countHandshake,
  });
  const controls = createAppControls({
    directory,
    hub,
    desk,
    callbacks,
    tickets,
    opens: surroundings.opens,
    handshakes: surroundings.handshakes,
    refusedFrames: () => hub.refusedFrames(),
    nextTimestamp,
    origin: surroundings.origin,
  });

  return {
    directory,
    controls,
    issueTicket: (appID, token) => appPath(tickets.issue(appID, token, Date.now())),
    upgrade: (request, tcp, head) => hub.upgrade(request, tcp, head),
    isCongested: (appID) => hub.isCongested(appID),
    publishOwn({ appID, teamID, botUserID, botID }, post) {
      const { channel, text, username } = post;
      const ts = nextTimestamp();
      const kind = username === undefined ? 'own_message' : 'bot_message';
      const { frame } = generateEvent(kind, { teamID, botUserID, botID, ts, aboutTs: ts }, { channel, text });
      controls.emit(appID, teamID, { ...frame, ...extrasOf(post), bot_id: botID, app_id: appID });
      return ts;
    },
    respond: (path, body) => callbacks.respond(path, body, Date.now()),
    exchangeTrigger: (appID, triggerID) => callbacks.exchange(appID, triggerID, Date.now()),
    stop() {
      desk.stop();
      hub.stop();
    },
  };
}
