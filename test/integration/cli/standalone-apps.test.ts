import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetStatus } from '#cli/status/fleet-status.ts';
import { generatedApp, generatedInstallation } from '#slack-simulator/app.ts';
import { appYaml, carriedBotYaml, socketModeBotYaml } from '#test/support/app-yaml.ts';
import { runCommand } from '#test/support/command.ts';
import { queueItems } from '#test/support/e2e/queue-audit.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { type SlackProgram, startSlackProgram } from '#test/support/e2e/slack-program.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const BIN = join(import.meta.dirname, '../../../bin/relax.mjs');
const QUEUE = 'relax:events';

/** One app that three teams have installed, and one that a team has to itself. */
describe('relax standalone with apps', () => {
  const folder = mkdtempSync(join(tmpdir(), 'relax-apps-'));
  const bots = join(folder, 'bots');
  const [many, own] = [generatedApp(1), generatedApp(2)];
  const [first, second, third] = [1, 2, 3].map((n) => generatedInstallation(1, n).teamID);
  const ownTeam = generatedInstallation(2, 1).teamID;
  let slack: SlackProgram;
  const server = useRedis();
  const redis = server.useClient();
  let relax: RelaxProgram;

  const put = (file: string, text: string): void => writeFileSync(join(bots, `${file}.yaml`), text);
  const putBot = (spec = ''): void =>
    put('first', carriedBotYaml({ name: 'first', teamID: first ?? '', app: 'many', spec }));
  async function cluster() {
    const args = [BIN, 'status', '-o', 'json', '--redis-url', server.url];
    const { code, stdout, stderr } = await runCommand(process.execPath, args);
    if (code !== 0 && code !== 3) throw new Error(stderr);
    const [found] = (JSON.parse(stdout) as FleetStatus).clusters;
    if (found === undefined) throw new Error('no cluster');
    return found;
  }
  const liveOf = async (appID: string): Promise<number> =>
    (await slack.control.apps.sockets(appID)).filter(({ state }) => state === 'live').length;
  const untilLive = (appID: string, sockets: number) =>
    waitFor(async () => (await liveOf(appID)) === sockets, {
      timeoutMs: 30_000,
      everyMs: 100,
      what: `${sockets} sockets of ${appID}`,
    });
  /** Sends a message and waits for what becomes of it: its item, or undefined if it is acknowledged without one. */
  async function say(appID: string, teamID: string, text: string) {
    await slack.control.apps.emitEvent(appID, teamID, 'message', { text });
    const acknowledged = async (): Promise<boolean> =>
      (await slack.control.apps.events({ appID })).every(({ state }) => state === 'acked');
    await waitFor(acknowledged, { timeoutMs: 10_000, everyMs: 50, what: `${text} is acknowledged` });
    return (await queueItems(redis, QUEUE)).find((item) => item.text === text);
  }
  /** Says something until it is treated like this: a change of a file takes a moment. */
  const untilSaid = (teamID: string, text: string, treated: (item: object | undefined) => boolean) => {
    let count = 0;
    return waitFor(
      async () => {
        count += 1;
        return treated(await say(many.appID, teamID, `${text} ${count}`));
      },
      { timeoutMs: 15_000, everyMs: 200, what: text },
    );
  };

  beforeAll(async () => {
    mkdirSync(bots);
    slack = await startSlackProgram(0, ['--apps', '2', '--app-teams', '3']);
    put('many', appYaml({ ...many, name: 'many', spec: '  queueNamespace: all' }));
    putBot('  queueNamespace: one');
    put('second', carriedBotYaml({ name: 'second', teamID: second ?? '', app: 'many', spec: '  suspend: true' }));
    put('own', socketModeBotYaml({ name: 'own', teamID: ownTeam, appToken: own.appToken }));
    relax = new RelaxProgram('standalone', ['standalone', '--bots', bots, '--connectors', '2', '--zones', 'a,b'], {
      RELAX_REDIS_URL: server.url,
      RELAX_SLACK_API_URL: slack.url,
      RELAX_METRICS_PORT: '0',
      NODE_EXTRA_CA_CERTS: slack.caFile,
      XDG_STATE_HOME: folder,
    });
    await untilLive(many.appID, 2);
    await untilLive(own.appID, 2);
  });
  afterAll(async () => {
    await relax?.stop();
    await slack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows the app with its id, sockets, zones and teams, and its bots with the sockets of the app', async () => {
    const seen = await waitFor(async () => {
      const found = await cluster();
      return found.apps.ready === 1 && found.bots.ready === 2 && found;
    });
    expect(seen.apps.list).toMatchObject([
      { app: 'bots/many', appID: many.appID, live: 2, desired: 2, zones: ['a', 'b'], teams: 2, reason: 'Live' },
    ]);
    expect(seen.bots.list).toMatchObject([
      { bot: 'bots/second', app: 'bots/many', ready: false, reason: 'Suspended', live: 0 },
      { bot: 'bots/first', app: 'bots/many', ready: true, live: 2, desired: 2, zones: ['a', 'b'] },
      { bot: 'bots/own', ready: true, live: 2, desired: 2, zones: ['a', 'b'] },
    ]);
  });

  it('gives each team the settings of its bot, and those of the app to a team without one', async () => {
    expect(await say(many.appID, first ?? '', 'to the first')).toMatchObject({
      bot: 'bots/first',
      namespace: 'one',
      team_uid: first,
    });
    expect(await say(many.appID, second ?? '', 'to the suspended')).toBeUndefined();
    expect(await say(many.appID, third ?? '', 'to the unknown')).toMatchObject({
      bot: 'bots/many',
      namespace: 'all',
      team_uid: third,
    });
    expect(await say(own.appID, ownTeam, 'to its own')).toMatchObject({ bot: 'bots/own', team_uid: ownTeam });
  });

  it('follows the directory without opening or closing a socket: settings, a bot that goes, unknown teams', async () => {
    const before = (await slack.control.apps.sockets(many.appID)).map(({ id }) => id);
    putBot('  queueNamespace: changed');
    await untilSaid(first ?? '', 'a changed namespace', (item) => has(item, 'changed'));
    rmSync(join(bots, 'first.yaml'));
    await untilSaid(first ?? '', 'the app takes over', (item) => has(item, 'all'));
    rmSync(join(bots, 'second.yaml'));
    await untilSaid(second ?? '', 'no longer suspended', (item) => has(item, 'all'));
    expect((await slack.control.apps.sockets(many.appID)).map(({ id }) => id)).toEqual(before);
  });

  it('drops unknown teams when told so', async () => {
    putBot();
    put('many', appYaml({ ...many, name: 'many', spec: '  unknownTeams: Drop' }));
    await untilSaid(third ?? '', 'dropped', (item) => item === undefined);
    expect(await say(many.appID, first ?? '', 'still delivered')).toMatchObject({ bot: 'bots/first', namespace: '' });
  });

  it('says in which document and field a SlackApp is wrong, and keeps its sockets', async () => {
    put('many', appYaml({ ...many, name: 'many', spec: '  replicas: 9' }));
    const problem = await waitFor(() => relax.lines.find(({ msg }) => msg === 'bots directory')?.problem);
    expect(problem).toMatch(/^many\.yaml, document 2: spec\.replicas: must be at most 4/);
    expect(await liveOf(many.appID)).toBe(2);
    put('many', appYaml({ ...many, name: 'many' }));
  });

  it('closes the sockets of an app that is suspended, and forgets one that is removed', async () => {
    put('many', appYaml({ ...many, name: 'many', spec: '  suspend: true' }));
    await untilLive(many.appID, 0);
    const seen = await waitFor(async () => {
      const found = await cluster();
      return found.apps.list[0]?.reason === 'Suspended' && found;
    });
    expect(seen.bots.list.find(({ bot }) => bot === 'bots/first')).toMatchObject({ ready: false, live: 0 });
    rmSync(join(bots, 'many.yaml'));
    await waitFor(async () => (await cluster()).apps.total === 0, { timeoutMs: 15_000, what: 'the app is gone' });
    const isMissing = async () => {
      const line = (await cluster()).bots.list.find(({ bot }) => bot === 'bots/first');
      return line?.reason === 'AppMissing' && line;
    };
    // A planner that a busy machine has held up observes for 20 s before it calls sockets closed.
    const carried = await waitFor(isMissing, { timeoutMs: 40_000, what: 'a bot whose app is missing' });
    expect(carried).toMatchObject({ ready: false, desired: 0 });
    expect(await liveOf(own.appID)).toBe(2);
  });

  it('closes the sockets of a bot whose app is uninstalled, and opens them when its manifest changes', async () => {
    await slack.control.tokens.withdraw({ teamID: ownTeam, appID: own.appID }, 'app_uninstalled');
    await untilLive(own.appID, 0);
    const line = async () => (await cluster()).bots.list.find(({ bot }) => bot === 'bots/own');
    const told = async () => {
      const found = await line();
      return found?.reason === 'AppUninstalled' && found;
    };
    expect(await waitFor(told, { timeoutMs: 10_000, what: 'the reason' })).toMatchObject({ ready: false, desired: 0 });
    const opens = (await slack.control.stats()).apps.opens[own.appID];
    put('own', socketModeBotYaml({ name: 'own', teamID: ownTeam, appToken: own.appToken, spec: '  replies: "Off"' }));
    await untilLive(own.appID, 2);
    expect((await slack.control.stats()).apps.opens[own.appID]?.ok).toBe((opens?.ok ?? 0) + 2);
  });
});

const has = (item: object | undefined, namespace: string): boolean =>
  item !== undefined && 'namespace' in item && item.namespace === namespace;
