import { randomUUID } from 'node:crypto';
import { isEmptyPayload } from './acknowledgement.ts';
import {
  type AckLatency,
  type AppEventRecord,
  type AppEventState,
  type AppEventTotals,
  afterFailure,
  type Delivery,
  latencyOf,
  totalsOf,
} from './delivery.ts';
import { type EnvelopeDraft, envelopeText, isRetried } from './envelope.ts';
import { FailureCount, type FailureShare, isTooMuch } from './failure-share.ts';

/** An envelope on its way: what a socket needs to carry it and to count it. */
export type Carried = { data: Buffer; record: AppEventRecord };

export type DeskOptions = {
  ackTimeoutMs: number;
  /** From the end of each failed attempt to the next; as many retries as there are entries. */
  retryDelaysMs: readonly number[];
  /** Whether a retry comes in the envelope of the first attempt (seen in bolt-js#2487) or in a new one. */
  sameEnvelopeID: boolean;
  /** Whether an acknowledgement counts only over the socket that carried the envelope. */
  ackOnSameSocket: boolean;
  /** Whether an app that fails too much is sent no events any more. */
  disableFailingApps: boolean;
  isSubscribed(appID: string): boolean;
  unsubscribe(appID: string): void;
  /** Gives the envelope to one socket of the app (or to `socketID`). @returns its id, or undefined if there is none */
  carry(appID: string, carried: Carried, socketID: string | undefined): string | undefined;
};

export type Subject = Pick<AppEventRecord, 'id' | 'eventID' | 'appID' | 'teamID' | 'type'>;

export type AckCounts = {
  /** Of an attempt that Slack had given up. */
  late: number;
  /** Of an attempt that was acknowledged before. */
  repeated: number;
  /** Of an envelope that Slack never sent to this app, or (with `ackOnSameSocket`) sent over another socket. */
  unknown: number;
  payloadsIgnored: number;
};

type Event = { draft: EnvelopeDraft; record: AppEventRecord; envelopeID: string; timer: NodeJS.Timeout | undefined };
type Attempt = { event: Event; delivery: Delivery; timer: NodeJS.Timeout | undefined };

/** Delivers envelopes until they are acknowledged or given up, and keeps the books. */
export class DeliveryDesk {
  readonly #options: DeskOptions;
  #records: AppEventRecord[] = [];
  #deliveries: Delivery[] = [];
  /** Every attempt of the books, by app and envelope: an acknowledgement may come late. */
  readonly #attempts = new Map<string, Attempt>();
  /** Those that wait for something. */
  readonly #open = new Set<Event>();
  readonly #failures = new Map<string, FailureCount>();
  /** Acknowledgements in time by how many milliseconds they took. */
  readonly #waits = new Map<number, number>();
  readonly #acks: AckCounts = { late: 0, repeated: 0, unknown: 0, payloadsIgnored: 0 };

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** `socketID`: the socket of the first attempt, if it must be a certain one. */
  send(draft: EnvelopeDraft, subject: Subject, socketID?: string): AppEventRecord {
    const record: AppEventRecord = {
      ...subject,
      envelope: draft.type,
      atMs: Date.now(),
      state: 'open',
      attempts: 0,
      deliveries: 0,
      swallowed: 0,
      ackedAtMs: undefined,
    };
    this.#records.push(record);
    if (isRetried(draft.type) && !this.#options.isSubscribed(subject.appID)) {
      record.state = 'unsubscribed';
      return record;
    }
    const event = { draft, record, envelopeID: draft.envelopeID ?? randomUUID(), timer: undefined };
    this.#open.add(event);
    this.#try(event, 0, socketID);
    return record;
  }

  acknowledge(appID: string, socketID: string, envelopeID: string, payload: unknown): void {
    const attempt = this.#attempts.get(`${appID}/${envelopeID}`);
    if (attempt === undefined || (this.#options.ackOnSameSocket && attempt.delivery.socketID !== socketID)) {
      this.#acks.unknown += 1;
      return;
    }
    const { event, delivery } = attempt;
    if (delivery.ackedAtMs !== undefined) {
      this.#acks.repeated += 1;
      return;
    }
    delivery.ackedAtMs = Date.now();
    delivery.payload = payload;
    delivery.payloadIgnored = !event.draft.acceptsResponsePayload && !isEmptyPayload(payload);
    if (delivery.payloadIgnored) this.#acks.payloadsIgnored += 1;
    if (attempt.timer === undefined) {
      delivery.late = true;
      this.#acks.late += 1;
      return;
    }
    clearTimeout(attempt.timer);
    attempt.timer = undefined;
    this.#count(appID, false);
    const waitMs = delivery.ackedAtMs - delivery.sentAtMs;
    this.#waits.set(waitMs, (this.#waits.get(waitMs) ?? 0) + 1);
    event.record.ackedAtMs = delivery.ackedAtMs;
    this.#end(event, 'acked');
  }

  /** Slack waits for nothing of this app any more. */
  drop(appID: string): void {
    for (const event of this.#open) {
      if (event.record.appID === appID) this.#end(event, isRetried(event.draft.type) ? 'givenUp' : 'dispatchFailed');
    }
    this.#failures.delete(appID);
  }

  records(): readonly AppEventRecord[] {
    return this.#records;
  }

  deliveries(): readonly Delivery[] {
    return this.#deliveries;
  }

  totals(): AppEventTotals {
    return totalsOf(this.#records);
  }

  acks(): AckCounts {
    return { ...this.#acks };
  }

  latency(): AckLatency {
    return latencyOf(this.#waits);
  }

  /** Of the last hour, by app. */
  failureShares(): Record<string, FailureShare> {
    const nowMs = Date.now();
    return Object.fromEntries([...this.#failures].map(([appID, count]) => [appID, count.share(nowMs)]));
  }

  /** Empties the books; what is open stays open, and is in them no more. */
  forget(): void {
    this.#records = [];
    this.#deliveries = [];
    this.#waits.clear();
    for (const [key, { event }] of this.#attempts) if (!this.#open.has(event)) this.#attempts.delete(key);
  }

  stop(): void {
    for (const event of this.#open) clearTimeout(event.timer);
    for (const { timer } of this.#attempts.values()) clearTimeout(timer);
  }

  #try(event: Event, number: number, socketID?: string): void {
    const { draft, record } = event;
    const { appID } = record;
    const envelopeID = number === 0 || this.#options.sameEnvelopeID ? event.envelopeID : randomUUID();
    const text = envelopeText(draft, envelopeID, { attempt: number, reason: number === 0 ? '' : 'timeout' });
    record.attempts += 1;
    const sentAtMs = Date.now();
    const carrier = this.#options.carry(appID, { data: Buffer.from(text), record }, socketID);
    const delivery: Delivery = {
      id: record.id,
      eventID: record.eventID,
      appID,
      envelopeID,
      socketID: carrier,
      attempt: number,
      sentAtMs,
      ackedAtMs: undefined,
      late: false,
      payload: undefined,
      payloadIgnored: false,
    };
    this.#deliveries.push(delivery);
    const attempt: Attempt = { event, delivery, timer: undefined };
    if (carrier === undefined) {
      this.#failed(attempt);
      return;
    }
    attempt.timer = setTimeout(() => this.#failed(attempt), this.#options.ackTimeoutMs);
    this.#attempts.set(`${appID}/${envelopeID}`, attempt);
  }

  #failed(attempt: Attempt): void {
    const { event, delivery } = attempt;
    attempt.timer = undefined;
    this.#count(delivery.appID, true);
    const next = afterFailure(delivery.attempt, isRetried(event.draft.type), this.#options.retryDelaysMs);
    switch (next.kind) {
      case 'end':
        this.#end(event, next.state);
        return;
      case 'retry':
        event.timer = setTimeout(() => this.#try(event, delivery.attempt + 1), next.delayMs);
        return;
      default:
        next satisfies never;
    }
  }

  #end(event: Event, state: AppEventState): void {
    clearTimeout(event.timer);
    event.record.state = state;
    this.#open.delete(event);
  }

  #count(appID: string, failed: boolean): void {
    const nowMs = Date.now();
    const count = this.#failures.get(appID) ?? new FailureCount();
    this.#failures.set(appID, count);
    count.add(failed, nowMs);
    if (failed && this.#options.disableFailingApps && isTooMuch(count.share(nowMs))) this.#options.unsubscribe(appID);
  }
}
