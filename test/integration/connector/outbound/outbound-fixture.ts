import { Outbound } from '#connector/outbound/outbound.ts';
import type { Sender, Senders } from '#connector/outbound/sender.ts';
import { systemClock } from '#core/process/clock.ts';
import { RateLimitedLog } from '#core/process/rate-limited-log.ts';
import type { Timers } from '#core/process/timers.ts';
import type { CommandResult } from '#core/protocol/command.ts';
import { type CommandKeys, commandKeys } from '#core/protocol/keys.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { createWebApi } from '#core/slack/web-api.ts';
import type { Refusal } from '#core/slack/web-api-answer.ts';
import type { BrokenAnswer } from '#slack-simulator/fault.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import type { RedisFixture, TestRedis } from '#test/support/redis-fixture.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';

export const tokenOf = (teamID: string): string => `xoxb-${teamID.toLowerCase()}-secret`;

/** A SlackBot of each team, as a connector would serve them. */
export class FakeSenders implements Senders {
  readonly bots: Sender[];
  readonly #listeners = new Set<() => void>();

  constructor(...teamIDs: string[]) {
    this.bots = teamIDs.map((teamID) => fakeSender(teamID));
  }

  ofTeam(teamID: string): readonly Sender[] {
    return this.bots.filter((bot) => bot.teamID === teamID);
  }

  ofBot(name: string): Sender | undefined {
    return this.bots.find(({ bot }) => bot === name);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(sender: Sender): void {
    this.bots.push(sender);
    for (const listener of this.#listeners) listener();
  }
}

export function fakeSender(teamID: string, changes: Partial<Sender> = {}): Sender {
  return {
    ownerUid: `uid-${teamID}`,
    bot: `bots/${teamID.toLowerCase()}`,
    teamID,
    generation: 1,
    token: tokenOf(teamID),
    credentialsDigest: tokenDigest(tokenOf(teamID)),
    speaksRtm: false,
    overRtm: undefined,
    ...changes,
  };
}

export interface StartedOutbound {
  outbound: Outbound;
  senders: FakeSenders;
  counts: Map<string, number>;
  refusals: { bot: string; refusal: Refusal }[];
  warnings: string[];
}

export interface StartOptions {
  apiUrl: string;
  senders: FakeSenders;
  leaseMs?: number;
  /** Of one call of Slack. */
  timeoutMs?: number;
  timers?: Timers;
}

/** The part of connectors that sends; those that a test has not stopped are stopped by `stopAll`. */
export class OutboundFleet {
  readonly #fixture: RedisFixture;
  readonly #commands: string;
  readonly #running: Outbound[] = [];

  constructor(fixture: RedisFixture, commands: string) {
    this.#fixture = fixture;
    this.#commands = commands;
  }

  async start({ apiUrl, senders, leaseMs, timeoutMs, timers }: StartOptions): Promise<StartedOutbound> {
    const [redis, waiting, subscriber] = await Promise.all([
      this.#fixture.connect(),
      this.#fixture.connect({ role: 'blocking' }),
      this.#fixture.connect({ role: 'subscriber' }),
    ]);
    const counts = new Map<string, number>();
    const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
    const refusals: StartedOutbound['refusals'] = [];
    const warnings: string[] = [];
    const log = {
      ...silentLog,
      warn: (fields: unknown, words: string) => void warnings.push(`${words} ${JSON.stringify(fields)}`),
    };
    const outbound = new Outbound({
      commands: this.#commands,
      redis,
      waiting,
      subscriber,
      senders,
      webApi: createWebApi({ apiUrl, ...(timeoutMs === undefined ? {} : { timeoutMs }) }),
      refuse: ({ bot }, refusal) => void refusals.push({ bot, refusal }),
      observer: { ended: count, posted: count, dropped: count },
      limitedLog: new RateLimitedLog({ warn: log.warn, error: log.warn } as typeof silentLog, systemClock),
      log: silentLog,
      ...(leaseMs === undefined ? {} : { leaseMs }),
      ...(timers === undefined ? {} : { timers }),
    });
    this.#running.push(outbound);
    outbound.start();
    return { outbound, senders, counts, refusals, warnings };
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((outbound) => outbound.stop(1_000)));
  }
}

/** What an application does. */
export class Application {
  readonly #redis: TestRedis;
  readonly #keys: CommandKeys;

  constructor(redis: TestRedis, commands: string) {
    this.#redis = redis;
    this.#keys = commandKeys(commands);
  }

  async say(...commands: object[]): Promise<void> {
    await this.#redis.rpush(
      this.#keys.commands,
      ...commands.map((command) => JSON.stringify({ type: 'message', ...command })),
    );
  }

  async result(id: string): Promise<CommandResult | undefined> {
    const json = await this.#redis.get(this.#keys.result(id));
    return json === null ? undefined : (JSON.parse(json) as CommandResult);
  }

  /** Once it is not queued any more. */
  final(id: string, timeoutMs = 10_000): Promise<CommandResult> {
    return waitFor(
      async () => {
        const result = await this.result(id);
        return result === undefined || result.state === 'queued' ? undefined : result;
      },
      { timeoutMs, what: `the end of ${id}` },
    );
  }

  async deadLetters(): Promise<{ id: string; reason: string; error?: string; message: string; command: unknown }[]> {
    const letters = await this.#redis.lrange(this.#keys.dead, 0, -1);
    return letters.map((json) => JSON.parse(json) as never);
  }
}

/** A Slack, an application with a list of its own, and connectors between them. */
export interface World {
  slack: Simulator;
  keys: CommandKeys;
  application: Application;
  /** One more connector, with a SlackBot of each of these teams. */
  start(...teamIDs: string[]): Promise<StartedOutbound>;
  startWith(options: Omit<StartOptions, 'apiUrl'>): Promise<StartedOutbound>;
  /** Texts of what was posted, in order. */
  said(channel?: string, teamID?: string): string[];
  untilSaid(count: number): Promise<unknown>;
  /** Of chat.postMessage, by outcome. */
  calls(): Record<string, number>;
  /** From now on calls of the team, or all, are answered like that. */
  answer(answer: BrokenAnswer, options?: { teamID?: string; times?: number; forMs?: number }): void;
}

/** @param commands the list's name: different ones for what runs at the same time on one Redis */
export async function inWorld(
  fixture: RedisFixture,
  redis: TestRedis,
  commands: string,
  run: (world: World) => Promise<void>,
): Promise<void> {
  const slack = await startSimulator();
  for (const teamID of ['T1', 'T2']) slack.addTeam({ teamID, token: tokenOf(teamID) });
  const fleet = new OutboundFleet(fixture, commands);
  const said = (channel?: string, teamID?: string): string[] =>
    slack.posts
      .list(teamID)
      .filter((post) => channel === undefined || post.channel === channel)
      .map(({ text }) => text);
  try {
    await run({
      slack,
      keys: commandKeys(commands),
      application: new Application(redis, commands),
      start: (...teamIDs) => fleet.start({ apiUrl: slack.url, senders: new FakeSenders(...teamIDs) }),
      startWith: (options) => fleet.start({ ...options, apiUrl: slack.url }),
      said,
      untilSaid: (count) => waitFor(() => said().length >= count, { timeoutMs: 15_000, what: `${count} posts` }),
      calls: () => slack.stats().calls['chat.postMessage'] ?? {},
      answer: (answer, options = {}) =>
        void slack.setFault({ at: 'method', method: 'chat.postMessage', answer, ...options }),
    });
  } finally {
    await fleet.stopAll();
    await slack.stop();
  }
}

/** Messages in turn to several channels, each numbered within its channel. */
export const burst = (teamID: string, channels: number, each: number): { id: string }[] =>
  Array.from({ length: channels * each }, (_none, at) => {
    const channel = `C${at % channels}`;
    const text = `${Math.floor(at / channels)}`;
    return { team: teamID, channel, text, id: `${teamID}-${channel}-${text}` };
  });
