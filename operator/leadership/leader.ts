/** The right to write to Kubernetes: leader election by a Lease (design rule 7, ADR 0004). */

import { errorText, type Log } from '../../core/process/log.ts';
import { sleep, systemTimers, type Timers } from '../../core/process/timers.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { NO_RETRY } from '../kube/retry.ts';
import {
  checkLeaderTimes,
  DEFAULT_LEADER_TIMES,
  decide,
  heldSpec,
  type LeaderTimes,
  type Lease,
  type Observed,
  observe,
  releasedSpec,
} from './lease.ts';

export interface LeaderOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  namespace: string;
  /** Name of the Lease. */
  name: string;
  /** Of this process and no other: the pod's name and something random, since a restarted container keeps the name. */
  identity: string;
  log: Log;
  onElected: () => void;
  /**
   * Called once, when the lease is or may be another's: stop writing. Not called by `stop`. This election is over then;
   * to run again, make a new elector.
   */
  onLost: (why: string) => void;
  /** For how long a lease that is free or has run out is left to others; asked at each try. */
  handicapMs?: () => number;
  times?: LeaderTimes;
  timers?: Timers;
  random?: () => number;
}

const LEASES = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

type Phase = 'candidate' | 'leader' | 'lost' | 'stopped';

/**
 * Elects one leader among the operators of a cluster by a Lease. It bounds wasted work and is not a correctness boundary:
 * a paused process may believe for a moment longer than it should, so writes must converge under two leaders.
 */
export class LeaderElector {
  readonly #options: LeaderOptions;
  readonly #times: LeaderTimes;
  readonly #timers: Timers;
  readonly #random: () => number;
  readonly #stopped = new AbortController();
  #phase: Phase = 'candidate';
  #observed: Observed | undefined;
  /** As last read or written; what a release is based on. */
  #lease: Lease | undefined;
  /** When the last successful renewal was sent: earlier than any other process can have seen it. */
  #renewedAtMs = Number.NEGATIVE_INFINITY;
  /** A write that takes the lease was sent, whether or not its answer came. */
  #mayHold = false;
  #cancelDeadline = (): void => {};
  #running: Promise<void> | undefined;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#times = options.times ?? DEFAULT_LEADER_TIMES;
    checkLeaderTimes(this.#times);
    this.#timers = options.timers ?? systemTimers;
    this.#random = options.random ?? Math.random;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** True only while the last renewal is younger than the deadline, so also right after a pause of the whole process. */
  isLeader(): boolean {
    return this.#phase === 'leader' && this.renewAgeMs() < this.#times.renewDeadlineMs;
  }

  /** Age of our last renewal, for a health check; Infinity for a candidate. */
  renewAgeMs(): number {
    return this.#timers.monotonicMs() - this.#renewedAtMs;
  }

  /** The holder as last seen: '' if free or unknown. */
  holder(): string {
    return this.#lease?.spec?.holderIdentity ?? '';
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /**
   * Ends the election and, if we lead, releases the lease, so that the next one need not wait for its end. Call it after
   * the last write.
   */
  async stop(): Promise<void> {
    if (this.#phase !== 'lost') this.#phase = 'stopped';
    this.#cancelDeadline();
    this.#stopped.abort(new Error('leader election stopped'));
    await this.#running;
    if (this.#phase === 'stopped' && this.#mayHold) await this.#release();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#try();
      // Jittered, so that candidates don't collide at each try.
      await sleep(this.#timers, this.#times.retryMs * (1 + 0.2 * this.#random()), signal);
    }
  }

  async #try(): Promise<void> {
    try {
      await this.#step();
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      const { name, log } = this.#options;
      // A conflict means that another candidate was faster; the next try reads what it wrote.
      log[isKubeError(error, 'conflict') ? 'debug' : 'warn'](
        { lease: name, err: errorText(error) },
        'could not acquire or renew the lease',
      );
      if (isKubeError(error, 'conflict') || isKubeError(error, 'notFound')) this.#lease = undefined;
    }
  }

  async #step(): Promise<void> {
    const { identity } = this.#options;
    // The leader writes over the version it wrote last; only if that fails does it read.
    const lease = this.#phase === 'leader' && this.#lease !== undefined ? this.#lease : await this.#read();
    if (this.#stopped.signal.aborted) return;
    const nowMs = this.#timers.monotonicMs();
    this.#lease = lease;
    this.#observed = lease === undefined ? undefined : observe(this.#observed, lease, nowMs);
    const handicapMs = this.#options.handicapMs?.() ?? 0;
    const decision = decide(lease, this.#observed, nowMs, identity, this.#times, handicapMs);
    if (this.#phase === 'leader' && decision.action !== 'renew') {
      // Somebody took the lease, freed it or deleted it under us: whoever asks next may get it.
      this.#lose(`the lease is held by ${lease?.spec?.holderIdentity || 'nobody'}`);
      return;
    }
    if (decision.action === 'wait') return;
    const sentAtMs = this.#timers.monotonicMs();
    this.#mayHold = true;
    this.#lease = await this.#hold(lease, decision.action);
    if (this.#stopped.signal.aborted) return;
    this.#renewedAtMs = sentAtMs;
    this.#setDeadline();
    if (this.#phase !== 'candidate') return;
    this.#phase = 'leader';
    this.#options.log.info({ lease: this.#options.name, identity }, 'elected leader');
    this.#options.onElected();
  }

  async #read(): Promise<Lease | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      return await client.get<Lease>({ ...LEASES, namespace, name }, this.#callOptions());
    } catch (error) {
      if (isKubeError(error, 'notFound')) return undefined;
      throw error;
    }
  }

  #hold(lease: Lease | undefined, action: 'create' | 'renew' | 'acquire'): Promise<Lease> {
    const { client, namespace, name, identity } = this.#options;
    const spec = heldSpec(lease?.spec, action, identity, this.#timers.wallMs(), this.#times);
    if (lease === undefined) {
      const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace }, spec };
      return client.create({ ...LEASES, namespace }, body, this.#callOptions());
    }
    return client.replace({ ...LEASES, namespace, name }, { ...lease, spec }, this.#callOptions());
  }

  async #release(): Promise<void> {
    const { client, namespace, name, identity, log } = this.#options;
    // Not bound to the stop signal, which is aborted by now.
    const options = { timeoutMs: this.#times.retryMs, urgent: true, retry: NO_RETRY };
    try {
      const lease = await client.get<Lease>({ ...LEASES, namespace, name }, options);
      if (lease.spec?.holderIdentity !== identity) return;
      const spec = releasedSpec(lease.spec, this.#timers.wallMs());
      await client.replace({ ...LEASES, namespace, name }, { ...lease, spec }, options);
      log.info({ lease: name }, 'released the lease');
    } catch (error) {
      log.warn(
        { lease: name, err: errorText(error) },
        'could not release the lease: the next leader waits until it expires',
      );
    }
  }

  /** Fires while a renewal hangs, too: the term ends by our clock, not by the server's answer. */
  #setDeadline(): void {
    this.#cancelDeadline();
    const leftMs = this.#renewedAtMs + this.#times.renewDeadlineMs - this.#timers.monotonicMs();
    this.#cancelDeadline = this.#timers.after(leftMs, () => this.#lose('the lease could not be renewed in time'));
  }

  #lose(why: string): void {
    if (this.#phase !== 'leader') return;
    this.#phase = 'lost';
    this.#cancelDeadline();
    this.#stopped.abort(new Error('leadership lost'));
    this.#options.log.error({ lease: this.#options.name, why }, 'lost leadership');
    this.#options.onLost(why);
  }

  #callOptions(): { signal: AbortSignal; timeoutMs: number; urgent: boolean; retry: typeof NO_RETRY } {
    // Half the deadline, so that one lost answer leaves time for a second try.
    const timeoutMs = this.#times.renewDeadlineMs / 2;
    return { signal: this.#stopped.signal, timeoutMs, urgent: true, retry: NO_RETRY };
  }
}
