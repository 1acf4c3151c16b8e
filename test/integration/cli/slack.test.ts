import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { botYaml } from '#test/support/bot-yaml.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const QUEUE = 'relax:events';
const shell = promisify(execFile);

describe('developing against relax slack, with no more than it prints', () => {
  const folder = mkdtempSync(join(tmpdir(), 'relax-slack-'));
  const bots = join(folder, 'bots');
  const redis = useRedis();
  const client = redis.useClient();
  let slack: RelaxProgram;
  let relax: RelaxProgram;

  const printed = (pattern: RegExp): string[][] => [...slack.text.matchAll(pattern)].map(([, ...groups]) => groups);
  const exported = () => Object.fromEntries(printed(/^ {2}export (\w+)=(.*)$/gm)) as Record<string, string>;

  beforeAll(async () => {
    mkdirSync(bots);
    slack = new RelaxProgram('slack', ['slack', '--teams', '2', '--control'], {});
    await waitFor(() => slack.text.includes('Ctrl-C'), { what: 'its introduction' });
    for (const [teamID = '', token = ''] of printed(/^ {2}(T\w+) +(xoxb-\S+)$/gm)) {
      const name = teamID.toLowerCase();
      writeFileSync(join(bots, `${name}.yaml`), botYaml({ name, teamID, token }));
    }
    relax = new RelaxProgram('standalone', ['standalone', '--bots', bots, '--connectors', '2', '--zones', 'a,b'], {
      ...exported(),
      RELAX_REDIS_URL: redis.url,
      RELAX_METRICS_PORT: '0',
      XDG_STATE_HOME: folder,
    });
    await waitFor(
      async () => {
        if (!relax.running) throw new Error(relax.tail());
        const sockets = await fetch(new URL('/_control/sockets', exported().RELAX_SLACK_API_URL));
        return ((await sockets.json()) as { state: string }[]).filter(({ state }) => state === 'live').length === 4;
      },
      { timeoutMs: 30_000, everyMs: 100, what: 'two live sockets for each of two teams' },
    );
  });
  afterAll(async () => {
    await relax?.stop();
    await slack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('an event sent by the line that it shows comes to the queue, once', async () => {
    const [[command = ''] = []] = printed(/^ {2}(curl .*-d .*)$/gm);
    const { stdout } = await shell('/bin/sh', ['-c', command]);
    expect(JSON.parse(stdout)).toMatchObject({ record: { teamID: 'T0SIM000001', type: 'message', sockets: 2 } });
    const items = await waitFor(async () => {
      const found = await client.lrange(QUEUE, 0, -1);
      return found.length > 0 && found;
    });
    expect(items.map((item) => JSON.parse(item))).toMatchObject([
      { type: 'message_new', team_uid: 'T0SIM000001', text: 'hello', bot: 'bots/t0sim000001' },
    ]);
    // The copy of the other socket was dropped when the connectors have nothing more to hand over.
    expect(await relax.stop()).toBe(0);
    expect(await client.llen(QUEUE)).toBe(1);
  });

  it('it ends on SIGTERM', async () => {
    expect(await slack.stop()).toBe(0);
  });
});
