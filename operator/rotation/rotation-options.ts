import type { Log } from '../../core/process/log.ts';
import type { TokenPair } from '../../core/protocol/rotation.ts';
import type { FleetKey } from '../../core/protocol/seal.ts';
import type { Redis } from '../../core/redis/redis.ts';
import type { WebApi } from '../../core/slack/web-api.ts';
import type { SecretHome } from './rotating-secret.ts';
import type { RotationObserver } from './rotation-metrics.ts';
import type { WriteOutcome } from './secret-writer.ts';

export interface RotationOptions {
  redis: Redis;
  cluster: string;
  webApi: WebApi;
  fleetKeys: () => readonly FleetKey[];
  /** Whether this process is the one of its cluster that asks Slack. Of several clusters the lock in Redis lets one. */
  mayRefresh: () => boolean;
  /** The right to write Secrets while it lasts; left out where nothing is written back. */
  writes?: SecretWrites;
  /** What is known of these SlackBots has changed. */
  onChange: (uids: readonly string[]) => void;
  observer: RotationObserver;
  log: Log;
  random?: () => number;
}

export interface SecretWrites {
  /** Aborts when the right ends; undefined while we do not have it. */
  right(): AbortSignal | undefined;
  /** @throws KubeError */
  write(home: SecretHome, pair: TokenPair, expiresAtMs: number | undefined, signal: AbortSignal): Promise<WriteOutcome>;
  /** The Secret of this SlackBot is to be read again. */
  onWritten(uid: string): void;
}
