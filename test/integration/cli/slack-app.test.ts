import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const EXAMPLES = join(import.meta.dirname, '../../../examples');
const QUEUE = 'relax:events';
const shell = promisify(execFile);

/** The steps of docs/install.md, "Develop against a local Slack". */
describe('developing a Slack app against relax slack, with what it prints and the examples', () => {
  const folder = mkdtempSync(join(tmpdir(), 'relax-slack-app-'));
  const bots = join(folder, 'bots');
  const redis = useRedis();
  const client = redis.useClient();
  let slack: RelaxProgram;
  let relax: RelaxProgram;
  let application: ChildProcess;

  const printed = (pattern: RegExp): string => pattern.exec(slack.text)?.[1] ?? '';
  const run = async (path: string): Promise<unknown> => {
    const line = printed(new RegExp(`^ {2}(curl \\S+ \\S+/_control/${path}\\b.*)$`, 'm'));
    return JSON.parse((await shell('/bin/sh', ['-c', line])).stdout);
  };

  beforeAll(async () => {
    mkdirSync(bots);
    slack = new RelaxProgram('slack', ['slack', '--teams', '0', '--apps', '1', '--control'], {});
    await waitFor(() => slack.text.includes('Ctrl-C'), { what: 'its introduction' });
    const manifest = readFileSync(join(EXAMPLES, 'slackbot.yaml'), 'utf8')
      .replace('xapp-replace-me', printed(/(xapp-\S+)/))
      .replace('teamID: T024BE7LH', `teamID: ${printed(/ (T0APP\w+) /)}`);
    writeFileSync(join(bots, 'slackbot.yaml'), manifest);
    relax = new RelaxProgram('standalone', ['standalone', '--bots', bots], {
      RELAX_SLACK_API_URL: printed(/export RELAX_SLACK_API_URL=(\S+)/),
      RELAX_REDIS_URL: redis.url,
      RELAX_METRICS_PORT: '0',
      XDG_STATE_HOME: folder,
    });
    await waitFor(() => relax.lines.some(({ msg, ready }) => msg === 'bot' && ready === true), {
      timeoutMs: 30_000,
      what: 'a bot that is ready',
    });
  });
  afterAll(async () => {
    application?.kill('SIGKILL');
    await relax?.stop();
    await slack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('an event that is sent by its first line comes to the queue', async () => {
    await run('apps/events');
    await waitFor(async () => (await client.llen(QUEUE)) > 0);
    const items = await client.lrange(QUEUE, 0, -1);
    expect(items.map((item) => JSON.parse(item))).toMatchObject([
      { type: 'message_new', team_uid: 'T0APP0001N0001', text: 'hello', bot: 'default/acme' },
    ]);
  });

  it('a slash command that is typed by its second line gets the answer of the example consumer', async () => {
    const env = { ...process.env, REDIS_URL: redis.url };
    application = spawn(process.execPath, [join(EXAMPLES, 'consumers/node/answers.mjs')], { env, stdio: 'ignore' });
    await waitFor(async () => (await client.llen(QUEUE)) === 0, { what: 'a consumer that reads' });
    await run('apps/commands');
    const answered = await waitFor(async () => {
      const deliveries = (await run('apps/deliveries')) as { payload?: object }[];
      return deliveries.find(({ payload }) => payload !== undefined);
    });
    expect(answered).toMatchObject({ payload: { text: '/acme hello: on it' } });
  });
});
