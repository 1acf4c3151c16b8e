import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Sender } from '#connector/outbound/sender.ts';
import type { TransportSpec } from '#connector/transport/transports.ts';
import { joinCredentials } from '#core/protocol/app-credentials.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { specOf, TestSlot } from '#test/integration/connector/slot/test-slot.ts';
import { waitFor } from '#test/support/wait.ts';

const TOKEN = 'xoxb-100-one';
const CREDENTIALS = joinCredentials({ appToken: 'xapp-1-A1-1-abc', botToken: 'xoxb-200-one' });
const never = new AbortController().signal;
const hello = { channel: 'C1', text: 'hello' };

let slack: Simulator;
let slots: TestSlot<TransportSpec>[];
beforeEach(async () => {
  slack = await startSimulator({ connectBurst: 100, rtmMessageBurst: 1 });
  slack.addTeam({ teamID: 'T1', token: TOKEN });
  slack.addTeam({ teamID: 'T2', token: 'xoxb-100-two' });
  slack.apps.add({ appID: 'A1', appToken: 'xapp-1-A1-1-abc' });
  slack.apps.install('A1', { teamID: 'T7', botToken: 'xoxb-200-one' });
  slots = [];
});
afterEach(async () => {
  await Promise.all(slots.map(({ running }) => running.stop()));
  await slack.stop();
});
function open(spec: TransportSpec): TestSlot<TransportSpec> {
  const slot = new TestSlot(slack, spec);
  slots.push(slot);
  return slot;
}
const senderOf = (slot: TestSlot<TransportSpec>): Sender | undefined => slot.running.addressee()?.sender();
function overRtm(slot: TestSlot<TransportSpec>): NonNullable<Sender['overRtm']> {
  const send = senderOf(slot)?.overRtm;
  if (send === undefined) throw new Error('it can not send over RTM');
  return send;
}

it('a bot sends over its RTM websocket, into a thread, and learns the timestamp', async () => {
  const slot = await open(specOf(TOKEN)).live();
  const thread = '1700000000.000001';
  const answer = await overRtm(slot)({ ...hello, thread }, never);
  expect(slack.posts.list()).toMatchObject([{ teamID: 'T1', via: 'rtm', ...hello, threadTs: thread }]);
  expect(answer).toEqual({ kind: 'sent', ts: slack.posts.list()[0]?.ts });
});

it('a bot over RTM learns that Slack refuses a message, or wants fewer', async () => {
  slack.posts.setChannels('T1', { C1: 'open' });
  const slot = await open(specOf(TOKEN)).live();
  const send = overRtm(slot);
  expect(await send({ ...hello, channel: 'C2' }, never)).toEqual({
    kind: 'refused',
    code: 2,
    message: 'channel_not_found',
  });
  expect(await send(hello, never)).toMatchObject({ kind: 'sent' });
  expect(await send(hello, never)).toEqual({ kind: 'rateLimited' });
  expect(slot.status.state).toBe('live');
});

it('a message whose websocket breaks before the answer may have been sent', async () => {
  const slot = await open(specOf(TOKEN)).live();
  slack.inflict({ teamID: 'T1' }, { kind: 'withholdReplies' });
  const answer = overRtm(slot)(hello, never);
  await waitFor(() => slack.posts.list().length === 1);
  slack.inflict({ teamID: 'T1' }, { kind: 'drop' });
  expect(await answer).toEqual({ kind: 'unknown', why: 'the websocket ended' });
});

it('nothing is sent over a websocket that is not read, or was there before', async () => {
  const slot = await open(specOf(TOKEN)).live();
  const send = overRtm(slot);
  slot.running.setPressure(true);
  expect(senderOf(slot)).toMatchObject({ token: TOKEN, speaksRtm: true, overRtm: undefined });
  expect(await send(hello, never)).toEqual({ kind: 'unsent', why: 'the bot has no live websocket' });
  slot.running.setPressure(false);
  expect(await send(hello, never)).toMatchObject({ kind: 'sent' });
});

it('a bot over Socket Mode sends with its bot token, and not over its websocket', async () => {
  const slot = open({
    ...specOf(CREDENTIALS, { teamID: 'T7' }),
    kind: 'socketMode',
    replies: false,
    delayedEvents: false,
  });
  await slot.live();
  expect(senderOf(slot)).toMatchObject({ teamID: 'T7', token: 'xoxb-200-one', speaksRtm: false, overRtm: undefined });
});

it('a token is not sent with before Slack has said whose it is', async () => {
  const slot = open(specOf(TOKEN));
  expect(slot.running.addressee()).toMatchObject({ bot: 'bots/acme', teamID: 'T1' });
  expect(senderOf(slot)).toBeUndefined();
  await slot.live();
  expect(senderOf(slot)?.token).toBe(TOKEN);
  slot.update({ token: 'xoxb-100-two', tokenDigest: tokenDigest('xoxb-100-two') });
  await waitFor(() => slot.status.reason === 'TeamMismatch');
  expect(senderOf(slot)).toBeUndefined();
});
