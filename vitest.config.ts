import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

/**
 * Suites by what they need. `unit` needs nothing, `integration` a Redis server from PATH, `kube` an API server, `e2e`
 * both and the whole program, `cluster` nodes that run containers (`make cluster`, which is no part of `make test`).
 */
const suite = (name: string, options: { timeoutMs: number; parallel: boolean; globalSetup?: string }) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    setupFiles: ['test/support/leak-check.ts'],
    testTimeout: options.timeoutMs,
    hookTimeout: options.timeoutMs,
    fileParallelism: options.parallel,
    environment: 'node' as const,
    ...(options.globalSetup === undefined ? {} : { globalSetup: [options.globalSetup] }),
  },
});

const API_SERVER = 'test/support/kube/global-setup.ts';

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      suite('unit', { timeoutMs: 20_000, parallel: true }),
      suite('integration', { timeoutMs: 60_000, parallel: true }),
      suite('kube', { timeoutMs: 120_000, parallel: true, globalSetup: API_SERVER }),
      suite('e2e', { timeoutMs: 300_000, parallel: true }),
      suite('cluster', { timeoutMs: 240_000, parallel: false }),
    ],
  },
});
