import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SlotDeps } from '#connector/slot/slot-deps.ts';
import type { RtmSpec } from '#connector/transport/rtm/rtm-transport.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { waitFor } from '#test/support/wait.ts';
import { chatter, expectAllHeard, isFree, openBudget, specOf, TestSlot } from './test-slot.ts';

const TOKEN = 'xoxb-100-one';
const NEW_TOKEN = 'xoxb-100-two';

let slack: Simulator;
const slots: TestSlot[] = [];
beforeEach(async () => {
  slack = await startSimulator({ connectBurst: 1_000 });
  slack.addTeam({ teamID: 'T1', token: TOKEN });
  slack.addToken('T1', NEW_TOKEN);
});
afterEach(async () => {
  await Promise.all(slots.splice(0).map(({ running }) => running.stop()));
  await slack.stop();
});

function open(spec: Partial<RtmSpec> = {}, deps: Partial<SlotDeps> = {}): TestSlot {
  const slot = new TestSlot(slack, specOf(TOKEN, spec), deps);
  slots.push(slot);
  return slot;
}

const connects = (): number => slack.stats().connects.T1?.ok ?? 0;
const dials = (): number => Object.values(slack.stats().handshakes.T1 ?? {}).reduce((sum, count) => sum + count, 0);

describe('a slot', () => {
  it('goes live and offers what Slack sends, with the names of its spec and of Slack', async () => {
    const slot = await open().live();
    const { botUserID, name } = slack.team('T1');
    expect(slot.states).toEqual(['live']);
    expect(slot.status).toEqual({
      state: 'live',
      reason: '',
      message: '',
      tokenDigest: tokenDigest(TOKEN),
      teamName: name,
      botUserID,
    });
    const { id } = slack.emitMessage('T1');
    await expectAllHeard(slot, [id]);
    const [event] = slot.events();
    expect(event?.item).toMatchObject({
      team_uid: 'T1',
      namespace: 'shop',
      bot: 'bots/acme',
      relax_bot_uid: botUserID,
    });
    expect(event?.fence).toEqual({ field: 'c1/uid-1', generation: 1 });
  });

  it('applies another generation, namespace and filter from the next frame on, on the same socket', async () => {
    const slot = await open().live();
    slot.update({
      generation: 2,
      queueNamespace: 'other',
      events: { include: ['message_new'], exclude: [], own: false },
    });
    slack.emitEvent('T1', 'reaction_added');
    await expectAllHeard(slot, [slack.emitMessage('T1').id]);
    expect(slot.offered.map(({ kind }) => kind)).toEqual(['filtered', 'event']);
    expect(slot.events()[0]?.item.namespace).toBe('other');
    expect(slot.events()[0]?.fence.generation).toBe(2);
    expect(connects()).toBe(1);
  });

  it('closes gracefully when stopped, reads what still comes, and leaves nothing running', async () => {
    const slot = await open().live();
    const { id } = slack.emitMessage('T1');
    await slot.running.stop();
    expect(slot.ids()).toContain(id);
    await waitFor(() => slack.sockets('T1').length === 0);
    expect([slot.heartbeats.members, isFree(slot.dialSemaphore)]).toEqual([0, true]);
  });

  it('stops at once in the middle of a call, a dial or a wait for hello', async () => {
    for (const fault of [
      { at: 'method', method: 'rtm.connect', answer: { kind: 'hang' } },
      { at: 'upgrade', answer: { kind: 'hang' } },
      { at: 'hello', answer: { kind: 'never' } },
    ] as const) {
      slack.clearFaults();
      slack.setFault(fault);
      const slot = open();
      const before = Object.values(slack.stats().connects.T1 ?? {}).reduce((sum, count) => sum + count, 0);
      slot.running.start();
      await waitFor(
        () => Object.values(slack.stats().connects.T1 ?? {}).reduce((sum, count) => sum + count, 0) > before,
      );
      const startedAtMs = performance.now();
      await slot.running.stop();
      expect(performance.now() - startedAtMs).toBeLessThan(1_500);
      expect(isFree(slot.dialSemaphore)).toBe(true);
    }
  });
});

describe('make before break', () => {
  it('after a goodbye a new socket is live before the old one ends, and no event is lost', async () => {
    const slot = await open().live();
    const talk = chatter(slack, 'T1');
    slack.inflict({ teamID: 'T1' }, { kind: 'goodbye', closeAfterMs: 60_000 });
    await waitFor(() => connects() === 2 && slack.sockets('T1').length === 1);
    await waitFor(() => slot.events().length > 50);
    const ids = talk.stop();
    await expectAllHeard(slot, ids);
    expect(slack.unheard()).toEqual([]);
    expect(slot.states).toEqual(['live']);
  });

  it('reads the old socket as long as the new one gets no hello', async () => {
    const slot = await open().live();
    slack.setFault({ at: 'hello', answer: { kind: 'late', delayMs: 1_500 } });
    slack.inflict({ teamID: 'T1' }, { kind: 'goodbye', closeAfterMs: 60_000 });
    await waitFor(() => slack.sockets('T1').length === 2);
    const { id } = slack.emitMessage('T1');
    await expectAllHeard(slot, [id]);
    expect(slack.sockets('T1').map(({ state }) => state)).toEqual(['live', 'opening']);
    await waitFor(() => slack.sockets('T1').length === 1);
    expect(slot.states).toEqual(['live']);
  });

  it('another token first opens a new socket, then closes the old one', async () => {
    const slot = await open().live();
    const talk = chatter(slack, 'T1');
    slot.update({ token: NEW_TOKEN, tokenDigest: tokenDigest(NEW_TOKEN) });
    await waitFor(() => slot.status.tokenDigest === tokenDigest(NEW_TOKEN));
    await waitFor(() => slack.sockets('T1').length === 1);
    const ids = talk.stop();
    await expectAllHeard(slot, ids);
    expect(slack.unheard()).toEqual([]);
    expect(new Set(slot.states)).toEqual(new Set(['live']));
  });

  it('a bad new token is reported while the old socket is still read', async () => {
    const slot = await open().live();
    slot.update({ token: 'xoxb-100-bad', tokenDigest: tokenDigest('xoxb-100-bad') });
    expect(await slot.until('failed')).toMatchObject({
      reason: 'TokenInvalid',
      tokenDigest: tokenDigest('xoxb-100-bad'),
    });
    await expectAllHeard(slot, [slack.emitMessage('T1').id]);
    slot.update({ token: NEW_TOKEN, tokenDigest: tokenDigest(NEW_TOKEN) });
    await slot.until('live');
    await waitFor(() => slot.status.tokenDigest === tokenDigest(NEW_TOKEN));
  });
});

describe('a socket that fails', () => {
  it('by a drop or a close is replaced soon', async () => {
    const slot = await open().live();
    slack.inflict({ teamID: 'T1' }, { kind: 'drop' });
    await waitFor(() => slot.states.length >= 3);
    await waitFor(() => slot.status.state === 'live');
    slack.inflict({ teamID: 'T1' }, { kind: 'close', code: 1012, reason: 'restart' });
    await waitFor(() => connects() === 3 && slot.status.state === 'live');
    expect(slot.history.filter(({ state }) => state === 'connecting').map(({ reason }) => reason)).toEqual([
      'ConnectionLost',
      'ConnectionLost',
    ]);
    expect(slot.states.at(-1)).toBe('live');
  });

  it('by the migration of its team waits until Slack answers again', async () => {
    const slot = await open().live();
    slack.inflict({ teamID: 'T1' }, { kind: 'teamMigration', migrationMs: 500 });
    expect(await slot.until('connecting')).toMatchObject({ reason: 'MigrationInProgress' });
    await slot.until('live', 20_000);
  });

  it('because of a huge frame is replaced; a large, binary or malformed one is only counted', async () => {
    const slot = await open().live();
    slack.inflict({ teamID: 'T1' }, { kind: 'binary' });
    slack.inflict({ teamID: 'T1' }, { kind: 'malformed' });
    slack.inflict({ teamID: 'T1' }, { kind: 'unknownType' });
    await expectAllHeard(slot, [slack.emitMessage('T1').id]);
    expect(slot.frames.filter((kind) => kind !== 'transport')).toEqual(['binary', 'malformed', 'event', 'event']);
    expect(slot.offered.filter(({ kind }) => kind === 'malformed')).toHaveLength(1);
    expect(connects()).toBe(1);
    slack.inflict({ teamID: 'T1' }, { kind: 'oversized', bytes: 1_100_000 });
    slack.inflict({ teamID: 'T1' }, { kind: 'oversized', bytes: 10_000_000 });
    await expectAllHeard(slot, [slack.emitMessage('T1').id]);
    expect(slot.frames.filter((kind) => kind !== 'transport').slice(4)).toEqual(['event', 'tooLarge', 'event']);
    expect(slot.offered.filter(({ kind }) => kind === 'tooLarge')).toHaveLength(1);
    expect(connects()).toBe(1);
    slack.inflict({ teamID: 'T1' }, { kind: 'oversized', bytes: 17_000_000 });
    await waitFor(() => connects() === 2 && slot.status.state === 'live');
    expect(slot.offered.filter(({ kind }) => kind === 'tooLarge')).toHaveLength(2);
  });
});

describe('an attempt that fails', () => {
  it.each([
    [
      'HTML from a proxy',
      { at: 'method', method: 'rtm.connect', answer: { kind: 'http', status: 502 } },
      'SlackUnavailable',
    ],
    ['no JSON', { at: 'method', method: 'rtm.connect', answer: { kind: 'notJson' } }, 'SlackAnswerUnreadable'],
    ['a reset', { at: 'method', method: 'rtm.connect', answer: { kind: 'reset' } }, 'SlackUnavailable'],
    [
      'fatal_error',
      { at: 'method', method: 'rtm.connect', answer: { kind: 'error', error: 'fatal_error' } },
      'SlackUnavailable',
    ],
    ['a refused upgrade', { at: 'upgrade', answer: { kind: 'http', status: 409 } }, 'ConnectionRefused'],
    ['a reset upgrade', { at: 'upgrade', answer: { kind: 'reset' } }, 'ConnectionLost'],
  ] as const)('by %s is told and tried again', async (_name, fault, reason) => {
    slack.setFault({ ...fault, times: 1 });
    const slot = open();
    slot.running.start();
    await waitFor(() => slot.status.reason === reason);
    await slot.until('live');
    expect(slot.status.reason).toBe('');
  });

  it('by a URL that expired is tried again with another', async () => {
    await slack.stop();
    slack = await startSimulator({ connectBurst: 1_000, urlTtlMs: 0 });
    slack.addTeam({ teamID: 'T1', token: TOKEN });
    const slot = open();
    slot.running.start();
    await waitFor(() => slot.status.reason === 'ConnectionRefused');
    expect(slot.status.message).toContain('Socket URL has expired');
  });
});

describe('a refusal', () => {
  it('of a revoked token is reported, and retried at once only for another token or spec', async () => {
    const slot = await open().live();
    slack.revokeToken(TOKEN);
    expect(await slot.until('failed')).toMatchObject({ reason: 'TokenRevoked', tokenDigest: tokenDigest(TOKEN) });
    slot.update({ generation: 2 });
    await waitFor(() => (slack.stats().connects.T1?.token_revoked ?? 0) === 2);
    await slot.until('failed');
    // Whether it stands is known in a minute or two; until then the user's app hears nothing.
    expect(slot.events()).toEqual([]);
    slot.update({ token: NEW_TOKEN, tokenDigest: tokenDigest(NEW_TOKEN) });
    await slot.until('live');
  });

  it('of a token of another team opens no socket', async () => {
    const slot = open({ teamID: 'T2' });
    slot.running.start();
    const status = await slot.until('failed');
    expect(status.reason).toBe('TeamMismatch');
    expect(status.message).toContain('T1');
    expect(dials()).toBe(0);
    expect(slot.offered).toEqual([]);
  });

  it.each(['xapp-1-A1-2-abc', 'xoxe-1-abcdef', 'hunter2hunter2'])(
    'of %s is ours: it is sent nowhere',
    async (token) => {
      const slot = open({ token, tokenDigest: tokenDigest(token) });
      slot.running.start();
      const status = await slot.until('failed');
      expect(status.reason).toBe('TokenWrongKind');
      expect(JSON.stringify(status)).not.toContain(token);
      expect(slack.stats().connects).toEqual({});
    },
  );

  it('by 429 is waited out, and blocks the budget', async () => {
    const blocked: number[] = [];
    slack.setFault({
      at: 'method',
      method: 'rtm.connect',
      answer: { kind: 'ratelimited', retryAfterSeconds: 1 },
      times: 1,
    });
    const budget = {
      ...openBudget,
      block: async (_bucket: unknown, ms: number) => void blocked.push(ms),
    };
    const slot = open({}, { budget });
    slot.running.start();
    expect(await slot.until('waiting')).toMatchObject({ reason: 'RateLimited' });
    const startedAtMs = performance.now();
    await slot.until('live');
    expect(performance.now() - startedAtMs).toBeGreaterThan(900);
    expect(blocked).toEqual([1_000]);
  });
});
