import { createLog } from '#core/process/log.ts';
import { rotationKey } from '#core/protocol/keys.ts';
import { decodeRotationRecord, type RotationRecord } from '#core/protocol/rotation.ts';
import { newFleetKey, parseFleetKeys } from '#core/protocol/seal.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import type { Redis } from '#core/redis/redis.ts';
import { createWebApi } from '#core/slack/web-api.ts';
import type { RotatingSecret } from '#operator/rotation/rotating-secret.ts';
import type { RotationOptions } from '#operator/rotation/rotation-options.ts';
import { type AppliedRotation, Rotations } from '#operator/rotation/rotations.ts';
import type { Simulator } from '#slack-simulator/simulator.ts';

export const CLIENT = { clientID: '111.222', clientSecret: 'client-secretpart' };
const HOUR_MS = 3_600_000;
const FLEET_KEYS = parseFleetKeys(newFleetKey());

/** A bot at Slack whose token rotates, and the Secret with its first pair. */
export function rotatingBot(
  slack: Simulator,
  teamID: string,
  more: Partial<RotatingSecret> = {},
  spec = {},
): RotatingSecret {
  slack.addTeam({ teamID, token: `xoxb-${teamID.toLowerCase()}-classic` });
  const { accessToken, refreshToken } = slack.tokens.rotate({ teamID }, { ...CLIENT, ...spec });
  return {
    teamID,
    ...CLIENT,
    pair: { token: accessToken, refreshToken },
    expiresAtMs: undefined,
    refresh: 'Owner',
    home: undefined,
    ...more,
  };
}

export const inHours = (hours: number): number => Date.now() + hours * HOUR_MS;

/** The rotations of one cluster, and what a reconciler of it would do. */
export class RotatingCluster {
  readonly rotations: Rotations;
  readonly secrets = new Map<string, RotatingSecret>();
  readonly counted: Record<string, number> = {};
  readonly lines: string[] = [];
  readonly changes: string[] = [];
  mayRefresh = true;

  constructor(redis: Redis, slack: Pick<Simulator, 'url'>, cluster: string, more: Partial<RotationOptions> = {}) {
    const count = (result: string): void => {
      this.counted[result] = (this.counted[result] ?? 0) + 1;
    };
    this.rotations = new Rotations({
      redis,
      cluster,
      webApi: createWebApi({ apiUrl: slack.url }),
      fleetKeys: () => FLEET_KEYS,
      mayRefresh: () => this.mayRefresh,
      onChange: (uids) => {
        for (const uid of uids) {
          this.changes.push(uid);
          this.judge(uid);
        }
      },
      observer: { refreshed: count, wrote: count },
      log: createLog({ program: 'test', level: 'debug', to: { write: (line: string) => void this.lines.push(line) } }),
      ...more,
    });
    this.rotations.start();
  }

  put(uid: string, secret: RotatingSecret): AppliedRotation {
    this.secrets.set(uid, secret);
    return this.rotations.apply(uid, secret);
  }

  judge(uid: string): AppliedRotation | undefined {
    const secret = this.secrets.get(uid);
    return secret && this.rotations.apply(uid, secret);
  }

  /** The token that the bot uses now; undefined while that is not known. */
  token(uid: string): string | undefined {
    const applied = this.judge(uid);
    return applied?.kind === 'known' ? applied.token : undefined;
  }

  verdict(uid: string) {
    const applied = this.judge(uid);
    return applied?.kind === 'known' ? { note: applied.note, fault: applied.fault } : undefined;
  }
}

export async function recordOf(redis: Redis, teamID: string): Promise<RotationRecord | undefined> {
  const text = await redis.hget(rotationKey(teamID, tokenDigest(CLIENT.clientID)), 'pair');
  return text === null ? undefined : decodeRotationRecord(text);
}

export const refreshesAt = (slack: Simulator, teamID: string): number =>
  slack.tokens.rotations().find((rotation) => rotation.teamID === teamID)?.refreshes ?? 0;

/** The token that Slack has given last for a refresh token; null before the first. */
export function newestAt(slack: Simulator, teamID: string): string | null {
  const rotation = slack.tokens.rotations().find((other) => other.teamID === teamID);
  return rotation === undefined || rotation.refreshes === 0 ? null : rotation.pair.accessToken;
}
