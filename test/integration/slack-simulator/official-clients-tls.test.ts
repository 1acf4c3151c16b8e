import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { waitFor } from '#test/support/wait.ts';
import { startRtm } from './official-clients.ts';

let slack: Simulator;
beforeAll(async () => {
  slack = await startSimulator({ tls: true });
  slack.addTeam({ teamID: 'T1', token: 'xoxb-one', botUserID: 'U1BOT' });
  slack.apps.add({ appID: 'A1', appToken: 'xapp-1-A1-one' });
});
afterAll(() => slack.stop());

it("Slack's RTM client connects over TLS when given the CA, and hears", async () => {
  expect(slack.url).toMatch(/^https:/);
  const { rtm, frames } = await startRtm(slack.url, 'xoxb-one', slack.caFile);
  try {
    const { id, record } = slack.emitMessage('T1');
    await waitFor(() => frames.some((frame) => frame.client_msg_id === id));
    expect(record.sockets).toBe(1);
  } finally {
    await rtm.disconnect();
  }
});

it('all clients trust it in a program with NODE_EXTRA_CA_CERTS and nothing else', async () => {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: slack.caFile };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, 'official-clients-program.ts'), slack.url, 'xoxb-one', 'xapp-1-A1-one'],
    { env },
  );
  expect(JSON.parse(stdout)).toEqual({ user: 'U1BOT', heard: 'over TLS', app: 'connected' });
});

it('a program without the CA refuses to speak to it', async () => {
  await expect(fetch(`${slack.url}api.test`)).rejects.toMatchObject({
    cause: { message: expect.stringContaining('certificate') },
  });
});
