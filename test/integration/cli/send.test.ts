import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { SendOptions } from '#cli/send/options.ts';
import { runSend } from '#cli/send/send.ts';
import { sendConfig } from '#core/config/config.ts';
import { commandKeys } from '#core/protocol/keys.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const server = useRedis();
const admin = server.useClient({ name: 'admin' });
const keys = commandKeys('relax:commands');
const at = '2026-11-26T04:00:00.000Z';
const sent = { state: 'sent', at, channel: 'C1', ts: '1.2', bot: 'bots/acme' };
const failed = { state: 'failed', at, reason: 'SlackRefused', message: 'Pick another channel.' };

let output: string;
beforeEach(async () => {
  await admin.flushall();
  output = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += String(text);
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

const never = new AbortController().signal;
const send = (changes: Partial<SendOptions> = {}, url = server.url, signal = never): Promise<number> => {
  const { config } = sendConfig({ env: { RELAX_REDIS_URL: url }, flags: {} });
  return runSend(config, { team: 'T1', channel: 'C1', text: 'hello', wait: 20, json: false, ...changes }, signal);
};
/** Takes the command as a connector would. */
const taken = async (): Promise<{ id: string }> =>
  JSON.parse(await waitFor(async () => (await admin.lpop(keys.commands)) ?? undefined));
const answer = (id: string, result: object): Promise<unknown> => admin.set(keys.result(id), JSON.stringify(result));

it('a message is pushed, and its result printed when it is there', async () => {
  const ended = send();
  const command = await taken();
  expect(command).toEqual({ type: 'message', id: command.id, team: 'T1', channel: 'C1', text: 'hello' });
  await answer(command.id, { state: 'queued', at });
  await answer(command.id, sent);
  expect(await ended).toBe(0);
  expect(output).toBe(`sent to C1 as bots/acme: ts 1.2, id ${command.id}\n`);
});

it('a failure has an exit code of its own, and is JSON for a program', async () => {
  const ended = send({ json: true });
  const { id } = await taken();
  await answer(id, failed);
  expect(await ended).toBe(3);
  expect(JSON.parse(output)).toEqual({ id, ...failed });
});

it('the failure of an earlier command under the same id is not taken for its result', async () => {
  await answer('mine', failed);
  const ended = send({ id: 'mine' });
  await taken();
  await answer('mine', sent);
  expect(await ended).toBe(0);
});

it('a message that waits longer than it is waited for is sent all the same', async () => {
  expect(await send({ wait: 0.2 })).toBe(4);
  expect(output).toContain('not taken by a connector within 0.2 s');
  expect(await admin.llen(keys.commands)).toBe(1);
});

it('waiting ends when the program is told to end', async () => {
  const stop = new AbortController();
  const ended = send({}, server.url, stop.signal);
  await taken();
  stop.abort();
  expect(await ended).toBe(4);
});

it('without waiting it says the id and ends', async () => {
  expect(await send({ wait: 0, id: 'mine' })).toBe(0);
  expect(output).toBe('pushed as mine\n');
});

it('a mistake is refused before anything is pushed', async () => {
  await expect(send({ channel: 'general' })).rejects.toMatchObject({ exitCode: 2 });
  expect(await admin.llen(keys.commands)).toBe(0);
});

it('without Redis it says so', async () => {
  await expect(send({}, 'redis://127.0.0.1:1')).rejects.toThrow("Redis can't be asked (RELAX_REDIS_URL)");
});
