import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterKeys } from '#core/protocol/keys.ts';
import { decodeSession } from '#core/protocol/session.ts';
import { isUnheard } from '#slack-simulator/ledger.ts';
import { generatedBotYaml } from '#test/support/bot-yaml.ts';
import { settledAudit } from '#test/support/e2e/queue-audit.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { type SlackProgram, startSlackProgram } from '#test/support/e2e/slack-program.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

/** 500 teams over TLS, Slack's own connect limits, 50,000 events: by hand this is `relax standalone --bots DIR`. */
const TEAMS = 500;
const EVENTS = 50_000;
const QUEUE = 'relax:events';

describe('relax standalone with 500 bots', () => {
  const folder = mkdtempSync(join(tmpdir(), 'relax-standalone-'));
  let slack: SlackProgram;
  const server = useRedis();
  const redis = server.useClient();
  let relax: RelaxProgram;

  beforeAll(async () => {
    slack = await startSlackProgram(TEAMS);
    writeFileSync(
      join(folder, 'bots.yaml'),
      Array.from({ length: TEAMS }, (_, n) => generatedBotYaml(n + 1)).join('---\n'),
    );
    relax = new RelaxProgram('standalone', ['standalone', '--bots', folder, '--connectors', '2', '--zones', 'a,b'], {
      RELAX_REDIS_URL: server.url,
      RELAX_CLUSTER: 'e2e',
      RELAX_SLACK_API_URL: slack.url,
      RELAX_METRICS_PORT: '0',
      NODE_EXTRA_CA_CERTS: slack.caFile,
      XDG_STATE_HOME: folder,
    });
  });
  afterAll(async () => {
    await relax?.stop();
    await slack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const untilLive = (sockets: number) =>
    waitFor(
      async () => {
        if (!relax.running) throw new Error(relax.tail());
        return (await slack.control.stats()).sockets.live === sockets;
      },
      { timeoutMs: 120_000, everyMs: 200, what: `${sockets} live sockets` },
    );

  async function expectAllOnce(): Promise<void> {
    const sent = await slack.control.events();
    expect(sent).toHaveLength(EVENTS);
    expect(sent.filter(isUnheard)).toEqual([]);
    const audit = await settledAudit(redis, QUEUE, () => sent, 60_000);
    expect({ lost: audit.lost.length, duplicated: audit.duplicated.length }).toEqual({ lost: 0, duplicated: 0 });
    expect(await redis.llen(QUEUE)).toBe(EVENTS);
  }

  async function burst(middle?: () => Promise<void>): Promise<void> {
    await redis.del(QUEUE);
    await slack.control.forgetEvents();
    const { id } = await slack.control.startBurst({ events: EVENTS, perSecond: 4_000 });
    const state = () => slack.control.burst(id);
    if (middle !== undefined) {
      await waitFor(async () => (await state()).emitted > EVENTS / 4, { timeoutMs: 60_000, everyMs: 50 });
      await middle();
    }
    await waitFor(async () => (await state()).done, { timeoutMs: 180_000, everyMs: 200, what: 'the burst is over' });
  }

  it('opens two sockets for each, in two zones, without a single refusal by Slack', async () => {
    await untilLive(2 * TEAMS);
    const outcomes = Object.values((await slack.control.stats()).connects);
    expect(outcomes.filter((outcome) => Object.keys(outcome).some((kind) => kind !== 'ok'))).toEqual([]);
  });

  it('brings a burst of 50,000 events to the queue, each exactly once', async () => {
    await burst();
    await expectAllOnce();
  });

  it('delivers another burst with a connector killed in the middle, which restarts by itself', async () => {
    const [pod = ''] = await redis.zrange(clusterKeys('e2e').pods, '0', '0');
    const session = decodeSession((await redis.get(clusterKeys('e2e').session(pod))) ?? '');
    await burst(async () => {
      process.kill(session?.pid ?? 0, 'SIGKILL');
    });
    await expectAllOnce();
    await untilLive(2 * TEAMS);
  });

  it('ends on SIGTERM with its connectors, closing every socket', async () => {
    expect(await relax.stop(60_000)).toBe(0);
    await waitFor(async () => (await slack.control.stats()).sockets.open === 0);
  });
});
