import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SlotDeps } from '#connector/slot/slot-deps.ts';
import type { OpenSocket } from '#connector/socket/socket.ts';
import { wsOpenSocket } from '#connector/socket/ws-socket.ts';
import type { AppSpec, SocketModeSpec } from '#connector/transport/socket-mode/socket-mode-spec.ts';
import { joinCredentials } from '#core/protocol/app-credentials.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { generatedAppToken } from '#slack-simulator/app.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import type { SimulatorOptions } from '#slack-simulator/simulator-api.ts';
import { waitFor } from '#test/support/wait.ts';
import { expectAllHeard, isFree, openBudget, TestSlot } from './test-slot.ts';

const APP = 'A0ONE';
const TOKEN = generatedAppToken(APP, 0);
const NEW_TOKEN = generatedAppToken(APP, 1);
const BOT_TOKEN = 'xoxb-1-2-one';

let slack: Simulator;
let ticking: NodeJS.Timeout | undefined;
const slots: TestSlot<SocketModeSpec | AppSpec>[] = [];
async function startSlack(options: SimulatorOptions = {}): Promise<void> {
  slack = await startSimulator({ appConnectBurst: 1_000, ...options });
  slack.apps.add({ appID: APP, appToken: TOKEN });
  slack.apps.addToken(APP, NEW_TOKEN);
  slack.apps.install(APP, { teamID: 'T1', botToken: BOT_TOKEN, botUserID: 'UBOT' });
}
async function restartSlack(options: SimulatorOptions): Promise<void> {
  await slack.stop();
  await startSlack(options);
}
beforeEach(() => startSlack());
afterEach(async () => {
  clearInterval(ticking);
  await Promise.all(slots.splice(0).map(({ running }) => running.stop()));
  await slack.stop();
});

const specOf = (changes: Partial<SocketModeSpec> = {}): SocketModeSpec => {
  const { token = TOKEN } = changes;
  return {
    kind: 'socketMode',
    slotID: 'uid-1/0',
    ownerUid: 'uid-1',
    bot: 'bots/acme',
    teamID: 'T1',
    generation: 1,
    queueNamespace: 'shop',
    events: { include: [], exclude: [], own: false },
    token,
    tokenDigest: tokenDigest(token),
    rebalance: false,
    replies: true,
    delayedEvents: false,
    ...changes,
  };
};

function open(changes: Partial<SocketModeSpec> = {}, deps: Partial<SlotDeps> = {}): TestSlot<SocketModeSpec> {
  const slot = new TestSlot(slack, specOf(changes), deps);
  slots.push(slot as unknown as TestSlot<SocketModeSpec | AppSpec>);
  return slot;
}

const opens = (): number => slack.apps.stats().opens[APP]?.ok ?? 0;
const handshakes = (): Record<string, number> => slack.apps.stats().handshakes[APP] ?? {};
const states = (): string[] => slack.apps.sockets(APP).map(({ state }) => state);
const inflict = (fault: Parameters<Simulator['apps']['inflict']>[1]): string[] =>
  slack.apps.inflict({ appID: APP }, fault);
const say = (): string => slack.apps.emitEvent(APP, 'T1', 'message').id;
const unacknowledged = () => slack.apps.events().filter(({ state }) => state !== 'acked');

/** Emits a message now and then, and counts the moments in which Slack has no live socket. */
function chatter(): { ids: string[]; darkMoments: () => number } {
  const ids: string[] = [];
  let dark = 0;
  ticking = setInterval(() => {
    if (!states().includes('live')) dark += 1;
    ids.push(say());
  }, 2);
  return { ids, darkMoments: () => dark };
}
/**
 * Slack asks the live socket to disconnect, and closes it when its successor has taken its share of the events for a while:
 * well within the 10 s of its notice, however slow this machine is.
 */
async function refresh(reason: 'warning' | 'refresh_requested'): Promise<void> {
  const [socketID] = inflict({ kind: 'disconnect', reason });
  const successors = () => slack.apps.sockets(APP).filter(({ id }) => id !== socketID);
  await waitFor(() => successors().some(({ state, delivered }) => state === 'live' && delivered >= 20));
  slack.apps.inflict({ appID: APP, socketID }, { kind: 'close', code: 1000 });
  await waitFor(() => successors().length === slack.apps.sockets(APP).length);
}

describe('a slot over Socket Mode', () => {
  it('goes live, offers what Slack sends in the tenant that Slack names, and acknowledges it', async () => {
    const slot = await open().live();
    expect(slot.states).toEqual(['live']);
    const id = say();
    await expectAllHeard(slot, [id]);
    const [event] = slot.events();
    expect(event?.item).toMatchObject({ team_uid: 'T1', namespace: 'shop', bot: 'bots/acme', relax_bot_uid: 'UBOT' });
    expect(event?.item.envelope).toMatchObject({ api_app_id: APP });
    expect(event?.fence).toEqual({ field: 'c1/uid-1', generation: 1 });
    await waitFor(() => unacknowledged().length === 0);
  });

  it('takes all three kinds of envelopes, and those of a kind that nobody knows', async () => {
    const slot = await open().live();
    say();
    slack.apps.emitCommand(APP, 'T1');
    slack.apps.emitInteractive(APP, 'T1', 'block_actions');
    inflict({ kind: 'unknownType' });
    await waitFor(() => slack.apps.events().length === 4 && unacknowledged().length === 0);
    expect(slot.events().map(({ item }) => item.type)).toContain('slash_commands');
    expect(slot.events()).toHaveLength(4);
  });

  it('knows its team and its bot by the bot token, which is checked once', async () => {
    const token = joinCredentials({ appToken: TOKEN, botToken: BOT_TOKEN });
    const slot = await open({ token }).live();
    expect(slot.status).toMatchObject({ teamName: 'Team T1', botUserID: 'UBOT' });
  });

  it('reports a bot token of another app, and opens no socket', async () => {
    slack.apps.add({ appID: 'A0TWO', appToken: generatedAppToken('A0TWO', 0) });
    slack.apps.install('A0TWO', { teamID: 'T1', botToken: 'xoxb-1-2-two' });
    const slot = open({ token: joinCredentials({ appToken: TOKEN, botToken: 'xoxb-1-2-two' }) });
    slot.running.start();
    expect(await slot.until('failed')).toMatchObject({ reason: 'AppMismatch' });
    expect(slot.status.message).toMatch(/app A0TWO.*app-level token to A0ONE/);
    expect(opens()).toBe(0);
  });

  it('reports a bot token of another team, and opens no socket', async () => {
    const slot = open({ teamID: 'T9', token: joinCredentials({ appToken: TOKEN, botToken: BOT_TOKEN }) });
    slot.running.start();
    expect(await slot.until('failed')).toMatchObject({ reason: 'TeamMismatch' });
    expect(opens()).toBe(0);
  });

  it.each([
    ['a token that Slack does not know', 'xapp-1-A0ONE-1-unknown', 'TokenInvalid'],
    ['a token that was revoked', NEW_TOKEN, 'TokenRevoked'],
    ['a bot token in the place of the app-level token', BOT_TOKEN, 'TokenWrongKind'],
  ])('reports %s', async (_what, token, reason) => {
    slack.apps.revokeToken(NEW_TOKEN);
    const slot = open({ token });
    slot.running.start();
    expect(await slot.until('failed')).toMatchObject({ reason });
    expect(slot.status.message).toMatch(/xapp-/);
  });

  it('closes gracefully when stopped, gives its place back, and leaves nothing running', async () => {
    const released: string[] = [];
    const budget = {
      ...openBudget,
      release: async ({ sockets = '' }, slotID: string) => {
        released.push(`${slotID} of ${sockets} with ${unclosed} open`);
      },
    };
    let unclosed = 0;
    const openSocket: OpenSocket = (url, handlers) => {
      unclosed += 1;
      const onClose = handlers.onClose.bind(handlers);
      handlers.onClose = (close) => {
        unclosed -= 1;
        onClose(close);
      };
      return wsOpenSocket()(url, handlers);
    };
    const slot = await open({}, { budget, openSocket }).live();
    await Promise.all([slot.running.stop(), slot.running.stop()]);
    await waitFor(() => slack.apps.sockets(APP).length === 0);
    expect(released).toEqual(['uid-1/0 of relax:app:A0ONE with 0 open']);
    expect([slot.heartbeats.members, isFree(slot.dialSemaphore)]).toEqual([0, true]);
  });
});

describe('make before break', () => {
  it.each(['warning', 'refresh_requested'] as const)(
    'after %s there is a live socket at every moment, every event is heard, and none has to be sent twice',
    async (reason) => {
      const slot = await open().live();
      const { ids, darkMoments } = chatter();
      for (let round = 0; round < 3; round += 1) await refresh(reason);
      clearInterval(ticking);
      await expectAllHeard(slot, ids);
      await waitFor(() => unacknowledged().length === 0);
      expect([opens(), darkMoments()]).toEqual([4, 0]);
      expect(slack.apps.events().filter(({ attempts }) => attempts > 1)).toEqual([]);
      expect(slot.states).toEqual(['live']);
    },
  );

  it('another token of the app first opens a new socket, then closes the old one', async () => {
    const slot = await open().live();
    const { ids, darkMoments } = chatter();
    slot.update({ token: NEW_TOKEN, tokenDigest: tokenDigest(NEW_TOKEN) });
    await waitFor(() => slot.status.tokenDigest === tokenDigest(NEW_TOKEN) && slack.apps.sockets(APP).length === 1);
    clearInterval(ticking);
    await expectAllHeard(slot, ids);
    await waitFor(() => unacknowledged().length === 0);
    expect(darkMoments()).toBe(0);
    expect(new Set(slot.states)).toEqual(new Set(['live']));
  });

  it('the old socket stays until what came over it is acknowledged', async () => {
    await restartSlack({ ackOnSameSocket: true });
    const slot = await open().live();
    slot.outcome = undefined;
    say();
    await waitFor(() => slot.unsettled.length === 1);
    slot.update({ token: NEW_TOKEN, tokenDigest: tokenDigest(NEW_TOKEN) });
    await waitFor(() => slot.status.tokenDigest === tokenDigest(NEW_TOKEN));
    expect(states()).toEqual(['live', 'live']);
    slot.unsettled[0]?.({ kind: 'queued' });
    await waitFor(() => slack.apps.sockets(APP).length === 1);
    expect(slack.apps.events()).toMatchObject([{ state: 'acked', attempts: 1 }]);
  });

  it('an envelope that came over a socket which is lost is acknowledged over its successor', async () => {
    const slot = await open().live();
    slot.outcome = undefined;
    say();
    await waitFor(() => slot.unsettled.length === 1);
    inflict({ kind: 'drop' });
    await waitFor(() => opens() === 2 && slot.status.state === 'live');
    slot.unsettled[0]?.({ kind: 'queued' });
    await waitFor(() => unacknowledged().length === 0);
    expect(slack.apps.events()).toMatchObject([{ attempts: 1 }]);
  });

  it('an answer that is still to come is not lost when the slot is stopped, and the stop stays bounded', async () => {
    const slot = await open().live();
    slot.outcome = undefined;
    slack.apps.emitCommand(APP, 'T1');
    await waitFor(() => slot.unsettled.length === 1);
    const startedAtMs = performance.now();
    const stopped = slot.running.stop();
    slot.unsettled[0]?.({ kind: 'queued' });
    await stopped;
    expect(performance.now() - startedAtMs).toBeLessThan(4_500);
    expect(slack.apps.events()).toMatchObject([{ state: 'acked' }]);
  });
});

describe('what is not acknowledged', () => {
  it('is sent again over whatever socket there is, until it is', async () => {
    await restartSlack({ ackTimeoutMs: 200, retryDelaysMs: [0, 100, 100] });
    const slot = await open().live();
    slot.outcome = { kind: 'failed', reason: 'buffer_full' };
    const id = say();
    await waitFor(() => slot.events().length === 2);
    slot.outcome = { kind: 'queued' };
    await waitFor(() => unacknowledged().length === 0);
    expect(slot.ids()).toEqual(new Set([id]));
    expect(new Set(slot.events().map(({ item }) => item.id)).size).toBe(1);
    expect(slot.events().at(-1)?.item.envelope).toMatchObject({ retry_attempt: 2, retry_reason: 'timeout' });
  });

  it('is never an envelope that can’t be read: it is acknowledged and counted', async () => {
    const slot = await open().live();
    inflict({ kind: 'malformedPayload' });
    inflict({ kind: 'malformed' });
    inflict({ kind: 'binary' });
    await waitFor(() => slot.frames.includes('binary'));
    expect(slot.offered.map(({ kind }) => kind)).toEqual(['malformed', 'malformed']);
    await waitFor(() => unacknowledged().length === 0);
    expect(slot.status.state).toBe('live');
  });

  it('keeps no socket from being read: pressure pauses nothing here', async () => {
    const slot = await open().live();
    slot.running.setPressure(true);
    await expectAllHeard(slot, [say()]);
    expect(slot.status.state).toBe('live');
  });
});

describe('a socket that goes bad', () => {
  it('because nobody is at its other end any more is noticed within ten seconds, and replaced', async () => {
    const slot = await open().live();
    const startedAtMs = performance.now();
    inflict({ kind: 'halfOpen' });
    await waitFor(() => slot.history.some(({ reason }) => reason === 'ConnectionLost'), { timeoutMs: 15_000 });
    expect(performance.now() - startedAtMs).toBeLessThan(10_500);
    await slot.until('live');
  });

  it('by a lost connection is replaced', async () => {
    const slot = await open().live();
    inflict({ kind: 'drop' });
    await waitFor(() => opens() === 2 && slot.status.state === 'live');
    expect(slot.history.find(({ state }) => state === 'connecting')?.reason).toBe('ConnectionLost');
    await expectAllHeard(slot, [say()]);
  });

  it.each([409, 503])('before it opens, by HTTP %i, is tried again', async (status) => {
    slack.setFault({ at: 'upgrade', answer: { kind: 'http', status }, times: 2 });
    await open().live();
    expect(handshakes()).toEqual({ [`http_${status}`]: 2, ok: 1 });
  });
});

describe('an app with too many websockets', () => {
  it('is told so instead of hello: the slot says why and waits half a minute', async () => {
    await restartSlack({ maxWebsockets: 1 });
    await open().live();
    const second = open({ slotID: 'uid-1/1' });
    second.running.start();
    await waitFor(() => second.status.reason === 'TooManyWebsockets');
    expect(second.status).toMatchObject({ state: 'waiting' });
    const waitMs = (second.status.waitUntilMs ?? 0) - Date.now();
    expect(waitMs).toBeGreaterThan(15_000);
    expect(waitMs).toBeLessThan(32_000);
    expect(handshakes()).toEqual({ ok: 1, too_many_websockets: 1 });
  });

  it('whose others Relax does not know stays live and tells both numbers', async () => {
    const budget = { ...openBudget, markLive: async () => 1 };
    const ghosts = await Promise.all([open({ slotID: 'x/0' }).live(), open({ slotID: 'x/1' }).live()]);
    inflict({ kind: 'ghost' });
    await Promise.all(ghosts.map(({ running }) => running.stop()));
    const slot = await open({}, { budget }).live();
    await waitFor(() => slot.status.reason === 'UnknownWebsockets');
    expect(slot.status.state).toBe('live');
    expect(slot.status.message).toMatch(/counts \d+ websockets of this app, but Relax knows 1/);
  });
});

it('Socket Mode that is switched off closes the socket and is reported with the remedy', async () => {
  const slot = await open().live();
  slack.apps.setSocketMode(APP, false);
  expect(await slot.until('failed')).toMatchObject({ reason: 'SocketModeDisabled' });
  expect(slot.status.message).toContain('Socket Mode');
  await waitFor(() => slack.apps.sockets(APP).length === 0);
});

describe('an app of many teams', () => {
  const openApp = (changes: Partial<AppSpec> = {}): TestSlot<AppSpec> => {
    const { teamID: _, ...shared } = specOf();
    const slot = new TestSlot<AppSpec>(slack, {
      ...shared,
      kind: 'app',
      appID: APP,
      unknownTeams: 'deliver',
      ...changes,
    });
    slots.push(slot as unknown as TestSlot<SocketModeSpec | AppSpec>);
    return slot;
  };

  it('brings the events of each over the same sockets', async () => {
    slack.apps.install(APP, { teamID: 'T2' });
    const slot = await openApp().live();
    say();
    slack.apps.emitEvent(APP, 'T2', 'message');
    await waitFor(() => slot.events().length === 2 && unacknowledged().length === 0);
    expect(slot.events().map(({ item }) => item.team_uid)).toEqual(['T1', 'T2']);
  });

  it('whose token is of another app than spec.appID gets no socket', async () => {
    const slot = openApp({ appID: 'A0OTHER' });
    slot.running.start();
    expect(await slot.until('failed')).toMatchObject({ reason: 'AppMismatch' });
    expect(opens()).toBe(0);
  });

  it('whose token does not name its app is judged by what the hello says', async () => {
    slack.apps.addToken(APP, 'xapp-nameless');
    const slot = openApp({ appID: 'A0OTHER', token: 'xapp-nameless', tokenDigest: 'd9' });
    slot.running.start();
    expect(await slot.until('failed')).toMatchObject({ reason: 'AppMismatch' });
    await waitFor(() => slack.apps.sockets(APP).length === 0);
  });
});
