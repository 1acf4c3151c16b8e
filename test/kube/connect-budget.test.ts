import { afterAll, beforeAll, expect, it } from 'vitest';
import { readFleet } from '#cli/status/read-fleet.ts';
import { renderFleet } from '#cli/status/render.ts';
import { statusConfig } from '#core/config/config.ts';
import { connectBudgetKey } from '#core/protocol/keys.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { redisTimeMs } from '#core/redis/redis-clock.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet } from '#test/support/kube/operator-fleet.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

kubeBinariesSuite("A SlackBot that waits for Slack's connect budget", () => {
  let fleet: OperatorFleet;
  let redis: TestRedis;

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    redis = await connectTo(fleet.redis);
    await fleet.connector('connector-0', 'a');
    await fleet.connector('connector-1', 'b');
    await fleet.operator('operator-0');
  });
  afterAll(async () => {
    redis?.disconnect();
    await fleet?.stop();
  });

  /** As after three connects within moments. */
  const spendBudget = async (team: string): Promise<void> => {
    const key = connectBudgetKey(team, tokenDigest(`xoxb-${team.toLowerCase()}-secretpart`));
    await redis.hset(key, { calls: '0', atMs: String(await redisTimeMs(redis)), blockedMs: '0', urgentMs: '0' });
  };
  const statusText = async (): Promise<string> => {
    const { config } = statusConfig({ env: { RELAX_REDIS_URL: fleet.redis.url, RELAX_CLUSTER: 'test' } });
    return renderFleet(await readFleet(redis, config));
  };

  it('says until when, and its status is not written again while the time runs down', async () => {
    await spendBudget('T0DARK');
    await fleet.addBot('dark', 'T0DARK');
    await fleet.until('dark', 'False WaitingForBudget 0/2', 60_000);
    const condition = await fleet.condition('dark', 'Ready');
    const [, until = ''] = /Waits for Slack's connect budget until (\d\d:\d\d:\d\dZ)\.$/.exec(condition) ?? [];
    const today = new Date(await redisTimeMs(redis)).toISOString().slice(0, 11);
    const leftMs = Date.parse(today + until) - (await redisTimeMs(redis));
    expect(leftMs).toBeGreaterThan(10_000);
    expect(leftMs).toBeLessThan(62_000);

    const { resourceVersion } = (await fleet.read('dark')).metadata;
    const seconds = async (): Promise<number> =>
      Number(/WaitingForBudget: waits for Slack's connect budget, (\d+) s/.exec(await statusText())?.[1]);
    // Its line for relax status is written in its turn.
    const before = await waitFor(async () => (await seconds()) || undefined, { what: 'the wait in relax status' });
    await waitFor(async () => (await seconds()) <= before - 3, { what: 'a countdown', timeoutMs: 20_000 });
    expect((await fleet.read('dark')).metadata.resourceVersion).toBe(resourceVersion);
    expect(fleet.slack.sockets('T0DARK')).toHaveLength(0);
  });

  it('says it once more beside the trouble that came before', async () => {
    await fleet.addBot('lost', 'T0LOST');
    await fleet.until('lost', 'True Live 2/2', 60_000);
    await spendBudget('T0LOST');
    fleet.slack.inflict({ teamID: 'T0LOST' }, { kind: 'drop' });
    await fleet.until('lost', 'False ConnectionLost 0/2', 60_000);
    const condition = await waitFor(
      async () => {
        const words = await fleet.condition('lost', 'Ready');
        return words.includes('until') && words;
      },
      { what: 'the end of the wait', timeoutMs: 30_000 },
    );
    expect(condition).toMatch(/^False ConnectionLost: The websocket closed.*budget until \d\d:\d\d:\d\dZ\.$/);
  });
});
