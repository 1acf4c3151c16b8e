import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Slot } from '#core/protocol/assignment.ts';
import type { ReplyAddress } from '#core/protocol/queue-item.ts';
import { parseFleetKeys, seal, sealingKey } from '#core/protocol/seal.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { slotOf } from '#test/unit/connector/assignment/slots.ts';
import { CLUSTER, ConnectorFleet, keys, QUEUE } from './connector-fleet.ts';

const APP = 'A0ANSWERS';
const TEAM = 'T0ANSWERS';
const APP_TOKEN = `xapp-1-${APP}-1-abcdef`;

let fleet: ConnectorFleet;
let application: Application;

/** Answers what it reads with the text of the command. */
class Application {
  readonly #redis: TestRedis;
  #stopped = false;
  readonly #ended: Promise<void>;
  readonly #answers: Promise<void>[] = [];
  isSilent = false;
  answerAfterMs = 0;
  readonly items: { type: string; reply?: ReplyAddress }[] = [];

  constructor(redis: TestRedis) {
    this.#redis = redis;
    this.#ended = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#ended;
    this.#redis.disconnect();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const popped = await this.#redis.blpop(QUEUE, 0.2).catch(() => null);
      if (popped === null) continue;
      const item = JSON.parse(popped[1]) as { type: string; event: { text?: string }; reply?: ReplyAddress };
      this.items.push(item);
      const { reply } = item;
      if (reply === undefined || this.isSilent) continue;
      this.#answers.push(this.#answer(reply, item.event.text));
    }
    await Promise.all(this.#answers);
  }

  async #answer({ to, id }: ReplyAddress, text: string | undefined): Promise<void> {
    await sleep(this.answerAfterMs);
    await this.#redis.rpush(to, JSON.stringify({ id, payload: { text } }));
  }
}

beforeEach(async () => {
  fleet = await ConnectorFleet.start(0);
  fleet.slack.apps.add({ appID: APP, appToken: APP_TOKEN });
  fleet.slack.apps.install(APP, { teamID: TEAM });
  application = new Application(await connectTo(fleet.server));
});
afterEach(async () => {
  await application.stop();
  await fleet.stop();
});

function slot(): Slot {
  const key = sealingKey(parseFleetKeys(readFileSync(fleet.keyFile, 'utf8')), []);
  const token = seal(APP_TOKEN, key, { cluster: CLUSTER, ownerUid: 'uid', teamID: TEAM });
  return slotOf({ kind: 'socketMode', teamID: TEAM, replies: 'wait', token, tokenDigest: tokenDigest(APP_TOKEN) });
}

const untilLive = (count: number): Promise<unknown> =>
  waitFor(() => fleet.slack.apps.stats().sockets.live === count, { timeoutMs: 20_000, what: `${count} sockets` });

function send(commands: number): void {
  const before = fleet.slack.apps.events().length;
  for (let n = 0; n < commands; n += 1) fleet.slack.apps.emitCommand(APP, TEAM, { text: `command ${before + n}` });
}

const settled = (): Promise<unknown> =>
  waitFor(() => fleet.slack.apps.events().every(({ state }) => state !== 'open'), { what: 'every command settled' });

describe('commands over the websockets of a fleet', () => {
  it('are acknowledged with what the application answers', async () => {
    fleet.connector('a');
    await fleet.assign('a', 1, { 'uid/0': slot() });
    await untilLive(1);
    fleet.slack.apps.emitCommand(APP, TEAM, { text: 'hello' });
    fleet.slack.apps.emitInteractive(APP, TEAM, 'view_submission');
    fleet.slack.apps.emitInteractive(APP, TEAM, 'block_actions');
    await settled();
    const [command, view, action] = fleet.slack.apps.deliveries();
    expect(command).toMatchObject({ payload: { text: 'hello' }, payloadIgnored: false, late: false });
    expect(view).toMatchObject({ payload: {} });
    expect(action).toMatchObject({ payload: undefined });
    // The third is acknowledged when it is queued, maybe before the application has read it. Each of another channel: no order.
    await waitFor(() => application.items.length === 3);
    expect(Object.fromEntries(application.items.map(({ type, reply }) => [type, reply !== undefined]))).toEqual({
      slash_commands: true,
      view_submission: true,
      block_actions: false,
    });
  });

  it('are acknowledged plainly when the application says nothing, in time for Slack', async () => {
    const a = fleet.connector('a');
    application.isSilent = true;
    await fleet.assign('a', 1, { 'uid/0': slot() });
    await untilLive(1);
    fleet.slack.apps.emitCommand(APP, TEAM);
    await settled();
    const [delivery] = fleet.slack.apps.deliveries();
    expect(delivery).toMatchObject({ payload: undefined, late: false });
    expect((delivery?.ackedAtMs ?? 0) - (delivery?.sentAtMs ?? 0)).toBeGreaterThan(2_400);
    expect(await a.get('/metrics')).toContain('relax_replies_total{outcome="timeout"} 1');
  });

  it('are still answered by a connector that stops, and by the next one under its name', async () => {
    const pods = ['a', 'b'] as const;
    const running = { a: fleet.connector('a'), b: fleet.connector('b') };
    for (const [n, pod] of pods.entries()) await fleet.assign(pod, 1, { [`uid/${n}`]: slot() });
    await untilLive(2);
    for (const pod of pods) {
      application.answerAfterMs = 1_000;
      send(20);
      await waitFor(() => application.items.length === fleet.slack.apps.events().length);
      await running[pod].stop();
      application.answerAfterMs = 0;
      await settled();
      running[pod] = fleet.connector(pod);
      await untilLive(2);
      send(20);
      await settled();
    }
    const texts = fleet.slack.apps.deliveries().map(({ payload }) => (payload as { text: string } | undefined)?.text);
    expect(texts).toEqual(texts.map((_, n) => `command ${n}`));
    expect(texts).toHaveLength(80);
    expect(await fleet.redis.exists(keys.replies('a'), keys.replies('b'))).toBe(0);
  });
});
