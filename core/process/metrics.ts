import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { RUNTIME, runtimeHas } from './runtime.ts';
import { version } from './version.ts';

/** Of prom-client's own metrics, those that only V8 and Node measure; its version is not the runtime's on Bun. */
const OF_NODE = [
  'nodejs_gc_duration_seconds',
  'nodejs_heap_space_size_total_bytes',
  'nodejs_heap_space_size_used_bytes',
  'nodejs_heap_space_size_available_bytes',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_version_info',
];

/**
 * How often the delay of the event loop is sampled. Each sample wakes an idle process, so there are few; but where a sample
 * counts the time since the last one, another interval would change what it means.
 */
const LOOP_SAMPLE_MS = runtimeHas.bareLoopDelay ? 50 : 10;

/** One registry per program, so that standalone mode and tests can hold several. What is not measured is left out, never 0. */
export function createRegistry(program: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_SAMPLE_MS });
  if (!runtimeHas.v8Metrics) for (const name of OF_NODE) registry.removeSingleMetric(name);
  new Gauge({
    name: 'relax_build_info',
    help: 'Always 1; the labels carry version and runtime.',
    labelNames: ['program', 'version', 'runtime'],
    registers: [registry],
  }).set({ program, version: version(), runtime: `${RUNTIME.name} ${RUNTIME.version}` }, 1);
  return registry;
}
