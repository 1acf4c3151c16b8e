import type { App } from '@slack/bolt';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import type { Delivery } from '#slack-simulator/socket-mode/delivery.ts';
import { waitFor } from '#test/support/wait.ts';
import { boltApp } from './official-socket-mode.ts';

/** An app in Slack's own framework, of which it knows nothing but the address of this Slack. */
let slack: Simulator;
let app: App;
const heard: string[] = [];

beforeAll(async () => {
  slack = await startSimulator();
  slack.apps.add({ appID: 'A1', appToken: 'xapp-1-A1-one', name: 'Deployer' });
  slack.apps.install('A1', { teamID: 'T1', botToken: 'xoxb-a1-t1', botUserID: 'U1BOT' });
  app = boltApp(slack.url, 'xapp-1-A1-one', 'xoxb-a1-t1');
  app.message('knock', async ({ say }) => {
    await say('who is there?');
  });
  app.event('reaction_added', async ({ event, context }) => {
    heard.push(`${event.reaction} in ${context.teamId} for ${context.botUserId}`);
  });
  app.command('/deploy', async ({ ack, command }) =>
    ack({ response_type: 'in_channel', text: `deploying ${command.text}` }),
  );
  app.command('/settings', async ({ ack, client, command }) => {
    await ack();
    const opened = await client.views.open({
      trigger_id: command.trigger_id,
      view: { type: 'modal', callback_id: 'settings', title: { type: 'plain_text', text: 'Settings' }, blocks: [] },
    });
    heard.push(`opened ${opened.view?.callback_id} in ${opened.view?.team_id}`);
  });
  app.action('approve', async ({ ack, action, respond }) => {
    heard.push(`approve ${'value' in action ? action.value : ''}`);
    await ack();
    await respond({ text: 'approved', replace_original: true });
  });
  app.options('pick_one', async ({ ack, options }) =>
    ack({ options: [{ text: { type: 'plain_text', text: `${options.value}!` }, value: 'one' }] }),
  );
  app.view('settings', async ({ ack }) => ack({ response_action: 'errors', errors: { simulated_block: 'not this' } }));
  app.view({ callback_id: 'settings', type: 'view_closed' }, async ({ ack }) => {
    heard.push('closed');
    await ack();
  });
  app.shortcut('from_anywhere', async ({ ack, shortcut }) => {
    heard.push(shortcut.type);
    await ack();
  });
  app.shortcut({ callback_id: 'from_message', type: 'message_action' }, async ({ ack, shortcut }) => {
    heard.push(`${shortcut.type}: ${shortcut.message.text}`);
    await ack();
  });
  await app.start();
});
afterAll(async () => {
  // Bolt does not wait for its connection to close.
  await app.stop();
  await waitFor(() => slack.apps.sockets().length === 0);
  await slack.stop();
});
beforeEach(() => {
  slack.apps.forgetEvents();
  heard.length = 0;
});

/** The delivery that the app acknowledged. */
const acked = (): Promise<Delivery> =>
  waitFor(() => slack.apps.deliveries().find(({ ackedAtMs }) => ackedAtMs !== undefined));

describe('a Bolt app', () => {
  it('answers a message with another, and ignores its own', async () => {
    slack.apps.emitEvent('A1', 'T1', 'message', { text: 'knock knock', channel: 'C9' });
    await waitFor(
      () => slack.apps.events().length === 2 && slack.apps.events().every(({ state }) => state === 'acked'),
    );
    expect(slack.apps.events().map(({ type }) => type)).toEqual(['message', 'message']);
  });

  it('hears an event with its team and its bot', async () => {
    slack.apps.emitEvent('A1', 'T1', 'reaction_added');
    await acked();
    await waitFor(() => heard.includes('thumbsup in T1 for U1BOT'));
  });

  it('answers a slash command inside the acknowledgement', async () => {
    slack.apps.emitCommand('A1', 'T1', { command: '/deploy', text: 'shop' });
    expect(await acked()).toMatchObject({ payload: { response_type: 'in_channel', text: 'deploying shop' } });
  });

  it('answers a modal that is submitted with what is wrong in it', async () => {
    slack.apps.emitInteractive('A1', 'T1', 'view_submission', { callbackID: 'settings' });
    expect(await acked()).toMatchObject({
      payload: { response_action: 'errors', errors: { simulated_block: 'not this' } },
      payloadIgnored: false,
    });
  });

  it('opens a modal on a slash command', async () => {
    slack.apps.emitCommand('A1', 'T1', { command: '/settings' });
    await waitFor(() => heard.includes('opened settings in T1'));
  });

  it('answers a pressed button later, at its response URL', async () => {
    const { id } = slack.apps.emitInteractive('A1', 'T1', 'block_actions', { actionID: 'approve', value: 'no' });
    const response = await waitFor(() => slack.apps.responses()[0]);
    expect(response).toMatchObject({ id, appID: 'A1', body: { text: 'approved', replace_original: true } });
  });

  it('gives an external select its options', async () => {
    slack.apps.emitInteractive('A1', 'T1', 'block_suggestion', { actionID: 'pick_one', value: 'ty' });
    expect(await acked()).toMatchObject({
      payload: { options: [{ text: { type: 'plain_text', text: 'ty!' }, value: 'one' }] },
    });
  });

  it.each([
    ['block_actions', { actionID: 'approve', value: 'yes' }, 'approve yes'],
    ['view_closed', { callbackID: 'settings' }, 'closed'],
    ['shortcut', { callbackID: 'from_anywhere' }, 'shortcut'],
    ['message_action', { callbackID: 'from_message' }, 'message_action: the message it is about'],
  ] as const)('acknowledges %s', async (kind, options, expected) => {
    slack.apps.emitInteractive('A1', 'T1', kind, options);
    await acked();
    expect(heard).toEqual([expected]);
  });

  it('lives through a refresh', async () => {
    slack.apps.inflict({ appID: 'A1' }, { kind: 'disconnect', reason: 'warning' });
    await waitFor(() => slack.stats().apps.sockets.live === 0);
    // Bolt waits 5 s before it connects again.
    await waitFor(() => slack.stats().apps.sockets.live === 1, { timeoutMs: 15_000 });
    slack.apps.emitCommand('A1', 'T1', { command: '/deploy', text: 'again' });
    expect(await acked()).toMatchObject({ payload: { text: 'deploying again' } });
  });
});
