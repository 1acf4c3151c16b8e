import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { errorText } from '../../../core/process/log.ts';
import { newFleetKey } from '../../../core/protocol/seal.ts';
import { type ObjectRegistry, registryEntrySchema } from './object-registry.ts';

const registryFileSchema = z.object({ bots: z.array(registryEntrySchema) });

/**
 * What standalone mode remembers between runs: its fleet key, without which tokens in Redis can't be opened, and the registry
 * of its objects. In $XDG_STATE_HOME/relax (~/.local/state/relax), a folder for each cluster name, for its user's eyes only.
 */
export class StateFolder {
  readonly path: string;

  /** @throws Error naming the folder and the remedy */
  constructor(cluster: string, env: NodeJS.ProcessEnv = process.env) {
    const root = env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local/state');
    this.path = join(root, 'relax', cluster.replaceAll(/[^A-Za-z0-9._-]/g, '_'));
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new Error(
        `no state folder ${this.path} (${errorText(cause)}): set XDG_STATE_HOME to one that can be made`,
        {
          cause,
        },
      );
    }
  }

  /**
   * Takes the folder for this process: a second one under the same cluster name would run connectors of the same names.
   * @throws Error naming the process that has it, and the remedy
   */
  lock(): void {
    const path = join(this.path, 'standalone.pid');
    try {
      writeFileSync(path, String(process.pid), { mode: 0o600, flag: 'wx' });
    } catch (error) {
      if (!existsSync(path)) throw error;
      const pid = Number(readFileSync(path, 'utf8'));
      if (isStandalone(pid)) {
        throw new Error(
          `relax standalone runs already under this cluster name, as process ${pid}: stop that one, or give this one a ` +
            'name of its own with RELAX_CLUSTER',
        );
      }
      rmSync(path, { force: true });
      this.lock();
    }
  }

  unlock(): void {
    rmSync(join(this.path, 'standalone.pid'), { force: true });
  }

  /** Path of a key file of our own, made at the first start. */
  fleetKeyFile(): string {
    const path = join(this.path, 'fleet.keys');
    if (existsSync(path)) return path;
    try {
      writeFileSync(path, `${newFleetKey()}\n`, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      // Another start was faster.
      if (!existsSync(path)) throw error;
    }
    return path;
  }

  /** Empty when there is none or it can't be read: everything works, generations start again. */
  readRegistry(): ObjectRegistry {
    try {
      const { bots } = registryFileSchema.parse(JSON.parse(readFileSync(join(this.path, 'bots.json'), 'utf8')));
      return new Map(bots.map((entry) => [entry.uid, entry]));
    } catch {
      return new Map();
    }
  }

  writeRegistry(registry: ObjectRegistry): void {
    const path = join(this.path, 'bots.json');
    writeFileSync(`${path}.new`, JSON.stringify({ bots: [...registry.values()] }), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

/** Numbers are used again, so a process that lives may be somebody else's; where its command line can be read, that tells. */
function isStandalone(pid: number): boolean {
  if (!(pid > 0) || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('standalone');
  } catch {
    return true;
  }
}
