import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { RUNTIME } from './runtime.ts';
import { version } from './version.ts';

/** One registry per program, so that standalone mode and tests can hold several. */
export function createRegistry(program: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'relax_build_info',
    help: 'Always 1; the labels carry version and runtime.',
    labelNames: ['program', 'version', 'runtime'],
    registers: [registry],
  }).set({ program, version: version(), runtime: `${RUNTIME.name} ${RUNTIME.version}` }, 1);
  return registry;
}
