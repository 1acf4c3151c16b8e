import { longestWaitMs } from '../protocol/dedupe-window.ts';
import { commandsListFault, urgentListFault } from '../protocol/keys.ts';
import type { Values } from './config-input.ts';
import { settings } from './settings.ts';

/** Values that are valid individually but not together. Values that were refused, or that the program lacks, are skipped. */
export function contradictions(values: Values): string[] {
  const mistakes: string[] = [];
  const url = values.find(settings.redisUrl);
  const redis = url === undefined ? undefined : new URL(url);
  if (redis?.protocol === 'redis:' && values.find(settings.redisCaFile) !== undefined) {
    mistakes.push('RELAX_REDIS_CA_FILE has no effect without TLS: write rediss:// in RELAX_REDIS_URL, or remove it');
  }
  // The client prefers what the URL says, so a rotated password file would be silently ignored.
  if (redis !== undefined && redis.password !== '' && values.find(settings.redisPasswordFile) !== undefined) {
    mistakes.push('RELAX_REDIS_URL and RELAX_REDIS_PASSWORD_FILE both give a password: take it out of the URL');
  }
  if (redis !== undefined && redis.username !== '' && values.find(settings.redisUsername) !== undefined) {
    mistakes.push('RELAX_REDIS_URL and RELAX_REDIS_USERNAME both give a user name: take it out of the URL');
  }
  const queue = values.find(settings.queue);
  const urgent = values.find(settings.queueUrgent);
  const urgentFault = queue === undefined || urgent === undefined ? undefined : urgentListFault(queue, urgent);
  if (urgentFault !== undefined) mistakes.push(urgentFault);
  const commands = values.find(settings.commands);
  const commandsFault = queue === undefined || !commands ? undefined : commandsListFault(commands, queue);
  if (commandsFault !== undefined) mistakes.push(commandsFault);
  const windowSeconds = values.find(settings.dedupeWindow);
  const bufferSeconds = values.find(settings.bufferSeconds);
  const longestSeconds = windowSeconds === undefined ? undefined : longestWaitMs(windowSeconds * 1000) / 1000;
  if (longestSeconds !== undefined && bufferSeconds !== undefined && bufferSeconds > longestSeconds) {
    mistakes.push(
      `RELAX_BUFFER_SECONDS ${bufferSeconds} is more than half of RELAX_DEDUPE_WINDOW_SECONDS ${windowSeconds}: ` +
        `an event could leave the buffer after its mark is gone. Set at most ${Math.floor(longestSeconds)}`,
    );
  }
  return mistakes;
}
