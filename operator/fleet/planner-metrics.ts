import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { PlannerObserver } from './planner-options.ts';

const TIME_BUCKETS_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Metrics of every program that plans: `relax operator` and `relax standalone`. */
export function plannerMetrics(registry: Registry): PlannerObserver {
  const registers = [registry];
  const rounds = new Counter({
    name: 'relax_planner_rounds_total',
    help: 'Rounds of the planner by result; idle: nothing had changed; error: the round failed.',
    labelNames: ['result'],
    registers,
  });
  for (const result of ['ok', 'idle', 'error']) rounds.inc({ result }, 0);
  const seconds = new Histogram({
    name: 'relax_planner_round_seconds',
    help: 'Time of one round.',
    buckets: TIME_BUCKETS_S,
    registers,
  });
  const slots = new Counter({ name: 'relax_planner_slots_written_total', help: 'Slots written to pods.', registers });
  const pending = new Gauge({ name: 'relax_pending_slots', help: 'Desired sockets that no pod can take.', registers });
  const leads = new Gauge({
    name: 'relax_planner_leading',
    help: '1 while this process holds the planner lock.',
    registers,
  });
  return {
    round: (round) => {
      rounds.inc({ result: round.failed !== undefined ? 'error' : round.idle ? 'idle' : 'ok' });
      seconds.observe(round.tookMs / 1000);
      slots.inc(round.slotsWritten);
      pending.set(round.pending);
    },
    leading: (leading) => leads.set(leading ? 1 : 0),
  };
}
