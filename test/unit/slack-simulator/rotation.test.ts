import { describe, expect, it } from 'vitest';
import { type Refreshed, RotationBook, type RotationSpec } from '#slack-simulator/rotation.ts';

const bot = { teamID: 'T1' };
const client = { clientID: '1.2', clientSecret: 'secret' };
const book = (spec: Partial<RotationSpec> = {}) => {
  const rotations = new RotationBook();
  const first = rotations.start(bot, { ...client, expiresInSeconds: 60, graceMs: 1_000, ...spec }, 0);
  return { rotations, first };
};
const pairOf = (refreshed: Refreshed) => {
  if (!refreshed.ok) throw new Error(refreshed.error);
  return refreshed.pair;
};

describe('a refresh token', () => {
  it("gives a pair by Slack's look, with an expiry", () => {
    const { rotations, first } = book();
    const pair = pairOf(rotations.refresh({ ...client, refreshToken: first.refreshToken }, 10_000));
    expect(pair.accessToken).toMatch(/^xoxe\.xoxb-1-[A-Za-z0-9_-]{40,}$/);
    expect(pair.refreshToken).toMatch(/^xoxe-1-[A-Za-z0-9_-]{40,}$/);
    expect(pair.expiresAtMs).toBe(70_000);
    expect(pair.accessToken).not.toBe(first.accessToken);
    expect(rotations.list()).toEqual([
      { teamID: 'T1', appID: undefined, clientID: '1.2', pair, refreshes: 1, reuses: 0 },
    ]);
  });

  it.each([
    ['another client', { clientID: '9.9' }, 'invalid_client_id'],
    ['no client', { clientID: undefined }, 'invalid_client_id'],
    ['a wrong secret', { clientSecret: 'wrong' }, 'bad_client_secret'],
    ['an unknown refresh token', { refreshToken: 'xoxe-1-nobody' }, 'invalid_refresh_token'],
  ])('is refused with %s', (_, wrong, error) => {
    const { rotations, first } = book();
    const request = { ...client, refreshToken: first.refreshToken, ...wrong };
    expect(rotations.refresh(request, 0)).toEqual({ ok: false, error });
  });

  it('that was used gives another pair within the grace period, and then nothing', () => {
    const { rotations, first } = book();
    const request = { ...client, refreshToken: first.refreshToken };
    const once = pairOf(rotations.refresh(request, 0));
    expect(pairOf(rotations.refresh(request, 999))).not.toEqual(once);
    expect(rotations.list()).toMatchObject([{ refreshes: 2, reuses: 1 }]);
    expect(rotations.refresh(request, 1_000)).toEqual({ ok: false, error: 'invalid_refresh_token' });
  });

  it('that was used gives the same pair within the grace period, if told so', () => {
    const { rotations, first } = book({ reuse: 'same' });
    const request = { ...client, refreshToken: first.refreshToken };
    expect(pairOf(rotations.refresh(request, 999))).toEqual(pairOf(rotations.refresh(request, 0)));
  });

  it('is worth nothing once the rotation has ended', () => {
    const { rotations, first } = book();
    rotations.end(bot);
    const request = { ...client, refreshToken: first.refreshToken };
    expect(rotations.refresh(request, 0)).toEqual({ ok: false, error: 'invalid_refresh_token' });
  });
});

describe('access tokens', () => {
  it('are two at most: a third revokes the oldest', () => {
    const { rotations, first } = book();
    const second = rotations.refresh({ ...client, refreshToken: first.refreshToken }, 0);
    expect(second).toMatchObject({ revoked: [] });
    const third = rotations.refresh({ ...client, refreshToken: pairOf(second).refreshToken }, 0);
    expect(third).toMatchObject({ revoked: [first.accessToken] });
  });

  it('that have expired do not count', () => {
    const { rotations, first } = book();
    const second = pairOf(rotations.refresh({ ...client, refreshToken: first.refreshToken }, 30_000));
    expect(rotations.refresh({ ...client, refreshToken: second.refreshToken }, 60_000)).toMatchObject({ revoked: [] });
  });
});
