import { Counter, type Registry } from 'prom-client';

const REFRESHES = ['refreshed', 'found', 'refused', 'failed'] as const;
const WRITES = ['written', 'changed', 'failed'] as const;

export interface RotationObserver {
  /** `found`: another process had refreshed it. */
  refreshed(result: (typeof REFRESHES)[number]): void;
  /** Of a Secret. `changed`: somebody else had written it. */
  wrote(result: (typeof WRITES)[number]): void;
}

export function rotationMetrics(registry: Registry): RotationObserver {
  const registers = [registry];
  const refreshes = new Counter({
    name: 'relax_token_refreshes_total',
    help: 'Refreshes of rotating tokens by result; found: another process had done it.',
    labelNames: ['result'],
    registers,
  });
  const writes = new Counter({
    name: 'relax_secret_writes_total',
    help: 'Refreshed tokens written back into Secrets, by result; changed: somebody else had written the Secret.',
    labelNames: ['result'],
    registers,
  });
  for (const result of REFRESHES) refreshes.inc({ result }, 0);
  for (const result of WRITES) writes.inc({ result }, 0);
  return { refreshed: (result) => refreshes.inc({ result }), wrote: (result) => writes.inc({ result }) };
}
