import type { ConnectorConfig } from '../core/config/config.ts';
import { systemClock } from '../core/process/clock.ts';
import { errorText, type Log } from '../core/process/log.ts';
import type { RateLimitedLog } from '../core/process/rate-limited-log.ts';
import { systemTimers } from '../core/process/timers.ts';
import type { FleetContract } from '../core/protocol/contract.ts';
import type { FleetKeyring } from '../core/protocol/fleet-keyring.ts';
import { queueKeys } from '../core/protocol/keys.ts';
import type { BlockingRedis, Redis, RedisSubscriber } from '../core/redis/redis.ts';
import type { RedisClock } from '../core/redis/redis-clock.ts';
import type { EgressProxy } from '../core/slack/egress-proxy.ts';
import { DialSemaphore } from './budget/dial-semaphore.ts';
import { Outage } from './budget/outage.ts';
import { redisConnectBudget } from './budget/redis-connect-budget.ts';
import type { TokenRefusals } from './credentials/token-refusals.ts';
import type { ConnectorMetrics, connectorMetrics } from './metrics.ts';
import { Outbound, type OutboundDeps } from './outbound/outbound.ts';
import { redisEnqueue } from './queue/enqueue.ts';
import type { KnownSteps } from './queue/known-steps.ts';
import type { Pressure } from './queue/pressure.ts';
import { Publisher } from './queue/publisher.ts';
import { SubBucketWatch } from './queue/sub-bucket-watch.ts';
import type { ReplyDesk } from './reply/reply-desk.ts';
import { HeartbeatWheel } from './slot/heartbeat-wheel.ts';
import type { SlotDeps } from './slot/slot-deps.ts';
import { wsOpenSocket } from './socket/ws-socket.ts';
import { redisBroughtEvents } from './twins/brought-events.ts';
import { TwinWatch } from './twins/twin-watch.ts';

/** What a connector is started with. */
export interface ConnectorParts {
  config: ConnectorConfig;
  /** New at every start of the process. */
  incarnation: string;
  contract: FleetContract;
  keyring: FleetKeyring;
  metrics: Parameters<typeof connectorMetrics>[0];
  redisClock: RedisClock;
  /** For leases, assignments and reports. */
  control: Redis;
  /** For events only, so that nothing waits behind a batch, nor a batch behind anything. */
  queue: Redis;
  subscriber: RedisSubscriber;
  /** For the answers of applications. */
  answers: BlockingRedis;
  /** For the messages of applications; undefined when none are sent. */
  commands: BlockingRedis | undefined;
  /** To Slack; undefined for none. */
  proxy: EgressProxy | undefined;
  log: Log;
}

/** Whom its parts tell what happens. */
interface Observers {
  metrics: ConnectorMetrics;
  limitedLog: RateLimitedLog;
}

/**
 * @param known by which the marks of the queue are placed
 * @param onPressure reading must stop, or may go on
 */
export function createPublisher(
  { config, contract, queue, redisClock }: ConnectorParts,
  { metrics, limitedLog }: Observers,
  known: KnownSteps,
  onPressure: (pressure: Pressure) => void,
): Publisher {
  const keys = queueKeys(config.queue.name, config.queue.urgent);
  const { settled, batch } = metrics;
  return new Publisher({
    shards: [{ keys, enqueue: redisEnqueue(queue, keys, config.queue.max, known) }],
    contract,
    clock: systemClock,
    buffer: { maxBytes: config.buffer.bytes, maxAgeMs: config.buffer.ageMs },
    redisNowMs: () => redisClock.nowMs(),
    redisUser: queue.user,
    onPressure,
    observer: {
      settled,
      batch,
      refused: (words) => limitedLog.warn('refused', { words }, 'Redis refused an event'),
      threw: (error) => limitedLog.warn('threw', { error: errorText(error) }, 'a callback of the publisher threw'),
    },
  });
}

/** @param known of the publisher */
export function createSubBucketWatch(
  { config, contract, control, redisClock, log }: ConnectorParts,
  known: KnownSteps,
): SubBucketWatch {
  return new SubBucketWatch({
    redis: control,
    keys: queueKeys(config.queue.name, config.queue.urgent),
    known,
    contract,
    redisNowMs: () => redisClock.nowMs(),
    random: Math.random,
    log,
  });
}

/** @returns undefined when applications send nothing by Relax (`RELAX_COMMANDS`) */
export function createOutbound(
  { config, control, subscriber, commands: waiting, log }: ConnectorParts,
  { metrics, limitedLog }: Observers,
  deps: Pick<OutboundDeps, 'webApi' | 'senders' | 'refuse'>,
): Outbound | undefined {
  const { commands } = config;
  if (commands === undefined || waiting === undefined) return undefined;
  const observer = metrics.outbound;
  return new Outbound({ ...deps, commands, redis: control, waiting, subscriber, observer, limitedLog, log });
}

/** What all slots share. */
export function createSlotDeps(
  { config, incarnation, contract, control, redisClock, proxy, log }: ConnectorParts,
  { metrics, limitedLog }: Observers,
  { publisher, replies, refusals }: { publisher: Publisher; replies: ReplyDesk; refusals: TokenRefusals },
): SlotDeps {
  const { transition, connect, frame, withheld } = metrics;
  const brought = redisBroughtEvents(control, systemClock, redisClock);
  return {
    openSocket: wsOpenSocket({ proxy }),
    budget: redisConnectBudget(control, incarnation, config.cluster),
    dialSemaphore: new DialSemaphore(),
    outage: new Outage(systemTimers, log),
    heartbeats: new HeartbeatWheel(systemTimers),
    twins: new TwinWatch({ brought, timers: systemTimers, limitedLog }),
    offer: (normalized, settled, isSentAgain) => publisher.offer(normalized, settled, isSentAgain),
    replies,
    refuse: (owner, refusal) => refusals.refuse(owner, refusal),
    redisNowMs: () => redisClock.nowMs(),
    windowMs: contract.windowMs,
    timers: systemTimers,
    random: Math.random,
    log,
    limitedLog,
    observer: { transition: ({ to }) => transition(to), connect, frame, withheld },
  };
}
