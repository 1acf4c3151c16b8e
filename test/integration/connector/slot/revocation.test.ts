import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RefusedOwner } from '#connector/credentials/token-refusals.ts';
import type { SocketModeSpec } from '#connector/transport/socket-mode/socket-mode-spec.ts';
import type { TransportSpec } from '#connector/transport/transports.ts';
import { joinCredentials } from '#core/protocol/app-credentials.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import type { Refusal } from '#core/slack/web-api-answer.ts';
import { generatedAppToken } from '#slack-simulator/app.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import type { Withdrawal } from '#slack-simulator/token-controls.ts';
import { waitFor } from '#test/support/wait.ts';
import { specOf, TestSlot } from './test-slot.ts';

const APP = 'A0ONE';
const BOT_TOKEN = 'xoxb-1-2-one';
const OLD = 'xoxb-100-old';
const NEW = 'xoxb-100-new';

let slack: Simulator;
const slots: TestSlot<TransportSpec>[] = [];
/** What the operator would hear. */
let told: string[];
beforeEach(async () => {
  told = [];
  slack = await startSimulator({ connectBurst: 1_000, appConnectBurst: 1_000 });
  slack.addTeam({ teamID: 'T1', token: OLD });
  slack.addToken('T1', NEW);
  slack.apps.add({ appID: APP, appToken: generatedAppToken(APP, 0) });
  for (const teamID of ['T1', 'T2']) slack.apps.install(APP, { teamID, botToken: `${BOT_TOKEN}-${teamID}` });
});
afterEach(async () => {
  await Promise.all(slots.splice(0).map(({ running }) => running.stop()));
  await slack.stop();
});

const refuse = ({ ownerUid, tokenDigest: digest }: RefusedOwner, { reason }: Refusal): void => {
  told.push(`${ownerUid} ${digest} ${reason}`);
};
async function live<S extends TransportSpec>(spec: S): Promise<TestSlot<S>> {
  const slot = new TestSlot<S>(slack, spec, { refuse });
  slots.push(slot as unknown as TestSlot<TransportSpec>);
  return slot.live();
}
const types = (slot: { events(): { item: { type: string } }[] }) => slot.events().map(({ item }) => item.type);
const OWN = joinCredentials({ appToken: generatedAppToken(APP, 0), botToken: `${BOT_TOKEN}-T1` });
const socketMode = (): SocketModeSpec => ({
  ...specOf(OWN),
  kind: 'socketMode',
  replies: true,
  delayedEvents: false,
});

describe.each<Withdrawal>(['tokens_revoked', 'app_uninstalled', 'team_access_revoked'])('%s', (how) => {
  it('over RTM reaches the queue, closes the socket, and no other is asked for', async () => {
    const slot = await live(specOf(OLD));
    slack.tokens.withdraw({ teamID: 'T1' }, how, { keepSockets: true });
    await slot.until('failed');
    await waitFor(() => slack.sockets('T1').length === 0, { what: 'no socket' });
    expect(types(slot)).toEqual([how, 'disable_bot']);
    expect(told).toEqual([`uid-1 ${tokenDigest(OLD)} ${slot.status.reason}`]);
    expect(slack.stats().connects.T1).toEqual({ ok: 1 });
  });

  it('over Socket Mode is acknowledged and reaches the queue, and the socket closes', async () => {
    const slot = await live(socketMode());
    slack.tokens.withdraw({ teamID: 'T1', appID: APP }, how);
    await slot.until('failed');
    await waitFor(() => slack.apps.sockets(APP).length === 0, { what: 'no socket' });
    expect(types(slot)).toEqual([how, 'disable_bot']);
    expect(slack.apps.events().map(({ state }) => state)).toEqual(['acked']);
    expect(told).toEqual([`uid-1 ${tokenDigest(OWN)} ${slot.status.reason}`]);
    expect(slack.stats().apps.opens[APP]).toEqual({ ok: 1 });
  });

  it('of another team of the app changes nothing', async () => {
    const slot = await live(socketMode());
    slack.tokens.withdraw({ teamID: 'T2', appID: APP }, how);
    await waitFor(() => types(slot).includes(how), { what: 'the event' });
    slack.apps.emitEvent(APP, 'T1', 'message');
    await waitFor(() => types(slot).includes('message_new'), { what: 'the next event' });
    expect([slot.status.state, told]).toEqual(['live', []]);
  });
});

it('an event over a socket of the earlier token, which was rotated away, does not stop the bot that has a new one', async () => {
  const slot = await live(specOf(OLD));
  slack.setFault({ at: 'hello', teamID: 'T1', answer: { kind: 'late', delayMs: 500 } });
  slot.update({ token: NEW, tokenDigest: tokenDigest(NEW) });
  slack.emit('T1', { type: 'tokens_revoked', tokens: { oauth: [], bot: [slack.team('T1').botUserID] } });
  await waitFor(() => types(slot).includes('tokens_revoked'), { what: 'the event' });
  await waitFor(() => slot.status.tokenDigest === tokenDigest(NEW) && slot.status.state === 'live', { what: 'live' });
  expect(told).toEqual([]);
  expect(types(slot)).toEqual(['tokens_revoked']);
});
