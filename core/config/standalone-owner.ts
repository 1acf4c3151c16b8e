import { createHash } from 'node:crypto';
import { thisMachine } from './config-input.ts';
import type { Machine } from './setting-kind.ts';

/** Two directories, or the same path on two machines, never share assignments. */
export function standaloneCluster(host: string, directory: string): string {
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 8);
  return `${host.replaceAll(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'host'}-${digest}`;
}

const MACHINE_ID = '/etc/machine-id';

/**
 * Who owns the scope of a standalone installation. Host names repeat ("ubuntu", "localhost"), so the machine's own id is
 * part of it where there is one.
 */
export function standaloneOwner(directory: string, machine: Machine = thisMachine()): string {
  const owner = `standalone:${standaloneCluster(machine.hostname, directory)}`;
  try {
    const id = machine.readFile(MACHINE_ID).trim();
    return id === '' ? owner : `${owner}/${createHash('sha256').update(id).digest('hex').slice(0, 8)}`;
  } catch {
    return owner;
  }
}
