import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appSocketsKey } from '#core/protocol/keys.ts';
import type { QueueItem } from '#core/protocol/queue-item.ts';
import { generatedAppToken } from '#slack-simulator/app.ts';
import { waitFor } from '#test/support/wait.ts';
import { ConnectorFleet, keys, QUEUE } from './connector-fleet.ts';

const APP = 'A0ONE';
const TOKEN = generatedAppToken(APP, 0);

let fleet: ConnectorFleet;
/** @param ackTimeoutMs Slack's is 3 s; most tests are about what follows on it */
async function start(ackTimeoutMs: number): Promise<void> {
  fleet = await ConnectorFleet.start(0, { appConnectBurst: 100, ackTimeoutMs, retryDelaysMs: [0, 1_000, 8_000] });
  fleet.slack.apps.add({ appID: APP, appToken: TOKEN });
  fleet.slack.apps.install(APP, { teamID: 'T1' });
  fleet.slack.apps.install(APP, { teamID: 'T2' });
}
beforeEach(() => start(500));
afterEach(() => fleet.stop());

const ownSlot = () => fleet.envelopeSlot('uid-1', TOKEN, { kind: 'socketMode', teamID: 'T1' });
const appSlot = () => fleet.envelopeSlot('uid-1', TOKEN, { kind: 'app', appID: APP, unknownTeams: 'deliver' });
const items = async (): Promise<QueueItem[]> => {
  const texts = await fleet.redis.lrange(QUEUE, 0, -1);
  return texts.map((text) => JSON.parse(text) as QueueItem);
};
const eventIDs = async (): Promise<string[]> =>
  (await items()).map(({ envelope }) => String(envelope?.event_id)).sort();
const say = (teamID = 'T1'): string => fleet.slack.apps.emitEvent(APP, teamID, 'message').eventID;
const unacknowledged = () => fleet.slack.apps.events().filter(({ state }) => state !== 'acked');

async function live(pods: readonly string[], slot = ownSlot()) {
  const connectors = pods.map((pod) => fleet.connector(pod));
  for (const [n, pod] of pods.entries()) await fleet.assign(pod, 1, { [`uid-1/${n}`]: slot });
  for (const pod of pods) await fleet.untilReported(pod, 1, 1);
  return connectors;
}

it('an app’s sockets on two pods share its events: each is on the queue once and acknowledged', async () => {
  await fleet.stop();
  await start(3_000);
  await live(['a', 'b'], appSlot());
  const said = Array.from({ length: 200 }, (_, n) => say(n % 2 === 0 ? 'T1' : 'T2')).sort();
  await waitFor(() => unacknowledged().length === 0);
  expect(await eventIDs()).toEqual(said);
  expect(new Set((await items()).map(({ team_uid }) => team_uid))).toEqual(new Set(['T1', 'T2']));
  expect(fleet.slack.apps.events().filter(({ attempts }) => attempts > 1)).toEqual([]);
});

it('while Redis is away nothing is acknowledged, and what Slack sends again is on the queue once', async () => {
  await live(['a', 'b']);
  await fleet.server.kill();
  const said = Array.from({ length: 50 }, () => say()).sort();
  await waitFor(() => fleet.slack.apps.events().every(({ attempts }) => attempts >= 3));
  expect(unacknowledged()).toHaveLength(50);
  await fleet.server.restart();
  await waitFor(() => unacknowledged().length === 0, { timeoutMs: 20_000 });
  // The test's own connection may come back later than those of the fleet.
  await waitFor(() => fleet.redis.ping().catch(() => undefined));
  expect(await eventIDs()).toEqual(said);
});

it('a pod that ends gives its socket back, and its events come over the other', async () => {
  const [first] = await live(['a', 'b']);
  const said: string[] = [];
  const talk = setInterval(() => said.push(say()), 5);
  await waitFor(() => said.length > 20);
  await first?.stop();
  await waitFor(() => fleet.slack.apps.sockets(APP).length === 1);
  clearInterval(talk);
  await waitFor(() => unacknowledged().length === 0, { timeoutMs: 20_000 });
  expect(await eventIDs()).toEqual(said.sort());
});

it('what an application pushes to the list that the item names is Slack’s answer', async () => {
  await live(['a']);
  fleet.slack.apps.emitCommand(APP, 'T1');
  const [item] = await waitFor(async () => {
    const found = await items();
    return found.length === 1 ? found : undefined;
  });
  expect(item?.reply?.to).toBe(keys.replies('a'));
  await fleet.redis.rpush(item?.reply?.to ?? '', JSON.stringify({ id: item?.reply?.id, payload: { text: 'hello' } }));
  await waitFor(() => unacknowledged().length === 0);
  expect(fleet.slack.apps.deliveries()).toMatchObject([{ payload: { text: 'hello' }, late: false }]);
});

describe('the websockets of an app', () => {
  const places = (): Promise<number> => fleet.redis.zcard(appSocketsKey(APP));
  const unknown = async (): Promise<string[]> => {
    const reports = await Promise.all(['a', 'b', 'c'].map((pod) => fleet.reports(pod)));
    const all = reports.flatMap((each) => Object.values(each));
    return all.filter(({ reason }) => reason === 'UnknownWebsockets').map(({ message }) => message);
  };
  /** It has the fresh count of Slack, and Relax has counted as well. */
  async function refresh(): Promise<void> {
    const before = slackOpens();
    fleet.slack.apps.inflict(
      { appID: APP, socketID: fleet.slack.apps.sockets(APP)[0]?.id },
      { kind: 'disconnect', reason: 'warning', closeAfterMs: 100 },
    );
    await waitFor(() => slackOpens() > before && fleet.slack.apps.sockets(APP).length === 3);
  }
  const slackOpens = (): number => fleet.slack.apps.stats().opens[APP]?.ok ?? 0;

  it('are known again within seconds when Redis has lost everything', async () => {
    await live(['a', 'b', 'c']);
    expect(await places()).toBe(3);
    await fleet.redis.flushall();
    await waitFor(async () => (await places()) === 3, { timeoutMs: 20_000, what: 'three places' });
    await refresh();
    expect(await unknown()).toEqual([]);
  });

  it('that a killed pod had are not taken for unknown ones when it starts again', async () => {
    const killed = fleet.program('a');
    await live(['b', 'c']);
    await fleet.assign('a', 1, { 'uid-1/2': ownSlot() });
    await fleet.untilReported('a', 1, 1);
    const before = slackOpens();
    await killed.kill();
    fleet.program('a');
    const isBack = (): boolean => {
      const live = fleet.slack.apps.sockets(APP).filter(({ state }) => state === 'live');
      return slackOpens() > before && live.length === 3;
    };
    await waitFor(isBack, { timeoutMs: 30_000, what: 'the socket of the pod that was killed' });
    await refresh();
    expect(await unknown()).toEqual([]);
    expect(await places()).toBe(3);
  });
});
