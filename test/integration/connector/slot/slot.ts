import { expect } from 'vitest';
import type { ConnectBudget } from '#connector/budget/connect-budget.ts';
import { DialSemaphore } from '#connector/budget/dial-semaphore.ts';
import { Outage } from '#connector/budget/outage.ts';
import type { Normalized, NormalizedEvent } from '#connector/event/normalize.ts';
import { rtmConnect } from '#connector/slack/rtm-connect.ts';
import { Connection, type ConnectionDeps } from '#connector/slot/connection.ts';
import type { ConnectionSpec, ConnectionStatus } from '#connector/slot/connection-status.ts';
import { HeartbeatWheel } from '#connector/slot/heartbeat-wheel.ts';
import { wsOpenSocket } from '#connector/socket/ws-socket.ts';
import { RateLimitedLog } from '#core/process/rate-limited-log.ts';
import { systemTimers } from '#core/process/timers.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { eventIDOf, type Frame } from '#slack-simulator/frames.ts';
import type { Simulator } from '#slack-simulator/simulator.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';

/** For tests that are about something else than the budget. */
export const openBudget: ConnectBudget = {
  take: async () => ({ granted: true }),
  giveBack: async () => {},
  block: async () => {},
  hold: async () => {},
  markLive: async () => {},
  isLive: async () => false,
};

export const specOf = (token: string, changes: Partial<ConnectionSpec> = {}): ConnectionSpec => ({
  slotID: 'uid-1/0',
  ownerUid: 'uid-1',
  bot: 'bots/acme',
  teamID: 'T1',
  generation: 1,
  queueNamespace: 'shop',
  events: { include: [], exclude: [], own: false },
  token,
  tokenDigest: tokenDigest(token),
  rebalance: false,
  ...changes,
});

/** A connection by real sockets to a local Slack, with what came out of it. */
export class TestSlot {
  readonly connection: Connection;
  readonly history: ConnectionStatus[] = [];
  readonly offered: Normalized[] = [];
  readonly frames: string[] = [];
  readonly dialSemaphore = new DialSemaphore();
  readonly heartbeats = new HeartbeatWheel(systemTimers);
  #spec: ConnectionSpec;

  constructor(slack: Pick<Simulator, 'url'>, spec: ConnectionSpec, changes: Partial<ConnectionDeps> = {}) {
    this.#spec = spec;
    const deps: ConnectionDeps = {
      openSocket: wsOpenSocket(),
      rtmConnect: rtmConnect({ apiUrl: slack.url }),
      budget: openBudget,
      dialSemaphore: this.dialSemaphore,
      outage: new Outage(systemTimers, silentLog),
      heartbeats: this.heartbeats,
      offer: (normalized) => this.offered.push(normalized),
      redisNowMs: () => systemTimers.wallMs(),
      cluster: 'c1',
      windowMs: 3_600_000,
      timers: systemTimers,
      random: Math.random,
      log: silentLog,
      limitedLog: new RateLimitedLog(silentLog, systemTimers),
      observer: { frame: (kind) => this.frames.push(kind) },
      ...changes,
    };
    this.connection = new Connection(spec, deps, () => this.history.push(this.connection.status()));
  }

  get status(): ConnectionStatus {
    return this.connection.status();
  }

  /** States in the order in which they were told. */
  get states(): string[] {
    return this.history.map(({ state }) => state);
  }

  update(changes: Partial<ConnectionSpec>): void {
    this.#spec = { ...this.#spec, ...changes };
    this.connection.update(this.#spec);
  }

  async until(state: ConnectionStatus['state'], timeoutMs = 10_000): Promise<ConnectionStatus> {
    const { connection } = this;
    return await waitFor(() => connection.status().state === state && connection.status(), {
      what: `a slot that is ${state}`,
      timeoutMs,
    });
  }

  async live(timeoutMs?: number): Promise<this> {
    this.connection.start();
    await this.until('live', timeoutMs);
    return this;
  }

  events(): NormalizedEvent[] {
    return this.offered.filter((normalized) => normalized.kind === 'event');
  }

  /** The simulator's ids of the events that were offered. */
  ids(): Set<string> {
    return new Set(this.events().map(({ item }) => eventIDOf(item.event as Frame) ?? ''));
  }
}

/** Emits a message now and then until it is stopped. */
export function chatter(slack: Simulator, teamID: string, everyMs = 5): { stop(): string[] } {
  const ids: string[] = [];
  const timer = setInterval(() => ids.push(slack.emitMessage(teamID).id), everyMs);
  return {
    stop: () => {
      clearInterval(timer);
      return ids;
    },
  };
}

export async function expectAllHeard(slot: TestSlot, ids: readonly string[]): Promise<void> {
  const missing = (): string[] => {
    const heard = slot.ids();
    return ids.filter((id) => !heard.has(id));
  };
  await waitFor(() => missing().length === 0, { timeoutMs: 5_000 }).catch(() => undefined);
  expect(missing()).toEqual([]);
}
