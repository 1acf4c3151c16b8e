import { readFileSync } from 'node:fs';
import { errorText, type Log } from '../process/log.ts';
import { type FleetKey, parseFleetKeys, SealError } from './seal.ts';

/** The keys that open sealed tokens, read from the key file. If the file becomes unreadable, the last good keys stay. */
export class FleetKeyring {
  readonly #path: string;
  readonly #log: Log;
  #keys: readonly FleetKey[];
  #error: string | undefined;

  /** @throws SealError naming the file and the remedy when it can't be read at the start */
  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    this.#keys = read(path);
  }

  get keys(): readonly FleetKey[] {
    return this.#keys;
  }

  get ids(): string[] {
    return this.#keys.map(({ id }) => id);
  }

  /** Reads the file again: a mounted Secret changes under a running process. */
  reload(): void {
    try {
      const before = this.ids.join();
      this.#keys = read(this.#path);
      this.#error = undefined;
      if (this.ids.join() !== before) this.#log.info({ keys: this.ids }, 'fleet keys changed');
    } catch (error) {
      const text = errorText(error);
      if (text !== this.#error) this.#log.warn({ error: text }, 'could not reload fleet keys, keeping the last ones');
      this.#error = text;
    }
  }
}

function read(path: string): FleetKey[] {
  try {
    return parseFleetKeys(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new SealError(`RELAX_FLEET_KEY_FILE ${path}: ${errorText(cause)}`, { cause });
  }
}
