import type { Log } from '../../core/process/log.ts';
import { systemTimers, type Timers } from '../../core/process/timers.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder, Regarding } from '../kube/event-recorder.ts';
import type { ResourceKind } from '../kube/object.ts';
import type { KindObject, StatusOf } from '../status/status-kind.ts';
import { type KindStatusWriter, StatusWriter } from '../status/status-writer.ts';
import type { Kind } from './kind.ts';

/** The right to write to the API server, while it lasts, for objects of one kind. */
export interface Leadership<O extends KindObject> {
  /** Aborts when the term ends: writes under way give up. */
  readonly signal: AbortSignal;
  readonly status: KindStatusWriter<StatusOf<O>>;
  readonly events: Pick<EventRecorder, 'record'>;
}

/** A term, for those who write during it. */
export type ActiveTerm = Pick<Term, 'signal' | 'leadershipFor'>;

interface TermOptions {
  client: Pick<KubeClient, 'patchStatus'>;
  recorder: Pick<EventRecorder, 'record' | 'stop'>;
  statusWritesPerSecond: number;
  log: Log;
  timers?: Timers;
}

/** A term of the leader, which holds the Lease: what only it writes. A process may have several, one after another. */
export class Term {
  readonly status: StatusWriter;
  readonly #recorder: TermOptions['recorder'];
  readonly #ended = new AbortController();

  constructor(options: TermOptions) {
    const { client, recorder, log, timers = systemTimers, statusWritesPerSecond: perSecond } = options;
    this.#recorder = recorder;
    this.status = new StatusWriter({
      client,
      log,
      timers,
      perSecond,
      onWritten: ({ kind, object, before, after }) => {
        const regarding = regardingOf(kind.resource, object);
        for (const event of kind.eventsOf(before, after)) recorder.record({ regarding, ...event });
      },
    });
  }

  /** Aborts when the term ends. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  leadershipFor<O extends KindObject>(kind: Kind<O>): Leadership<O> {
    return { signal: this.signal, status: this.status.forKind(kind), events: this.#recorder };
  }

  /**
   * Finishes the status writes, and the Events about them.
   * @param graceMs 0 when the Lease is lost: writes under way are told to give up at once
   */
  async stop(graceMs: number): Promise<void> {
    if (graceMs <= 0) this.#ended.abort(new Error('the term as leader ended'));
    await Promise.all([this.status.stop(graceMs), this.#recorder.stop(graceMs / 2)]);
    this.#ended.abort(new Error('the term as leader ended'));
  }
}

/** What an Event is about. */
export function regardingOf({ group, version, kind }: ResourceKind, { metadata }: KindObject): Regarding {
  const { name, namespace, uid } = metadata;
  return { apiVersion: `${group}/${version}`, kind, name, namespace, uid };
}
