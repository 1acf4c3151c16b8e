import { type ParentReport, parentReportSchema } from '../../../connector/parent-report.ts';

/** The rate is an average of the last seconds: a single second jumps, and a minute reacts too late. */
const RATE_MS = 5_000;

/** Items on the queue, and on the list of urgent events if there is one. */
export interface QueueLengths {
  queue: number;
  urgent: number | undefined;
}

/** What standalone mode shows about events. */
export interface EventSummary {
  /** Items on the queue; undefined while Redis does not answer. */
  queueLength: number | undefined;
  /** Items on the list of urgent events; undefined also without such a list. */
  urgentLength: number | undefined;
  /** Events queued by all connectors since the start of this program. */
  queued: number;
  perSecond: number;
  /** Since the last of them; undefined: none so far. */
  lastEventAgoMs: number | undefined;
  /** In the connectors, waiting for Redis. */
  pending: number;
  /** Lost since the start. */
  failed: number;
}

type Counts = ParentReport['events'];
const NONE: Counts = { queued: 0, failed: 0, pending: 0 };

/** Adds up what connectors report about their events, across restarts. Plain state; times are passed in. */
export class EventTotals {
  /** Pod -> what its current process has reported. */
  readonly #now = new Map<string, Counts>();
  /** Of processes that have ended. */
  #before: Counts = NONE;
  #lengths: QueueLengths | undefined;
  #lastEventMs: number | undefined;
  #samples: { atMs: number; queued: number }[] = [];

  /** Takes a message of a child; one of another kind is not for us. */
  heard(pod: string, message: unknown, nowMs: number): void {
    const report = parentReportSchema.safeParse(message);
    if (!report.success) return;
    const { events } = report.data;
    if (events.queued > (this.#now.get(pod)?.queued ?? 0)) this.#lastEventMs = nowMs;
    this.#now.set(pod, events);
  }

  /** The process has ended on its own: what waited in it is lost, and its successor counts from 0. */
  ended(pod: string): void {
    const counts = this.#now.get(pod) ?? NONE;
    this.#now.delete(pod);
    this.#before = { ...add(this.#before, counts), pending: 0 };
  }

  /** @param lengths undefined: Redis did not say */
  setQueueLengths(lengths: QueueLengths | undefined): void {
    this.#lengths = lengths;
  }

  get lengths(): QueueLengths | undefined {
    return this.#lengths;
  }

  /** To be called each second or so, for the rate. */
  read(nowMs: number): EventSummary {
    const { queued, failed, pending } = [...this.#now.values()].reduce(add, this.#before);
    this.#samples = [...this.#samples.filter(({ atMs }) => atMs >= nowMs - RATE_MS), { atMs: nowMs, queued }];
    const [first = { atMs: nowMs, queued }] = this.#samples;
    const overMs = nowMs - first.atMs;
    return {
      queueLength: this.#lengths?.queue,
      urgentLength: this.#lengths?.urgent,
      queued,
      perSecond: overMs === 0 ? 0 : ((queued - first.queued) * 1000) / overMs,
      lastEventAgoMs: this.#lastEventMs === undefined ? undefined : nowMs - this.#lastEventMs,
      pending,
      failed,
    };
  }
}

const add = (a: Counts, b: Counts): Counts => ({
  queued: a.queued + b.queued,
  failed: a.failed + b.failed,
  pending: a.pending + b.pending,
});
