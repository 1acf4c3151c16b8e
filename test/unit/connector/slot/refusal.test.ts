import { describe, expect, it } from 'vitest';
import { statusOf } from '#connector/slot/slot-status.ts';
import { wakeAtMs } from '#connector/slot/state.ts';
import { CLOSED, facts, live, MISMATCH, SlotWorld, started } from './slot-world.ts';

const MINUTE_MS = 60_000;
const refusalBy = (error: string) =>
  ({ kind: 'terminal', reason: 'TokenInvalid', error, message: 'a new token helps' }) as const;

const refuse = (world: SlotWorld, error: string): readonly unknown[] => {
  world.until('connecting');
  return world.play({ type: 'answer', id: world.id, answer: refusalBy(error) });
};
const untilAskedAgain = (world: SlotWorld): number => (wakeAtMs(world.state) ?? Number.NaN) - world.nowMs;

it.each([
  [true, [{ do: 'leaveLine' }, { do: 'giveBack' }]],
  [false, [{ do: 'leaveLine' }]],
])('a connect for which Slack was not asked (%s) is given back', (isUnasked, effects) => {
  const world = started().until('connecting');
  expect(world.play({ type: 'answer', id: world.id, answer: { ...MISMATCH, isUnasked } })).toEqual(effects);
});

describe('a refusal', () => {
  it.each(['invalid_auth', 'account_inactive', 'token_revoked'])(
    'by %s is told to the queue when it stands after a minute and no socket lives elsewhere, once a token',
    (error) => {
      const world = started();
      expect(refuse(world, error)).toEqual([{ do: 'leaveLine' }]);
      expect(refuse(world, error)).toEqual([{ do: 'leaveLine' }]);
      expect(refuse(world, error)).toEqual([{ do: 'leaveLine' }]);
      expect(refuse(world, error)).toEqual([{ do: 'leaveLine' }, { do: 'askElsewhere' }]);
      expect(world.nowMs).toBeGreaterThanOrEqual(MINUTE_MS);
      expect(world.play({ type: 'elsewhere', tokenDigest: 'd1', live: true })).toEqual([]);
      expect(refuse(world, error)).toContainEqual({ do: 'askElsewhere' });
      expect(world.play({ type: 'elsewhere', tokenDigest: 'd1', live: false })).toEqual([{ do: 'disableBot', error }]);
      expect(world.play({ type: 'elsewhere', tokenDigest: 'd1', live: false })).toEqual([]);
      expect(refuse(world, error)).toEqual([{ do: 'leaveLine' }]);
      world.play({ type: 'update', spec: facts({ tokenDigest: 'd2' }) });
      for (const _ of 'abc') expect(refuse(world, error)).toEqual([{ do: 'leaveLine' }]);
      expect(refuse(world, error)).toContainEqual({ do: 'askElsewhere' });
    },
  );

  it('that Slack takes back after 3 s ends within 10 s, and nobody is told that the bot is dead', () => {
    for (const random of [0, 0.5, 0.999]) {
      const world = started();
      world.random = random;
      world.pass(1_000);
      expect(refuse(world, 'invalid_auth')).toEqual([{ do: 'leaveLine' }]);
      const refusedAtMs = world.nowMs;
      world.live();
      expect(world.nowMs - refusedAtMs).toBeGreaterThanOrEqual(3_000);
      expect(world.nowMs - refusedAtMs).toBeLessThanOrEqual(10_000);
      expect(world.state).toMatchObject({ refusal: undefined, refusals: 0, disabledDigest: '' });
    }
  });

  it('that comes again at once, for another generation of the spec, is not believed yet', () => {
    const world = started();
    refuse(world, 'invalid_auth');
    world.play({ type: 'update', spec: facts({ generation: 2 }) });
    expect(refuse(world, 'invalid_auth')).toEqual([{ do: 'leaveLine' }]);
  });

  it.each(['missing_scope', 'not_allowed_token_type'])('by %s tells the queue nothing', (error) => {
    const world = started();
    refuse(world, error);
    expect(refuse(world, error)).toEqual([{ do: 'leaveLine' }]);
  });

  it('is checked again within seconds, then after a minute or two, then less and less often, up to a few hours', () => {
    const world = started();
    const waits = Array.from({ length: 13 }, () => {
      refuse(world, 'invalid_auth');
      return untilAskedAgain(world) / MINUTE_MS;
    });
    expect(waits).toEqual(
      [0.125, 0.75, 1.5, 3, 6, 12, 24, 48, 96, 192, 360, 360, 360].map((n) => expect.closeTo(n, 5)),
    );
  });

  it('that Slack withdraws leads to a live socket by itself, and the slot is failed until then', () => {
    const world = started();
    refuse(world, 'invalid_auth');
    const said = statusOf(world.state);
    expect(said).toMatchObject({ state: 'failed', reason: 'TokenInvalid', message: 'a new token helps' });
    for (const tag of ['inLine', 'asking', 'connecting'] as const) {
      world.until(tag);
      expect(statusOf(world.state)).toEqual(said);
    }
    world.live();
    expect(statusOf(world.state)).toMatchObject({ state: 'live', message: '' });
    expect(world.nowMs).toBeLessThanOrEqual(10_000);
  });

  it('is checked with connects that nobody else needs, and stands while Slack does not answer', () => {
    const world = started();
    refuse(world, 'invalid_auth');
    world.until('inLine');
    expect(world.play({ type: 'permitted', id: world.id })).toMatchObject([{ purpose: 'recheck' }]);
    world.until('connecting');
    const answer = { kind: 'retry', reason: 'SlackUnavailable', error: 'http_503', message: 'HTTP 503' } as const;
    world.play({ type: 'answer', id: world.id, answer });
    expect(statusOf(world.state)).toMatchObject({ state: 'failed', reason: 'TokenInvalid' });
    expect(untilAskedAgain(world)).toBeGreaterThanOrEqual(MINUTE_MS);
  });

  it('is checked at once when the token or the generation changes', () => {
    const world = started();
    refuse(world, 'invalid_auth');
    expect(world.play({ type: 'update', spec: facts() })).toEqual([]);
    expect(world.play({ type: 'update', spec: facts({ generation: 2 }) })).toMatchObject([{ do: 'joinLine' }]);
    expect(statusOf(world.state).state).toBe('connecting');
  });

  it('of a socket that was to replace a live one leaves the slot live, and says so', () => {
    const world = live();
    world.play({ type: 'leaving', id: 1 });
    expect(refuse(world, 'invalid_auth')).toEqual([{ do: 'leaveLine' }]);
    const { state, reason, message } = statusOf(world.state);
    expect([state, reason]).toEqual(['live', '']);
    expect(message).toContain('a new token helps');
    expect(refuse(world, 'invalid_auth')).toEqual([{ do: 'leaveLine' }]);
    expect(world.play({ type: 'closed', id: 1, close: CLOSED })).toMatchObject([{ do: 'joinLine' }]);
    expect(statusOf(world.state)).toMatchObject({ state: 'failed', reason: 'TokenInvalid' });
  });

  it('of a new token is reported while the socket of the old one is read', () => {
    const world = live();
    world.play({ type: 'update', spec: facts({ tokenDigest: 'd2' }) });
    refuse(world, 'invalid_auth');
    expect(statusOf(world.state)).toMatchObject({ state: 'failed', reason: 'TokenInvalid', tokenDigest: 'd2' });
    expect(world.open).toEqual(new Set([1]));
  });

  it('for the wrong team opens no socket, and is checked about once an hour', () => {
    const world = started();
    world.until('connecting');
    expect(world.play({ type: 'answer', id: 1, answer: MISMATCH })).toEqual([{ do: 'leaveLine' }]);
    expect(statusOf(world.state)).toMatchObject({ state: 'failed', reason: 'TeamMismatch' });
    expect(untilAskedAgain(world)).toBeGreaterThanOrEqual(60 * MINUTE_MS);
  });

  it('of our own, for a value that is not a token, is never checked again', () => {
    const refusal = { reason: 'TokenWrongKind', error: 'token_wrong_kind', message: 'not sent' } as const;
    const world = new SlotWorld(facts({ refusal }));
    world.play({ type: 'start' });
    expect(wakeAtMs(world.state)).toBeUndefined();
  });
});

it('of a token that was never sent ends when the value may be sent after all', () => {
  const refusal = { reason: 'TokenWrongKind', error: 'token_wrong_kind', message: 'not a bot token' } as const;
  const world = started(facts({ refusal }));
  expect(world.state.attempt.tag).toBe('refused');
  expect(world.play({ type: 'update', spec: facts() })).toMatchObject([{ do: 'joinLine' }]);
});

describe('a token that an event has revoked', () => {
  const REVOKED = { reason: 'TokenRevoked', error: 'tokens_revoked', message: 'Install the app again.' } as const;
  const revoked = (world: SlotWorld, tokenDigest = 'd1'): readonly unknown[] =>
    world.play({ type: 'revoked', tokenDigest, refusal: REVOKED });

  it('closes its socket at once, and is not asked about for hours', () => {
    const world = live();
    expect(revoked(world)).toEqual([{ do: 'close', id: 1 }]);
    expect(statusOf(world.state)).toMatchObject({ state: 'failed', reason: 'TokenRevoked' });
    expect(untilAskedAgain(world)).toBeGreaterThanOrEqual(240 * MINUTE_MS);
    expect(world.play({ type: 'closed', id: 1, close: CLOSED })).toEqual([]);
    expect(world.play({ type: 'recovered' })).toEqual([]);
    expect(revoked(world)).toEqual([]);
  });

  it.each(['inLine', 'asking', 'connecting', 'dialing', 'greeting'] as const)(
    'ends an attempt that is %s, whichever socket brought the event',
    (tag) => {
      const world = live();
      world.play({ type: 'leaving', id: 1 });
      world.until(tag);
      expect(revoked(world)).toContainEqual({ do: 'close', id: 1 });
      expect(world.state.attempt.tag).toBe('refused');
      expect(untilAskedAgain(world)).toBeGreaterThanOrEqual(240 * MINUTE_MS);
      expect([...world.open]).toEqual([]);
    },
  );

  it('is not the one that the slot has by now, if its socket is an earlier one', () => {
    const world = live();
    world.play({ type: 'update', spec: facts({ tokenDigest: 'd2' }) });
    expect(revoked(world, 'd1')).toEqual([]);
    world.until('greeting');
    world.play({ type: 'hello', id: world.id });
    expect(statusOf(world.state)).toMatchObject({ state: 'live', reason: '' });
  });

  it.each([
    ['another token', { tokenDigest: 'd2' }],
    ['another generation', { generation: 2 }],
  ])('stands until the spec has %s', (_, change) => {
    const world = live();
    revoked(world);
    expect(world.play({ type: 'update', spec: facts() })).toEqual([]);
    expect(world.play({ type: 'update', spec: facts(change) })).toMatchObject([{ do: 'joinLine' }]);
  });
});
