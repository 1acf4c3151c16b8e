import { expect } from 'vitest';
import type { ConnectBudget } from '#connector/budget/connect-budget.ts';
import { DialSemaphore } from '#connector/budget/dial-semaphore.ts';
import { Outage } from '#connector/budget/outage.ts';
import type { Normalized, NormalizedEvent } from '#connector/event/normalize.ts';
import type { Outcome, Settled } from '#connector/queue/outcome.ts';
import type { ReplyDesk } from '#connector/reply/reply-desk.ts';
import { type HeartbeatMember, HeartbeatWheel } from '#connector/slot/heartbeat-wheel.ts';
import type { SlotDeps } from '#connector/slot/slot-deps.ts';
import { SlotRunner } from '#connector/slot/slot-runner.ts';
import type { SlotStatus } from '#connector/slot/slot-status.ts';
import { wsOpenSocket } from '#connector/socket/ws-socket.ts';
import type { RtmSpec } from '#connector/transport/rtm/rtm-transport.ts';
import { createTransports, type TransportSpec } from '#connector/transport/transports.ts';
import { RateLimitedLog } from '#core/process/rate-limited-log.ts';
import { systemTimers } from '#core/process/timers.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { createWebApi } from '#core/slack/web-api.ts';
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
  markLive: async () => undefined,
  release: async () => {},
  isLive: async () => false,
};

/** For tests that are about something else than answers. */
export const noReplies: ReplyDesk = {
  open: (id, _textOf, acknowledge) => ({
    address: { to: 'replies', id, before: '' },
    settled: () => acknowledge(undefined),
    expire: () => {},
  }),
  takesNone: () => {},
};

/** A heartbeat wheel that knows how many are on it. */
class CountedWheel extends HeartbeatWheel {
  readonly #members = new Set<HeartbeatMember>();

  get members(): number {
    return this.#members.size;
  }

  override join(member: HeartbeatMember): void {
    super.join(member);
    this.#members.add(member);
  }

  override leave(member: HeartbeatMember): void {
    super.leave(member);
    this.#members.delete(member);
  }
}

/** Whether nobody dials or waits. @param one of limit 1 */
export function isFree(one: DialSemaphore): boolean {
  let free = false;
  one.join(() => {
    free = true;
  })();
  return free;
}

export const specOf = (token: string, changes: Partial<RtmSpec> = {}): RtmSpec => ({
  kind: 'rtm',
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

/** A slot by real sockets to a local Slack, with what came out of it. */
export class TestSlot<S extends TransportSpec = RtmSpec> {
  readonly running: SlotRunner<TransportSpec>;
  readonly history: SlotStatus[] = [];
  readonly offered: Normalized[] = [];
  /** What becomes of an event at once, where Slack waits for an acknowledgement; undefined: the test says it. */
  outcome: Outcome | undefined = { kind: 'queued' };
  readonly unsettled: Settled[] = [];
  readonly frames: string[] = [];
  readonly dialSemaphore = new DialSemaphore(1);
  readonly heartbeats = new CountedWheel(systemTimers);
  #spec: S;

  constructor(slack: Pick<Simulator, 'url'>, spec: S, changes: Partial<SlotDeps> = {}) {
    this.#spec = spec;
    const deps: SlotDeps = {
      openSocket: wsOpenSocket(),
      budget: openBudget,
      dialSemaphore: this.dialSemaphore,
      outage: new Outage(systemTimers, silentLog),
      heartbeats: this.heartbeats,
      offer: (normalized, settled) => {
        this.offered.push(normalized);
        if (settled === undefined) return;
        if (this.outcome === undefined) this.unsettled.push(settled);
        else settled(this.outcome);
      },
      replies: noReplies,
      refuse: () => {},
      redisNowMs: () => systemTimers.wallMs(),
      windowMs: 3_600_000,
      timers: systemTimers,
      random: Math.random,
      log: silentLog,
      limitedLog: new RateLimitedLog(silentLog, systemTimers),
      observer: { frame: (kind) => this.frames.push(kind) },
      ...changes,
    };
    const webApi = createWebApi({ apiUrl: slack.url });
    const transports = createTransports({
      webApi,
      cluster: 'c1',
      routes: { routesOf: () => undefined, whenRead: async () => {} },
    });
    const made: TransportSpec = spec;
    this.running = new SlotRunner(made, transports[made.kind], deps, () => this.history.push(this.running.status()));
  }

  get status(): SlotStatus {
    return this.running.status();
  }

  /** States in the order in which they were told. */
  get states(): string[] {
    return this.history.map(({ state }) => state);
  }

  update(changes: Partial<S>): void {
    this.#spec = { ...this.#spec, ...changes };
    this.running.update(this.#spec);
  }

  async until(state: SlotStatus['state'], timeoutMs = 10_000): Promise<SlotStatus> {
    const { running } = this;
    return await waitFor(() => running.status().state === state && running.status(), {
      what: `a slot that is ${state}`,
      timeoutMs,
    });
  }

  async live(timeoutMs?: number): Promise<this> {
    this.running.start();
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

export async function expectAllHeard(slot: Pick<TestSlot, 'ids'>, ids: readonly string[]): Promise<void> {
  const missing = (): string[] => {
    const heard = slot.ids();
    return ids.filter((id) => !heard.has(id));
  };
  await waitFor(() => missing().length === 0, { timeoutMs: 5_000 }).catch(() => undefined);
  expect(missing()).toEqual([]);
}
