import type { Clock } from '../../core/process/clock.ts';
import type { FleetContract } from '../../core/protocol/contract.ts';
import { longestWaitMs } from '../../core/protocol/dedupe-window.ts';
import { itemJson } from '../event/item-json.ts';
import type { Normalized, NormalizedEvent } from '../event/normalize.ts';
import { BufferBound, type BufferLimits } from './buffer-bound.ts';
import { laneOf } from './lane.ts';
import { type MarkPlace, markPlace } from './mark-keys.ts';
import type { FailReason, OutcomeCounts, Settled } from './outcome.ts';
import {
  type BufferLoad,
  isCalm,
  isRefused,
  NO_PRESSURE,
  NO_REFUSAL,
  type Pressure,
  pressureOf,
  type Refusal,
  refusalOf,
  refusesAll,
} from './pressure.ts';
import { type PublisherObserver, tell } from './publisher-observer.ts';
import { Settlement } from './settlement.ts';
import { shardOf } from './shard.ts';
import { type Shard, ShardPublisher } from './shard-publisher.ts';

export interface PublisherOptions {
  /** By number; at least one. */
  shards: readonly [Shard, ...Shard[]];
  contract: FleetContract;
  buffer: BufferLimits;
  clock: Clock;
  /** Redis time, for events that carry none (`RedisClock`). */
  redisNowMs(): number;
  /** The user of the connection to Redis, for the ACL line that grants a missing right. */
  redisUser?: string | undefined;
  /** Whose sockets must not be read from now on. Called on changes only. */
  onPressure(pressure: Pressure): void;
  observer?: PublisherObserver;
}

const REFUSES_ALL =
  'the buffer is full: events of Slack apps stay unacknowledged, so that Slack sends them again, until Redis accepts events';

/**
 * Takes what was read from Slack and makes sure that every event ends in exactly one outcome: it admits events within one
 * bound on everything that waits, passes them to their shard, and says whose sockets must wait. The shards do the rest.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #observer: PublisherObserver;
  readonly #settlement: Settlement;
  readonly #bound: BufferBound;
  readonly #shards: readonly [ShardPublisher, ...ShardPublisher[]];
  #pressure = NO_PRESSURE;
  #refusal: Refusal = NO_REFUSAL;
  /** Some was refused since the buffer became that full. */
  #refusesAll = false;
  #onDrained: (() => void) | undefined;
  #closed = false;

  constructor(options: PublisherOptions) {
    const { observer = {}, clock, contract, redisUser } = options;
    this.#options = options;
    this.#observer = observer;
    this.#settlement = new Settlement(observer);
    this.#bound = new BufferBound(options.buffer);
    const deps = {
      bound: this.#bound,
      settlement: this.#settlement,
      observer,
      clock,
      staleMs: longestWaitMs(contract.windowMs),
      redisUser,
      onFlushed: () => this.#onFlushed(),
    };
    const [first, ...others] = options.shards;
    this.#shards = [new ShardPublisher(first, deps), ...others.map((shard) => new ShardPublisher(shard, deps))];
  }

  /**
   * Takes what `normalize` made of a frame; what is not an event is only counted. Never throws, never waits.
   * @param settled called once with the final outcome, for acknowledgements
   * @param isSentAgain Slack sends it again if it is not acknowledged
   */
  offer(normalized: Normalized, settled?: Settled, isSentAgain = false): void {
    this.#settlement.offered();
    switch (normalized.kind) {
      case 'filtered':
        this.#settlement.settle({ kind: 'filtered', reason: normalized.reason }, settled);
        return;
      case 'tooLarge':
        this.#fail('too_large', settled);
        return;
      case 'malformed':
        this.#fail('malformed', settled);
        return;
      case 'event':
        this.#take(normalized, settled, isSentAgain);
    }
  }

  counts(): OutcomeCounts {
    return this.#settlement.counts(this.#pending());
  }

  /** Readiness reasons in words; empty when every queue takes events. */
  faults(): string[] {
    const nowMs = this.#options.clock.monotonicMs();
    const faults = new Set(this.#shards.flatMap((shard) => shard.faults(nowMs)));
    if (this.#refusesAll) faults.add(REFUSES_ALL);
    return [...faults];
  }

  /** Number, bytes and age of what waits, for metrics. */
  backlog(): { events: number; urgent: number; bytes: number; ageMs: number } {
    const urgent = this.#shards.reduce((sum, shard) => sum + shard.urgent, 0);
    return { events: this.#pending(), urgent, bytes: this.#bound.bytes, ageMs: this.#ageMs() };
  }

  /**
   * Empties the buffers and closes. What Redis has not taken by then is counted as `failed{shutdown}`, as is every later
   * offer; some events of a batch in flight may still arrive.
   * @returns number of events given up
   */
  async drain(withinMs: number): Promise<number> {
    if (!this.#closed && !this.#isIdle()) {
      await new Promise<void>((resolve) => {
        const deadline = setTimeout(resolve, withinMs);
        this.#onDrained = () => {
          clearTimeout(deadline);
          resolve();
        };
        for (const shard of this.#shards) shard.drain();
      });
    }
    this.#closed = true;
    const left = this.#shards.flatMap((shard) => shard.close());
    this.#settlement.giveUp(left, 'shutdown', this.#options.clock.monotonicMs());
    return left.reduce((sum, { copies = [] }) => sum + 1 + copies.length, 0);
  }

  #take(event: NormalizedEvent, settled: Settled | undefined, isSentAgain: boolean): void {
    if (this.#closed) {
      this.#fail('shutdown', settled);
      return;
    }
    const shard = this.#shards[shardOf(event.shardKey, this.#shards.length)] ?? this.#shards[0];
    const { field: fenceField, generation } = event.fence;
    const mark = this.#markOf(event);
    const offeredAtMs = this.#options.clock.monotonicMs();
    if (isSentAgain) {
      if (shard.join({ mark, fenceField, generation }, { offeredAtMs, settled })) return;
      const load = this.#bound.load(0);
      if (isRefused(load, this.#refusal, fenceField)) {
        this.#refusesAll ||= refusesAll(load);
        this.#fail('buffer_full', settled);
        return;
      }
    }
    const payload = itemJson(event);
    if (payload === undefined) {
      this.#fail('unencodable', settled);
      return;
    }
    const bytes = Buffer.byteLength(payload);
    const { urgent } = event;
    const lane = laneOf(event.shardKey, event.item.channel_uid);
    if (
      !shard.push({ fenceField, generation, mark, payload, bytes, urgent, isSentAgain, lane, offeredAtMs, settled })
    ) {
      this.#fail('buffer_full', settled);
      return;
    }
    if (!this.#isCalm()) this.#weigh();
    shard.schedule();
  }

  /** Nothing can follow from the bytes that wait. What follows from their age is weighed with each batch. */
  #isCalm(): boolean {
    const { once, again } = this.#bound.load(0);
    return this.#pressure === NO_PRESSURE && this.#refusal === NO_REFUSAL && isCalm(once, again);
  }

  #markOf({ item, mark }: NormalizedEvent): MarkPlace {
    const { contract, redisNowMs } = this.#options;
    return markPlace(item.id, mark, contract, redisNowMs());
  }

  #fail(reason: FailReason, settled: Settled | undefined): void {
    this.#settlement.settle({ kind: 'failed', reason }, settled);
  }

  #pending(): number {
    return this.#shards.reduce((sum, { pending }) => sum + pending, 0);
  }

  #isIdle(): boolean {
    return this.#shards.every(({ isIdle }) => isIdle);
  }

  /** Of the oldest event that waits anywhere. */
  #ageMs(): number {
    const nowMs = this.#options.clock.monotonicMs();
    let oldestMs = 0;
    for (const shard of this.#shards) oldestMs = Math.max(oldestMs, shard.ageMs(nowMs));
    return oldestMs;
  }

  #onFlushed(): void {
    this.#weigh();
    if (this.#isIdle()) this.#onDrained?.();
  }

  #load(): BufferLoad {
    const nowMs = this.#options.clock.monotonicMs();
    let oldestMs = 0;
    for (const shard of this.#shards) oldestMs = Math.max(oldestMs, shard.pauseAgeMs(nowMs));
    return this.#bound.load(oldestMs);
  }

  #weigh(): void {
    const load = this.#load();
    this.#refusal = refusalOf(load, this.#refusal);
    this.#refusesAll &&= refusesAll(load);
    const pressure = pressureOf(load, this.#pressure);
    if (pressure === this.#pressure) return;
    this.#pressure = pressure;
    tell(this.#observer, () => this.#options.onPressure(pressure));
  }
}
