import type { Log } from '../../core/process/log.ts';
import { systemTimers, type Timers } from '../../core/process/timers.ts';
import type { SlackBotObject } from '../kinds/slackbot/slackbot-object.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder, Regarding } from '../kube/event-recorder.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { transitionEvents } from '../status/transition-events.ts';

/** The right to write to the API server, while it lasts. */
export interface Office {
  /** Aborted when it ends: whatever is being written gives up. */
  readonly signal: AbortSignal;
  readonly status: Pick<StatusWriter, 'baseOf' | 'offer' | 'forget'>;
  readonly events: Pick<EventRecorder, 'record'>;
}

export interface TermOptions {
  client: Pick<KubeClient, 'patchStatus'>;
  recorder: Pick<EventRecorder, 'record' | 'stop'>;
  statusWritesPerSecond: number;
  log: Log;
  timers?: Timers;
}

/** One term in office of the holder of the Lease: what only it writes. A process may have several, one after the other. */
export class Term implements Office {
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
      onWritten: ({ bot, before, after }) => {
        const regarding = regardingOf(bot);
        for (const event of transitionEvents(before, after)) recorder.record({ regarding, ...event });
      },
    });
  }

  get events(): Office['events'] {
    return this.#recorder;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Status first, then the Events that tell of it.
   * @param graceMs 0 when the Lease is lost: whatever is being written is told to give up at once
   */
  async stop(graceMs: number): Promise<void> {
    if (graceMs <= 0) this.#ended.abort(new Error('the term in office ended'));
    await Promise.all([this.status.stop(graceMs), this.#recorder.stop(graceMs / 2)]);
    this.#ended.abort(new Error('the term in office ended'));
  }
}

/** Whom an Event is about. */
export function regardingOf({ apiVersion, kind, metadata: { name, namespace, uid } }: SlackBotObject): Regarding {
  return { apiVersion, kind, name, namespace, uid };
}
