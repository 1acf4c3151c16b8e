import { Counter, Gauge, type Registry } from 'prom-client';
import {
  type HttpChecks,
  type HttpServer,
  type HttpSettings,
  startHttpServer,
} from '../../core/process/http-server.ts';
import { errorText, type Log } from '../../core/process/log.ts';
import { plannerMetrics } from '../../operator/fleet/planner-metrics.ts';
import type { PlannerObserver } from '../../operator/fleet/planner-options.ts';
import { type RotationObserver, rotationMetrics } from '../../operator/rotation/rotation-metrics.ts';
import type { QueueLengths } from './connectors/event-totals.ts';

export interface StandaloneMetrics {
  planner: PlannerObserver;
  rotation: RotationObserver;
  /** A connector process ended by itself and is started again. */
  restarted(): void;
}

/**
 * The port of metrics and readiness. Nobody probes us here, so one that can't be had is no reason not to run: any free port
 * takes its place, or none.
 */
export async function startMetricsServer(
  http: HttpSettings,
  checks: HttpChecks,
  log: Log,
): Promise<HttpServer | undefined> {
  try {
    return await startHttpServer(http, checks);
  } catch (error) {
    const problem = errorText(error);
    try {
      const server = await startHttpServer({ ...http, port: 0 }, checks);
      log.warn({ problem, port: server.port }, 'metrics port unavailable, using another one');
      return server;
    } catch {
      log.warn({ problem }, 'metrics port unavailable, and no other either: no metrics are served');
      return undefined;
    }
  }
}

/** Those of the planner, as in the operator; each connector has its own on a port of its own (its log tells which). */
export function standaloneMetrics(
  registry: Registry,
  sources: {
    totals(): Record<'apps' | 'bots', { ready: number; total: number }>;
    problems(): number;
    /** Undefined while Redis does not answer. */
    queue(): QueueLengths | undefined;
  },
): StandaloneMetrics {
  const registers = [registry];
  for (const [kind, name] of [
    ['bots', 'SlackBots'],
    ['apps', 'SlackApps'],
  ] as const) {
    new Gauge({
      name: `relax_${kind}`,
      help: `${name} by state.`,
      labelNames: ['state'],
      registers,
      collect() {
        const { ready, total } = sources.totals()[kind];
        this.set({ state: 'ready' }, ready);
        this.set({ state: 'not_ready' }, total - ready);
      },
    });
  }
  new Gauge({
    name: 'relax_queue_items',
    help: 'Items that wait for the application, by list.',
    labelNames: ['list'],
    registers,
    collect() {
      this.reset();
      const { queue, urgent } = sources.queue() ?? {};
      if (queue !== undefined) this.set({ list: 'queue' }, queue);
      if (urgent !== undefined) this.set({ list: 'urgent' }, urgent);
    },
  });
  new Gauge({
    name: 'relax_bots_directory_problems',
    help: 'Problems in the files of the bots directory.',
    registers,
    collect() {
      this.set(sources.problems());
    },
  });
  const restarts = new Counter({
    name: 'relax_connector_restarts_total',
    help: 'Connector processes that exited unexpectedly.',
    registers,
  });
  return { planner: plannerMetrics(registry), rotation: rotationMetrics(registry), restarted: () => restarts.inc() };
}
