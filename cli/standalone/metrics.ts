import { Counter, Gauge, type Registry } from 'prom-client';
import { plannerMetrics } from '../../operator/fleet/planner-metrics.ts';
import type { PlannerObserver } from '../../operator/fleet/planner-options.ts';

export interface StandaloneMetrics {
  planner: PlannerObserver;
  /** A connector process ended by itself and is started again. */
  restarted(): void;
}

/** Those of the planner, as in the operator; each connector has its own on a port of its own (its log tells which). */
export function standaloneMetrics(
  registry: Registry,
  sources: { bots(): { ready: number; total: number }; problems(): number },
): StandaloneMetrics {
  const registers = [registry];
  new Gauge({
    ...{ name: 'relax_bots', help: 'SlackBots by state.', labelNames: ['state'], registers },
    collect() {
      const { ready, total } = sources.bots();
      this.set({ state: 'ready' }, ready);
      this.set({ state: 'not_ready' }, total - ready);
    },
  });
  new Gauge({
    ...{ name: 'relax_bots_directory_problems', help: 'What is wrong in the files of the bots directory.', registers },
    collect() {
      this.set(sources.problems());
    },
  });
  const restarts = new Counter({
    ...{ name: 'relax_connector_restarts_total', help: 'Connector processes that ended by themselves.', registers },
  });
  return { planner: plannerMetrics(registry), restarted: () => restarts.inc() };
}
