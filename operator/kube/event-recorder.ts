import { createHash, randomUUID } from 'node:crypto';
import { errorText, type Log } from '../../core/process/log.ts';
import { systemTimers, type Timers } from '../../core/process/timers.ts';
import type { KubeClient } from './client.ts';
import { EventSeries, type Series } from './event-series.ts';
import { isKubeError } from './kube-error.ts';
import { microTime } from './timestamp.ts';

/** The object that an Event is about. */
export interface Regarding {
  apiVersion: string;
  kind: string;
  name: string;
  /** Left out for cluster-scoped objects, whose Events go to `default`. */
  namespace?: string;
  uid: string;
}

export interface Occurrence {
  regarding: Regarding;
  type: 'Normal' | 'Warning';
  /** One CamelCase word: why. */
  reason: string;
  /** One CamelCase word: what the controller did or tried. */
  action: string;
  /** For a person; cut at 1024 bytes. Never a token. */
  note: string;
}

interface EventRecorderOptions {
  client: Pick<KubeClient, 'create' | 'patch'>;
  log: Pick<Log, 'warn'>;
  /** Domain-qualified name of the controller, e.g. `relax.dev/operator`. */
  reportingController: string;
  /** Of this process, e.g. the pod's name. */
  reportingInstance: string;
  /** Occurrences that may wait for the server; more are dropped. */
  maxPending?: number;
  timers?: Timers;
}

const EVENTS = { group: 'events.k8s.io', version: 'v1', plural: 'events' };
const MAX_NOTE_BYTES = 1024;
/** As many as EventSeries remembers; a forgotten one means a second Event for the same, no harm. */
const REMEMBERED_NAMES = 4096;

/**
 * Writes events.k8s.io/v1 Events in the background, one at a time. Events are a courtesy to people: recording never
 * throws, never blocks and never retries for long. What the server refuses is logged; what comes too fast is dropped.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #timers: Timers;
  readonly #series = new EventSeries();
  /** Names of the Events that the server has, by series. */
  readonly #names = new Map<string, string>();
  readonly #pending = new Map<string, { occurrence: Occurrence; series: Series }>();
  readonly #aborted = new AbortController();
  #sending: Promise<void> | undefined;
  #stopped = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
  }

  record(occurrence: Occurrence): void {
    const { regarding, type, reason, action } = occurrence;
    if (this.#stopped) return;
    const seriesKey = JSON.stringify([regarding.uid, regarding.kind, regarding.name, type, reason, action]);
    const admission = this.#series.admit(regarding.uid, seriesKey, this.#timers.monotonicMs());
    if (admission.action === 'limited') return;
    if (admission.action === 'create') this.#names.delete(seriesKey);
    if (!this.#pending.has(seriesKey) && this.#pending.size >= (this.#options.maxPending ?? 1000)) {
      this.#series.forget(seriesKey);
      return;
    }
    // Occurrences of a series that still wait become one write with the last count.
    this.#pending.set(seriesKey, { occurrence, series: admission.series });
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Takes nothing more; resolves when what waits is written, or given up after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    const cancel = this.#timers.after(graceMs, () => this.#aborted.abort(new Error('the event recorder stopped')));
    await this.#sending;
    cancel();
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#takePending(); next !== undefined; next = this.#takePending()) {
      if (!this.#aborted.signal.aborted) await this.#send(next.occurrence, next.series);
    }
  }

  #takePending(): { occurrence: Occurrence; series: Series } | undefined {
    for (const [key, value] of this.#pending) {
      this.#pending.delete(key);
      return value;
    }
    return undefined;
  }

  async #send(occurrence: Occurrence, series: Series): Promise<void> {
    try {
      const name = this.#names.get(series.key);
      if (name === undefined || !(await this.#raiseCount(occurrence, series, name)))
        await this.#create(occurrence, series);
    } catch (error) {
      this.#series.forget(series.key);
      this.#names.delete(series.key);
      const { reason, regarding } = occurrence;
      this.#options.log.warn({ reason, object: regarding.name, err: errorText(error) }, 'could not write an Event');
    }
  }

  /** @returns false if the Event is gone: the server deletes them after an hour */
  async #raiseCount(occurrence: Occurrence, series: Series, name: string): Promise<boolean> {
    const path = { ...EVENTS, namespace: namespaceOf(occurrence.regarding), name };
    const body = { series: { count: series.count, lastObservedTime: microTime(this.#timers.wallMs()) } };
    try {
      await this.#options.client.patch(path, { type: 'merge', body }, { signal: this.#aborted.signal });
      return true;
    } catch (error) {
      if (isKubeError(error, 'notFound')) return false;
      throw error;
    }
  }

  async #create(occurrence: Occurrence, series: Series): Promise<void> {
    const { regarding, type, reason, action, note } = occurrence;
    const { client, reportingController, reportingInstance } = this.#options;
    const namespace = namespaceOf(regarding);
    const now = microTime(this.#timers.wallMs());
    const name = eventName(regarding.name, series.key);
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name, namespace },
      eventTime: now,
      reportingController,
      reportingInstance: reportingInstance.slice(0, 128),
      type,
      reason,
      action,
      note: cutBytes(note, MAX_NOTE_BYTES),
      regarding,
      // The API takes a series from the second occurrence on.
      ...(series.count > 1 ? { series: { count: series.count, lastObservedTime: now } } : {}),
    };
    await client.create({ ...EVENTS, namespace }, body, { signal: this.#aborted.signal });
    this.#names.set(series.key, name);
    if (this.#names.size > REMEMBERED_NAMES) {
      const oldest = this.#names.keys().next();
      if (!oldest.done) this.#names.delete(oldest.value);
    }
  }
}

function namespaceOf(regarding: Regarding): string {
  return regarding.namespace ?? 'default';
}

/** A new name each time; object names have at most 253 characters, so the object's part is cut. */
function eventName(objectName: string, seriesKey: string): string {
  const digest = createHash('sha256').update(seriesKey).update(randomUUID()).digest('hex').slice(0, 16);
  return `${objectName.slice(0, 230).replace(/[^a-z0-9]+$/, '')}.${digest}`;
}

/** Cut at a character's border. */
function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  return new TextDecoder().decode(bytes.subarray(0, maxBytes - 4), { stream: true });
}
