import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pythonWithRedis } from '#test/support/python.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { ConnectorReplies, keys } from '../connector/reply/replies-fixture.ts';

const folder = join(import.meta.dirname, '../../../examples/consumers');
const python = pythonWithRedis();

/** Node is here in any case, Python with its client on some machines. */
const CONSUMERS = [
  { language: 'Node', program: process.execPath, file: join(folder, 'node/answers.mjs'), missing: false },
  { language: 'Python', program: python ?? '', file: join(folder, 'python/answers.py'), missing: python === undefined },
] as const;

const URGENT = '{relax:events}:urgent';

const server = useRedis({ emptied: true });
const redis = server.useClient();
const lines: string[] = [];
let child: ChildProcess | undefined;
let connector: ConnectorReplies;

beforeEach(async () => {
  connector = new ConnectorReplies('a', await server.connect({ role: 'blocking' }), redis);
  connector.replies.start();
  lines.length = 0;
});
afterEach(async () => {
  // What it still prints, or reads at Redis, would be taken for the next test's.
  if (child?.kill('SIGKILL') === true) await once(child, 'close');
  await waitFor(async () => (await redis.info('clients')).includes('blocked_clients:1'));
  await connector.replies.stop();
});

function start(program: string, file: string): void {
  const env = { ...process.env, REDIS_URL: server.url, CONSUMER: 'one', RELAX_QUEUE_URGENT: URGENT };
  const started = spawn(program, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: started.stdout }).on('line', (line) => lines.push(line));
  child = started;
}

const queue = (item: object, list = 'relax:events'): Promise<number> =>
  redis.rpush(list, JSON.stringify({ team_uid: 'T1', ...item }));

/** What a connector does with an envelope that takes an answer. */
async function read(id: string, type: string, event: object, list?: string): Promise<void> {
  const reply = connector.read(id);
  await queue({ type, event, reply: reply.address }, list);
  reply.settled({ kind: 'queued' });
}

const answerTo = async (count: number): Promise<unknown> => {
  await connector.untilAcknowledged(count);
  const { answer = '' } = connector.acknowledged.at(-1) ?? {};
  return answer === 'plain' ? answer : JSON.parse(answer);
};

describe.each(CONSUMERS)('the $language consumer that answers', ({ program, file, missing }) => {
  beforeEach(() => {
    if (!missing) start(program, file);
  });

  it.skipIf(missing)('answers commands, modals and external selects inside the acknowledgement', async () => {
    await read('e1', 'slash_commands', { command: '/deploy', text: 'web' });
    expect(await answerTo(1)).toEqual({ response_type: 'ephemeral', text: '/deploy web: on it' });

    await read('e2', 'view_submission', { view: { state: { values: { name: { value: { value: '' } } } } } });
    expect(await answerTo(2)).toEqual({ response_action: 'errors', errors: { name: 'Please give a name' } });

    await read('e3', 'view_submission', { view: { state: { values: { name: { value: { value: 'Ada' } } } } } });
    expect(await answerTo(3)).toBe('plain');

    await read('e4', 'block_suggestion', { value: 'web' });
    expect(await answerTo(4)).toMatchObject({ options: [{ text: { text: 'Find web' } }] });

    expect(connector.acknowledged.every(({ afterMs }) => afterMs < 2_000)).toBe(true);
    expect(await redis.exists(keys.replies('a'))).toBe(0);
  });

  it.skipIf(missing)(
    'answers what is on the list of urgent events, where RELAX_QUEUE_URGENT puts all of these',
    async () => {
      await read('e1', 'slash_commands', { command: '/deploy', text: 'web' }, URGENT);
      expect(await answerTo(1)).toMatchObject({ text: '/deploy web: on it' });
    },
  );

  it.skipIf(missing)('uses response_url for what it reads too late', async () => {
    const posted: string[] = [];
    const slack: Server = createServer((request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => posted.push(text));
      request.on('end', () => response.end());
    }).listen(0, '127.0.0.1');
    await waitFor(() => slack.listening);
    const response_url = `http://127.0.0.1:${(slack.address() as AddressInfo).port}/commands/1`;
    const before = new Date(Date.now() - 1).toISOString();
    const reply = { to: keys.replies('a'), id: 'e1', before };
    await queue({ type: 'slash_commands', event: { command: '/deploy', text: 'web', response_url }, reply });
    await waitFor(() => posted.length > 0 && lines.length > 0);
    expect(JSON.parse(posted.join(''))).toMatchObject({ text: '/deploy web: on it' });
    expect(lines).toEqual(['slash_commands T1 too late']);
    child?.kill('SIGKILL');
    slack.closeAllConnections();
    slack.close();
  });

  it.skipIf(missing)('leaves the list of a connector that is gone to expire', async () => {
    const reply = { to: keys.replies('gone'), id: 'e1', before: new Date(Date.now() + 60_000).toISOString() };
    await queue({ type: 'slash_commands', event: { command: '/deploy', text: '' }, reply });
    const ttl = await waitFor(async () => {
      const seconds = await redis.ttl(keys.replies('gone'));
      return seconds > 0 ? seconds : undefined;
    });
    expect(ttl).toBeLessThanOrEqual(60);
  });

  it.skipIf(missing)('handles everything else as before', async () => {
    await queue({ type: 'message_new', text: 'hello' });
    await waitFor(() => lines.length === 1);
    expect(lines).toEqual(['message_new T1 hello']);
  });
});
