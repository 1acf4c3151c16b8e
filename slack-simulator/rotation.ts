import { randomUUID } from 'node:crypto';
import type { BotPlace } from './post-desk.ts';

/** How the tokens of a bot rotate. */
export type RotationSpec = {
  clientID: string;
  clientSecret: string;
  /** Life of an access token: 43,200 s at Slack. */
  expiresInSeconds?: number | undefined;
  /** How long a refresh token is good after its first use: Slack calls it "a short grace period"; 30 s. */
  graceMs?: number | undefined;
  /** What a used refresh token gives within that time: another pair (the default), or once more the one that it gave. */
  reuse?: 'new' | 'same' | undefined;
  /** The first pair; made up unless given. */
  accessToken?: string | undefined;
  refreshToken?: string | undefined;
};

export type TokenPair = { accessToken: string; refreshToken: string; expiresAtMs: number };

export type RefreshRequest = {
  clientID: string | undefined;
  clientSecret: string | undefined;
  refreshToken: string | undefined;
};

export type Refreshed =
  | {
      ok: true;
      place: BotPlace;
      pair: TokenPair;
      expiresInSeconds: number;
      /** Access tokens that are too many now. */
      revoked: string[];
    }
  | { ok: false; error: 'invalid_client_id' | 'bad_client_secret' | 'invalid_refresh_token' };

/** One bot's tokens, as a test reads them. */
export type RotationView = BotPlace & {
  clientID: string;
  /** The pair that was given last. */
  pair: TokenPair;
  /** Pairs that were given for a refresh token. */
  refreshes: number;
  /** Those of them for a refresh token that had been used before. */
  reuses: number;
};

type Rotation = RotationView & {
  clientSecret: string;
  expiresInSeconds: number;
  graceMs: number;
  reuse: 'new' | 'same';
  /** The oldest first. */
  active: TokenPair[];
  /** By refresh token; `used`: since when, and for which pair. */
  refreshTokens: Map<string, { used: { atMs: number; gave: TokenPair } | undefined }>;
};

/** docs.slack.dev/authentication/using-token-rotation */
const maxActive = 2;

/** Token rotation (docs.slack.dev/authentication/using-token-rotation). Plain state: which tokens open what is the caller's. */
export class RotationBook {
  readonly #rotations: Rotation[] = [];

  /** @returns the first pair */
  start(place: BotPlace, spec: RotationSpec, nowMs: number): TokenPair {
    if (this.#of(place) !== undefined) throw new Error(`the tokens of team ${place.teamID} rotate already`);
    const expiresInSeconds = spec.expiresInSeconds ?? 43_200;
    const pair = {
      accessToken: spec.accessToken ?? madeUp('xoxe.xoxb-1-'),
      refreshToken: spec.refreshToken ?? madeUp('xoxe-1-'),
      expiresAtMs: nowMs + expiresInSeconds * 1000,
    };
    this.#rotations.push({
      teamID: place.teamID,
      appID: place.appID,
      clientID: spec.clientID,
      clientSecret: spec.clientSecret,
      expiresInSeconds,
      graceMs: spec.graceMs ?? 30_000,
      reuse: spec.reuse ?? 'new',
      pair,
      refreshes: 0,
      reuses: 0,
      active: [pair],
      refreshTokens: new Map([[pair.refreshToken, { used: undefined }]]),
    });
    return pair;
  }

  refresh({ clientID, clientSecret, refreshToken }: RefreshRequest, nowMs: number): Refreshed {
    const ofClient = this.#rotations.filter((rotation) => rotation.clientID === clientID);
    if (ofClient.length === 0) return { ok: false, error: 'invalid_client_id' };
    const known = ofClient.filter((rotation) => rotation.clientSecret === clientSecret);
    if (known.length === 0) return { ok: false, error: 'bad_client_secret' };
    const rotation = known.find(({ refreshTokens }) => refreshTokens.has(refreshToken ?? ''));
    const state = rotation?.refreshTokens.get(refreshToken ?? '');
    if (rotation === undefined || state === undefined) return { ok: false, error: 'invalid_refresh_token' };
    if (state.used !== undefined && nowMs >= state.used.atMs + rotation.graceMs)
      return { ok: false, error: 'invalid_refresh_token' };
    const { teamID, appID, expiresInSeconds } = rotation;
    rotation.refreshes += 1;
    if (state.used !== undefined) rotation.reuses += 1;
    if (state.used !== undefined && rotation.reuse === 'same')
      return { ok: true, place: { teamID, appID }, pair: state.used.gave, expiresInSeconds, revoked: [] };
    const { pair, revoked } = renew(rotation, nowMs);
    state.used ??= { atMs: nowMs, gave: pair };
    return { ok: true, place: { teamID, appID }, pair, expiresInSeconds, revoked };
  }

  /** The bot of a refresh token. */
  placeOf(refreshToken: string | undefined): BotPlace | undefined {
    return this.#rotations.find(({ refreshTokens }) => refreshTokens.has(refreshToken ?? ''));
  }

  /** Its refresh tokens are good for nothing from now on. */
  end(place: BotPlace): void {
    this.#of(place)?.refreshTokens.clear();
  }

  list(): RotationView[] {
    return this.#rotations.map(({ teamID, appID, clientID, pair, refreshes, reuses }) => ({
      teamID,
      appID,
      clientID,
      pair,
      refreshes,
      reuses,
    }));
  }

  #of({ teamID, appID }: BotPlace): Rotation | undefined {
    return this.#rotations.find((rotation) => rotation.teamID === teamID && rotation.appID === appID);
  }
}

function renew(rotation: Rotation, nowMs: number): { pair: TokenPair; revoked: string[] } {
  const pair = {
    accessToken: madeUp('xoxe.xoxb-1-'),
    refreshToken: madeUp('xoxe-1-'),
    expiresAtMs: nowMs + rotation.expiresInSeconds * 1000,
  };
  const active = rotation.active.filter(({ expiresAtMs }) => nowMs < expiresAtMs);
  const tooMany = active.splice(0, Math.max(0, active.length + 1 - maxActive));
  rotation.active = [...active, pair];
  rotation.pair = pair;
  rotation.refreshTokens.set(pair.refreshToken, { used: undefined });
  return { pair, revoked: tooMany.map(({ accessToken }) => accessToken) };
}

/** By its look one of Slack's. */
const madeUp = (prefix: string): string =>
  `${prefix}${Buffer.from(`${randomUUID()}${randomUUID()}`).toString('base64url')}`;
