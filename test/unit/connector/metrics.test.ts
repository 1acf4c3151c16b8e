import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ConnectorMetrics, connectorMetrics } from '#connector/metrics.ts';
import type { SlotReport } from '#core/protocol/report.ts';

let registry: Registry;
let metrics: ConnectorMetrics;
let states: SlotReport['state'][];

beforeEach(() => {
  registry = new Registry();
  states = [];
  metrics = connectorMetrics(registry, {
    backlog: () => ({ events: 3, urgent: 2, bytes: 1_500, ageMs: 2_500 }),
    socketStates: () => states,
    assignmentVersion: () => 7,
    outbound: () => ({ outboxes: 2, oldestMs: 1_500 }),
    repliesWaiting: () => 2,
  });
});

const lines = async (): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => !line.startsWith('#'));

describe("a connector's metrics", () => {
  it('have every label from the start, so that a rate over a first event is not lost', async () => {
    const all = await lines();
    for (const line of [
      'relax_events_total{outcome="queued",reason=""} 0',
      'relax_events_total{outcome="filtered",reason="own"} 0',
      'relax_events_total{outcome="failed",reason="buffer_full"} 0',
      'relax_sockets{state="live"} 0',
      'relax_connects_total{answer="rateLimited"} 0',
      'relax_socket_transitions_total{state="failed"} 0',
      'relax_session_renewals_total{result="failed"} 0',
      'relax_replies_total{outcome="answered"} 0',
      'relax_replies_total{outcome="late"} 0',
    ]) {
      expect(all).toContain(line);
    }
  });

  it('count outcomes, and report sockets and backlog as they are when scraped', async () => {
    metrics.settled({ kind: 'queued' }, 4);
    metrics.settled({ kind: 'failed', reason: 'stale' }, 90_000);
    metrics.batch(50, 3, undefined);
    metrics.reply.ended('answered', 40);
    metrics.reply.passed(0.2);
    metrics.reply.wasted('refused');
    states = ['live', 'live', 'waiting'];
    const all = await lines();
    for (const line of [
      'relax_events_total{outcome="queued",reason=""} 1',
      'relax_events_total{outcome="failed",reason="stale"} 1',
      'relax_event_wait_seconds_bucket{le="0.005"} 1',
      'relax_event_wait_seconds_count 2',
      'relax_enqueue_batch_seconds_count{result="ok"} 1',
      'relax_sockets{state="live"} 2',
      'relax_sockets{state="waiting"} 1',
      'relax_sockets{state="connecting"} 0',
      'relax_buffer_events 3',
      'relax_buffer_urgent_events 2',
      'relax_buffer_age_seconds 2.5',
      'relax_replies_total{outcome="answered"} 1',
      'relax_replies_total{outcome="refused"} 1',
      'relax_reply_wait_seconds_bucket{le="0.05"} 1',
      'relax_reply_passing_seconds_bucket{le="0.00025"} 1',
      'relax_replies_waiting 2',
      'relax_assignment_version 7',
    ]) {
      expect(all).toContain(line);
    }
  });
});
