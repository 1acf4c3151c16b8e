/** The metrics of a connector; every outcome of an event is counted here (design rule 13). */

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { SlotReport } from '../core/protocol/report.ts';
import type { FilterReason } from './event/filter.ts';
import { HotHistogram } from './hot-histogram.ts';
import type { Backlog, OutboundObserver } from './outbound/outbound.ts';
import type { PostResult } from './outbound/post-verdict.ts';
import type { FailReason, Outcome } from './queue/outcome.ts';
import type { PublisherObserver } from './queue/publisher-observer.ts';
import type { ReplyObserver } from './reply/answer-desk.ts';
import type { PendingEnd } from './reply/pending-reply.ts';
import { RENEWAL_RESULTS, type RenewalResult } from './session/session-keeper.ts';
import type { FrameKind } from './slot/slot-sockets.ts';
import type { OpenAnswer } from './transport/transport.ts';

/** What is read when somebody asks for metrics. */
export interface MetricSources {
  backlog(): { events: number; urgent: number; bytes: number; ageMs: number };
  socketStates(): Iterable<SlotReport['state']>;
  assignmentVersion(): number;
  /** Envelopes that an answer would still reach. */
  repliesWaiting(): number;
  /** Messages to be sent, in the whole fleet, as of the last look. */
  outbound(): Backlog;
}

export interface ConnectorMetrics extends Required<Pick<PublisherObserver, 'settled' | 'batch'>> {
  renewal(result: RenewalResult): void;
  connect(answer: OpenAnswer['kind']): void;
  frame(kind: FrameKind): void;
  transition(to: SlotReport['state']): void;
  /** A live socket is kept from events. */
  withheld(): void;
  reply: ReplyObserver;
  outbound: OutboundObserver;
}

/** As records, so that the compiler reports a reason that is missing here. */
const FILTERED: Readonly<Record<FilterReason, true>> = {
  transport: true,
  own: true,
  excluded: true,
  not_included: true,
  lossy: true,
  suspended: true,
  unknown_team: true,
};
const FAILED: Readonly<Record<FailReason, true>> = {
  malformed: true,
  too_large: true,
  unencodable: true,
  buffer_full: true,
  stale: true,
  shutdown: true,
  refused: true,
};
const STATES: Readonly<Record<SlotReport['state'], true>> = {
  waiting: true,
  connecting: true,
  live: true,
  paused: true,
  failed: true,
};
/** How it ended for an envelope that takes an answer, and why an answer went nowhere. */
type ReplyOutcome = PendingEnd | Parameters<ReplyObserver['wasted']>[0];
const keysOf = <K extends string>(record: Readonly<Record<K, true>>): K[] => Object.keys(record) as K[];

/** A mismatch is our verdict: Slack said ok. */
const ANSWERS: Readonly<Record<OpenAnswer['kind'], string>> = {
  ok: 'ok',
  mismatch: 'ok',
  rateLimited: 'rateLimited',
  terminal: 'terminal',
  retry: 'retry',
};
const FRAMES: Readonly<Record<FrameKind, true>> = {
  event: true,
  transport: true,
  malformed: true,
  binary: true,
  tooLarge: true,
};

const REPLIES: Readonly<Record<ReplyOutcome, true>> = {
  answered: true,
  timeout: true,
  not_queued: true,
  unacknowledged: true,
  late: true,
  refused: true,
  unknown: true,
  malformed: true,
};

/** How it ended for a command. */
type CommandOutcome = Parameters<OutboundObserver['ended']>[0] | Parameters<OutboundObserver['dropped']>[0];
const COMMANDS: Readonly<Record<CommandOutcome, true>> = { sent: true, failed: true, refused: true, duplicate: true };
const POSTS: Readonly<Record<PostResult, true>> = { ok: true, rateLimited: true, refused: true, retry: true };

/** From a quick batch to a Redis that was away for as long as the buffer lasts. */
const WAIT_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 120];
/** Slack waits for 3 s at most. */
const ANSWER_BUCKETS_S = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 2.5, 3];
/** Our own share should be far below the last. */
const PASSING_BUCKETS_S = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5];
/** From a channel that was idle to an outage for as long as a message is kept. */
const COMMAND_BUCKETS_S = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 3_600];
const BATCH_BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 4];

const reasonOf = (outcome: Outcome): string => ('reason' in outcome ? outcome.reason : '');
const labelsOf = (outcome: Outcome): { outcome: Outcome['kind']; reason: string } => ({
  outcome: outcome.kind,
  reason: reasonOf(outcome),
});

/** No two outcomes have the same: a reason belongs to one kind, and none is named as a kind is. */
const wordOf = (outcome: Outcome): string => ('reason' in outcome ? outcome.reason : outcome.kind);

function raise(count: { count: number } | undefined): void {
  if (count !== undefined) count.count += 1;
}

/** Counters by pod, never by team: a fleet has a hundred thousand of those. Every label that is known exists from 0 on. */
export function connectorMetrics(registry: Registry, sources: MetricSources): ConnectorMetrics {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers });
  /** Counted in plain numbers, since prom-client's own `inc` takes longer than the rest of an event's bookkeeping. */
  const hotCounter = <L extends string>(name: string, help: string, all: readonly Readonly<Record<L, string>>[]) => {
    const counts = all.map((labels) => ({ labels, count: 0 }));
    const [first] = all;
    new Counter({
      name,
      help,
      registers,
      labelNames: Object.keys(first ?? {}) as L[],
      collect() {
        this.reset();
        for (const { labels, count } of counts) this.inc(labels, count);
      },
    });
    return counts;
  };
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });

  const outcomes: Outcome[] = [
    ...(['queued', 'duplicate', 'fenced'] as const).map((kind) => ({ kind })),
    ...keysOf(FILTERED).map((reason) => ({ kind: 'filtered' as const, reason })),
    ...keysOf(FAILED).map((reason) => ({ kind: 'failed' as const, reason })),
  ];
  const events = hotCounter('relax_events_total', 'Events read from Slack, by outcome.', outcomes.map(labelsOf));
  const eventsOf = new Map(outcomes.map((outcome, at) => [wordOf(outcome), events[at]]));

  const waits = new HotHistogram({
    name: 'relax_event_wait_seconds',
    help: 'From reading an event to its final outcome.',
    buckets: WAIT_BUCKETS_S,
    registry,
  });
  const batches = new Histogram({
    name: 'relax_enqueue_batch_seconds',
    help: 'Round trip of one batch to Redis.',
    labelNames: ['result'],
    buckets: BATCH_BUCKETS_S,
    registers,
  });
  for (const result of ['ok', 'error']) batches.zero({ result });

  const connects = counter('relax_connects_total', 'Requests to Slack for a socket, by the kind of its answer.', [
    'answer',
  ]);
  for (const answer of Object.values(ANSWERS)) connects.inc({ answer }, 0);
  const frames = hotCounter(
    'relax_frames_total',
    'Websocket frames read, by kind.',
    keysOf(FRAMES).map((kind) => ({ kind })),
  );
  const framesOf = new Map(frames.map((count) => [count.labels.kind, count]));
  const transitions = counter('relax_socket_transitions_total', 'State transitions of sockets, by the new state.', [
    'state',
  ]);
  for (const state of keysOf(STATES)) transitions.inc({ state }, 0);
  const deaf = counter(
    'relax_deaf_sockets_total',
    'Live sockets found to bring no events, although another of their team did.',
    [],
  );
  const replies = counter(
    'relax_replies_total',
    'Envelopes that take an answer, by how they were acknowledged; and answers that went nowhere.',
    ['outcome'],
  );
  for (const outcome of keysOf(REPLIES)) replies.inc({ outcome }, 0);
  const replyWaits = new Histogram({
    name: 'relax_reply_wait_seconds',
    help: 'From reading an envelope that takes an answer to its end.',
    buckets: ANSWER_BUCKETS_S,
    registers,
  });
  const replyPassing = new Histogram({
    name: 'relax_reply_passing_seconds',
    help: 'From reading an answer from Redis to writing the acknowledgement.',
    buckets: PASSING_BUCKETS_S,
    registers,
  });
  gauge('relax_replies_waiting', 'Envelopes that wait for an answer.', sources.repliesWaiting);
  const commands = counter('relax_commands_total', 'Messages that applications asked to be sent, by how each ended.', [
    'outcome',
  ]);
  for (const outcome of keysOf(COMMANDS)) commands.inc({ outcome }, 0);
  const posts = counter('relax_command_posts_total', 'Tries to send a message, by the kind of answer.', ['answer']);
  for (const answer of keysOf(POSTS)) posts.inc({ answer }, 0);
  const commandWaits = new Histogram({
    name: 'relax_command_wait_seconds',
    help: 'From accepting a message to its end.',
    labelNames: ['outcome'],
    buckets: COMMAND_BUCKETS_S,
    registers,
  });
  for (const outcome of ['sent', 'failed']) commandWaits.zero({ outcome });
  gauge(
    'relax_command_outboxes',
    'Channels with messages that wait, in the whole fleet.',
    () => sources.outbound().outboxes,
  );
  gauge(
    'relax_command_oldest_seconds',
    'The longest for which one of them has made no progress.',
    () => sources.outbound().oldestMs / 1000,
  );
  const renewals = counter('relax_session_renewals_total', 'Renewals of the session lease.', ['result']);
  for (const result of RENEWAL_RESULTS) renewals.inc({ result }, 0);

  gauge('relax_buffer_events', 'Events waiting for Redis.', () => sources.backlog().events);
  gauge('relax_buffer_urgent_events', 'Urgent events waiting for Redis.', () => sources.backlog().urgent);
  gauge('relax_buffer_bytes', 'Bytes of the events waiting for Redis.', () => sources.backlog().bytes);
  gauge('relax_buffer_age_seconds', 'Age of the oldest event waiting for Redis.', () => sources.backlog().ageMs / 1000);
  gauge('relax_assignment_version', 'Version of the assignments that this pod holds.', sources.assignmentVersion);
  new Gauge({
    name: 'relax_sockets',
    help: 'Slots of this pod by the state of their socket.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const state of keysOf(STATES)) this.set({ state }, 0);
      for (const state of sources.socketStates()) this.inc({ state });
    },
  });

  return {
    settled(outcome, waitedMs) {
      raise(eventsOf.get(wordOf(outcome)));
      waits.observe(waitedMs / 1000);
    },
    batch(_events, tookMs, error) {
      batches.observe({ result: error === undefined ? 'ok' : 'error' }, tookMs / 1000);
    },
    renewal: (result) => renewals.inc({ result }),
    connect: (answer) => connects.inc({ answer: ANSWERS[answer] }),
    frame: (kind) => raise(framesOf.get(kind)),
    transition: (state) => transitions.inc({ state }),
    withheld: () => deaf.inc(),
    reply: {
      ended(outcome, waitedMs) {
        replies.inc({ outcome });
        replyWaits.observe(waitedMs / 1000);
      },
      wasted: (outcome) => replies.inc({ outcome }),
      passed: (tookMs) => replyPassing.observe(tookMs / 1000),
    },
    outbound: {
      ended(outcome, waitedMs) {
        commands.inc({ outcome });
        commandWaits.observe({ outcome }, waitedMs / 1000);
      },
      dropped: (outcome) => commands.inc({ outcome }),
      posted: (answer) => posts.inc({ answer }),
    },
  };
}
