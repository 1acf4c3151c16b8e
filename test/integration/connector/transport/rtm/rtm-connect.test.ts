import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { rtmConnect } from '#connector/transport/rtm/rtm-connect.ts';
import { version } from '#core/process/version.ts';
import { createWebApi } from '#core/slack/web-api.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { runCommand } from '#test/support/command.ts';
import { waitFor } from '#test/support/wait.ts';

const never = new AbortController().signal;
const TOKEN = 'xoxb-rtm-connect';

describe('against the Slack stand-in', () => {
  let slack: Simulator;
  beforeAll(async () => {
    slack = await startSimulator({ connectBurst: 1_000 });
    slack.addTeam({ teamID: 'T1', token: TOKEN, botUserID: 'U1BOT', name: 'Acme' });
  });
  afterEach(() => slack.clearFaults());
  afterAll(() => slack.stop());

  const connect = (timeoutMs = 5_000) => rtmConnect(createWebApi({ apiUrl: slack.url, timeoutMs }))(TOKEN, never);

  it('gives a URL, the team and the bot user', async () => {
    expect(await connect()).toEqual({
      kind: 'ok',
      teamID: 'T1',
      teamName: 'Acme',
      botUserID: 'U1BOT',
      url: expect.stringMatching(/^ws:/),
    });
  });

  it.each([
    [{ kind: 'error', error: 'account_inactive' } as const, { kind: 'terminal', reason: 'AccountInactive' }],
    [{ kind: 'error', error: 'fatal_error' } as const, { kind: 'retry', reason: 'SlackUnavailable' }],
    [{ kind: 'ratelimited', retryAfterSeconds: 58 } as const, { kind: 'rateLimited', retryAfterMs: 58_000 }],
    [{ kind: 'http', status: 502 } as const, { kind: 'retry', reason: 'SlackUnavailable', error: 'http_502' }],
    [{ kind: 'notJson' } as const, { kind: 'retry', reason: 'SlackAnswerUnreadable' }],
    [{ kind: 'reset' } as const, { kind: 'retry', reason: 'SlackUnavailable' }],
  ])('%j', async (fault, answer) => {
    slack.setFault({ at: 'method', method: 'rtm.connect', answer: fault });
    expect(await connect()).toMatchObject(answer);
  });

  it('gives up a call that hangs when its time is up, and at once when aborted', async () => {
    slack.setFault({ at: 'method', method: 'rtm.connect', answer: { kind: 'hang' } });
    expect(await connect(100)).toMatchObject({ kind: 'retry', error: 'timeout' });
    const stop = new AbortController();
    const answer = rtmConnect(createWebApi({ apiUrl: slack.url }))(TOKEN, stop.signal);
    stop.abort();
    expect(await answer).toMatchObject({ kind: 'retry', error: 'stopped' });
    expect(await rtmConnect(createWebApi({ apiUrl: slack.url }))(TOKEN, stop.signal)).toMatchObject({
      error: 'stopped',
    });
  });
});

describe('against a server that is not Slack', () => {
  let server: Server;
  let requests: IncomingMessage[] = [];
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  async function start(listener: RequestListener): Promise<string> {
    requests = [];
    server = createServer((request, response) => {
      requests.push(request);
      listener(request, response);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`;
  }

  it("is asked in the form of Slack's own client", async () => {
    const apiUrl = await start((_request, response) => response.end('{}'));
    await rtmConnect(createWebApi({ apiUrl }))(TOKEN, never);
    expect(requests[0]).toMatchObject({ method: 'POST', url: '/api/rtm.connect' });
    expect(requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': '0',
      'user-agent': `relax/${version()}`,
    });
  });

  it('sends the token nowhere else', async () => {
    const apiUrl = await start((request, response) =>
      response.writeHead(request.url === '/api/rtm.connect' ? 307 : 200, { location: '/elsewhere' }).end('{}'),
    );
    expect(await rtmConnect(createWebApi({ apiUrl }))(TOKEN, never)).toMatchObject({
      kind: 'retry',
      error: 'http_307',
    });
    expect(requests.map(({ url }) => url)).toEqual(['/api/rtm.connect']);
  });

  it('is never sent a value that is not a token', async () => {
    const apiUrl = await start((_request, response) => response.end('{}'));
    const answer = await rtmConnect(createWebApi({ apiUrl }))('hunter2', never);
    expect(answer).toMatchObject({ kind: 'terminal', reason: 'TokenWrongKind' });
    expect(requests).toEqual([]);
  });

  it('is not read to the end when there is none', async () => {
    let isCut = false;
    const apiUrl = await start((_request, response) => {
      const more = setInterval(() => response.write('x'.repeat(100_000)), 1);
      response.on('close', () => {
        clearInterval(more);
        isCut = true;
      });
    });
    expect(await rtmConnect(createWebApi({ apiUrl }))(TOKEN, never)).toMatchObject({
      kind: 'retry',
      error: 'too_large',
    });
    await waitFor(() => isCut);
  });

  it('that is slow with its body is given up in time', async () => {
    const apiUrl = await start((_request, response) => response.write('{"ok":'));
    expect(await rtmConnect(createWebApi({ apiUrl, timeoutMs: 100 }))(TOKEN, never)).toMatchObject({
      error: 'timeout',
    });
  });
});

describe.each(['node', 'bun'])('over TLS under %s', (runtime) => {
  const bin = join(import.meta.dirname, '..', '..', '..', '..', '..', 'node_modules', '.bin', runtime);
  let slack: Simulator;
  beforeAll(async () => {
    slack = await startSimulator({ tls: true });
    slack.addTeam({ teamID: 'T1', token: TOKEN, botUserID: 'U1BOT' });
  });
  afterAll(() => slack.stop());

  async function ask(extra: string[], url = slack.url): Promise<unknown> {
    const program = [bin, join(import.meta.dirname, 'ask.ts'), url, TOKEN];
    const { stdout, stderr } = await runCommand('env', ['-u', 'NODE_EXTRA_CA_CERTS', ...extra, ...program]);
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout);
  }

  it('a CA in NODE_EXTRA_CA_CERTS is trusted', async () => {
    const answer = await ask([`NODE_EXTRA_CA_CERTS=${slack.caFile}`]);
    expect(answer).toMatchObject({ kind: 'ok', url: expect.stringMatching(/^wss:/) });
  });

  it('an unknown CA is refused with the remedy, and no token is sent', async () => {
    const before = JSON.stringify(slack.stats().connects);
    expect(await ask([])).toMatchObject({
      kind: 'retry',
      reason: 'SlackUnavailable',
      isUnreached: true,
      message: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
    expect(JSON.stringify(slack.stats().connects)).toBe(before);
  });

  it('a Slack whose port is closed or whose name is unknown was not reached', async () => {
    const gone = createServer();
    await once(gone.listen(0, '127.0.0.1'), 'listening');
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    for (const url of [`https://127.0.0.1:${port}/api/`, 'https://slack.invalid/api/']) {
      expect(await ask([], url)).toMatchObject({ kind: 'retry', reason: 'SlackUnavailable', isUnreached: true });
    }
  });

  it('a Slack that resets the call may have been reached', async () => {
    slack.setFault({ at: 'method', method: 'rtm.connect', answer: { kind: 'reset' }, times: 1 });
    const answer = await ask([`NODE_EXTRA_CA_CERTS=${slack.caFile}`]);
    expect(answer).toMatchObject({ kind: 'retry' });
    expect(answer).not.toHaveProperty('isUnreached');
  });
});
