import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appBudgetKey } from '#core/protocol/keys.ts';
import { generatedApp, generatedInstallation } from '#slack-simulator/app.ts';
import { appYaml, carriedBotYaml } from '#test/support/app-yaml.ts';
import { AppFleet, countStates } from '#test/support/e2e/app-fleet.ts';
import { settledAudit } from '#test/support/e2e/queue-audit.ts';
import { type SlackProgram, startSlackProgram } from '#test/support/e2e/slack-program.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

/** Two installations, each under a scope of its own, with one app and one Redis: Slack allows the app ten sockets in all. */
const TEAMS = 20;
const REPLICAS = 4;
const CLUSTERS = ['one', 'two'];
const ALL = CLUSTERS.length * REPLICAS;
const MOST = 10;
const QUEUE = 'relax:events';
const APP = generatedApp(1);
/** The other teams have no SlackBot. */
const DOCUMENTS = [
  appYaml({ ...APP, name: 'shared', spec: `  replicas: ${REPLICAS}` }),
  ...Array.from({ length: TEAMS / 2 }, (_, index) => {
    const { teamID } = generatedInstallation(1, index + 1);
    return carriedBotYaml({ name: `bot-${index + 1}`, teamID, app: 'shared' });
  }),
];

describe('two installations that share an app', () => {
  const server = useRedis();
  const redis = server.useClient();
  const fleets: AppFleet[] = [];
  const whole = new Map([[APP.appID, ALL]]);
  let slack: SlackProgram;

  beforeAll(async () => {
    const strict = ['--ack-on-same-socket', '--same-envelope-id'];
    slack = await startSlackProgram(0, ['--apps', '1', '--app-teams', String(TEAMS), ...strict]);
    for (const cluster of CLUSTERS) {
      const fleet = new AppFleet({ cluster, slack, redis, connectors: REPLICAS });
      fleets.push(fleet);
      fleet.start(DOCUMENTS, server.url);
    }
  });
  afterAll(async () => {
    await Promise.all(fleets.map((fleet) => fleet.stop()));
    await slack?.stop();
  });

  const untilWhole = async (): Promise<void> => fleets[0]?.untilWhole(whole);
  /** Refills the app's budget of calls, as if a quiet minute had passed. */
  const minutePasses = (): Promise<number> => redis.hset(appBudgetKey(APP.appID), { calls: '6' });
  const live = async () => (await slack.control.apps.sockets()).filter(({ state }) => state === 'live');

  it('open four sockets each, one after the other', async () => {
    await waitFor(async () => (await live()).length >= 5, { timeoutMs: 60_000, everyMs: 200 });
    await minutePasses();
    await untilWhole();
    const { handshakes } = (await slack.control.stats()).apps;
    expect(handshakes[APP.appID]).toEqual({ ok: ALL });
  });

  it('replace all of them when Slack refreshes them, within its limit, and send each event once', async () => {
    await minutePasses();
    const burst = await slack.control.startBurst({ events: 1_000_000, perSecond: 300 });
    let fewest = Number.POSITIVE_INFINITY;
    let most = 0;
    let running = true;
    const watch = async (): Promise<void> => {
      while (running) {
        const sockets = await slack.control.apps.sockets();
        most = Math.max(most, sockets.filter(({ state }) => state !== 'closing').length);
        fewest = Math.min(fewest, sockets.filter(({ state }) => state === 'live').length);
        const lookedAtMs = performance.now();
        await waitFor(() => performance.now() - lookedAtMs > 20);
      }
    };
    const watching = watch();
    const before = (await live()).map(({ id }) => id);
    try {
      for (let n = 0; n < before.length; n += 2) {
        for (const [reason, socketID] of [
          ['warning', before[n]],
          ['refresh_requested', before[n + 1]],
        ] as const) {
          await slack.control.apps.inflict({ appID: APP.appID, socketID }, { kind: 'disconnect', reason });
        }
        await untilWhole();
        await minutePasses();
      }
      await waitFor(async () => (await slack.control.burst(burst.id)).emitted > 500, { everyMs: 50 });
    } finally {
      running = false;
      await watching;
      await slack.control.stopBurst(burst.id);
    }
    const after = (await live()).map(({ id }) => id);
    expect(after.filter((id) => before.includes(id))).toEqual([]);
    expect((await slack.control.stats()).apps.handshakes[APP.appID]).toEqual({ ok: 2 * ALL });
    // Each new socket was live before the old one ended.
    expect(fewest).toBe(ALL);
    expect(most).toBeLessThanOrEqual(MOST);

    const events = (await fleets[0]?.settledEvents()) ?? [];
    const { lost, duplicated, sent } = await settledAudit(redis, QUEUE, () => events);
    expect({ states: countStates(events), lost, duplicated }).toEqual({
      states: { acked: sent },
      lost: [],
      duplicated: [],
    });
    expect(await redis.llen(QUEUE)).toBe(sent);
    expect(sent).toBeGreaterThan(500);
  });

  it('go on as one when the other ends', async () => {
    await slack.control.apps.forgetEvents();
    await redis.del(QUEUE);
    const burst = await slack.control.startBurst({ events: 1_000_000, perSecond: 100 });
    await waitFor(async () => (await slack.control.burst(burst.id)).emitted > 100, { everyMs: 50 });
    expect(await fleets[1]?.relax.stop(40_000)).toBe(0);
    await fleets[0]?.untilWhole(new Map([[APP.appID, REPLICAS]]));
    await slack.control.stopBurst(burst.id);
    const events = (await fleets[0]?.settledEvents()) ?? [];
    const { lost, duplicated, sent } = await settledAudit(redis, QUEUE, () => events);
    expect({ states: countStates(events), lost, duplicated }).toEqual({
      states: { acked: sent },
      lost: [],
      duplicated: [],
    });
  });
});
