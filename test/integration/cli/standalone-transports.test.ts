import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generatedApp } from '#slack-simulator/app.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { appYaml, carriedBotYaml, socketModeBotYaml } from '#test/support/app-yaml.ts';
import { generatedBotYaml } from '#test/support/bot-yaml.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { type SlackProgram, startSlackProgram } from '#test/support/e2e/slack-program.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

/** One bot, whose team has a classic app (RTM), an app of its own, and the app of many teams. */
describe('a bot of relax standalone whose transport changes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'relax-transports-'));
  const bots = join(folder, 'bots');
  const [own, many] = [generatedApp(1), generatedApp(2)];
  const { teamID } = generatedTeam(1);
  const name = 'bot-1';
  let slack: SlackProgram;
  const server = useRedis();
  let relax: RelaxProgram;

  const put = (yaml: string): void => writeFileSync(join(bots, 'bot.yaml'), yaml);
  const countLive = (sockets: readonly { state: string }[]): number =>
    sockets.filter(({ state }) => state === 'live').length;
  const live = async () => ({
    rtm: countLive(await slack.control.sockets(teamID)),
    own: countLive(await slack.control.apps.sockets(own.appID)),
    many: countLive(await slack.control.apps.sockets(many.appID)),
  });
  type Live = Awaited<ReturnType<typeof live>>;
  /** Waits for this, and returns the smallest number of sockets that were live at the same time until then. */
  async function fewestUntil(wanted: Partial<Live>, counts: (seen: Live) => number): Promise<number> {
    let fewest = Number.POSITIVE_INFINITY;
    const fits = async (): Promise<boolean> => {
      const seen = await live();
      fewest = Math.min(fewest, counts(seen));
      return Object.entries(wanted).every(([kind, count]) => seen[kind as keyof Live] === count);
    };
    await waitFor(fits, { timeoutMs: 40_000, everyMs: 10, what: JSON.stringify(wanted) });
    return fewest;
  }

  beforeAll(async () => {
    mkdirSync(bots);
    slack = await startSlackProgram(1, ['--apps', '2', '--app-teams', '1']);
    put(generatedBotYaml(1));
    writeFileSync(join(bots, 'many.yaml'), appYaml({ ...many, name: 'many' }));
    relax = new RelaxProgram('standalone', ['standalone', '--bots', bots, '--connectors', '2', '--zones', 'a,b'], {
      RELAX_REDIS_URL: server.url,
      RELAX_SLACK_API_URL: slack.url,
      RELAX_METRICS_PORT: '0',
      NODE_EXTRA_CA_CERTS: slack.caFile,
      XDG_STATE_HOME: folder,
    });
    await fewestUntil({ rtm: 2, many: 2 }, () => 0);
  });
  afterAll(async () => {
    await relax?.stop();
    await slack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('from RTM to Socket Mode always has a live socket, even while Slack refuses the app-level token', async () => {
    put(socketModeBotYaml({ name, teamID, appToken: 'xapp-1-A0WRONG-1-wrong' }));
    const isRefused = () => relax.lines.some((line) => JSON.stringify(line).includes('TokenInvalid'));
    expect(await fewestUntil({ rtm: 1 }, ({ rtm }) => rtm)).toBe(1);
    await waitFor(isRefused, { timeoutMs: 20_000, what: 'a refused token' });
    expect((await live()).rtm).toBe(1);
    put(socketModeBotYaml({ name, teamID, appToken: own.appToken }));
    expect(await fewestUntil({ rtm: 0, own: 2 }, ({ rtm, own: mine }) => rtm + mine)).toBeGreaterThan(0);
  });

  it('from Socket Mode to the app of many teams, which is live, closes its own', async () => {
    put(carriedBotYaml({ name, teamID, app: 'many' }));
    expect(await fewestUntil({ own: 0, many: 2 }, ({ many: carrying }) => carrying)).toBe(2);
  });

  it('from there back to RTM leaves the sockets of the app alone', async () => {
    put(generatedBotYaml(1));
    // Of three connects that Slack allows within a minute, two were spent at the start.
    expect(await fewestUntil({ rtm: 1 }, ({ many: carrying }) => carrying)).toBe(2);
  });
});
