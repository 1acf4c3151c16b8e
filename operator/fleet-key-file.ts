import { readFileSync, statSync } from 'node:fs';
import { errorText, type Log } from '../core/log.ts';
import { type FleetKey, parseFleetKeys, SealError } from '../core/seal.ts';

/**
 * The keys that the file has now: a mounted Secret changes under a running process. A file that became unreadable leaves
 * the last good keys.
 * @returns what is to be asked for them each time
 * @throws SealError naming the file and the remedy when it can't be read at the start
 */
export function watchFleetKeys(path: string, log: Log): () => readonly FleetKey[] {
  let seen = stamp(path);
  let keys = read(path);
  return () => {
    const now = stamp(path);
    if (now === seen) return keys;
    seen = now;
    try {
      keys = read(path);
      log.info({ keys: keys.map(({ id }) => id) }, 'fleet keys read again');
    } catch (error) {
      log.warn({ error: errorText(error) }, 'fleet keys not read again, the last ones stay');
    }
    return keys;
  };
}

/** Changes whenever the file does; 'gone' while it can't be looked at. */
function stamp(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return 'gone';
  }
}

function read(path: string): FleetKey[] {
  try {
    return parseFleetKeys(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new SealError(`RELAX_FLEET_KEY_FILE ${path}: ${errorText(cause)}`, { cause });
  }
}
