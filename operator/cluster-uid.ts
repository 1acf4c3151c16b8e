import { errorText, type Log } from '../core/process/log.ts';
import { sleep, systemTimers } from '../core/process/timers.ts';
import type { KubeClient } from './kube/client.ts';

const AGAIN_MS = 2_000;
const TELL_EVERY_MS = 30_000;

/**
 * The accepted identity of a Kubernetes cluster: the uid of its namespace kube-system. Waits for an API server that is
 * away; undefined: `signal` aborted before it answered.
 * @param onWait why it is still being waited for
 */
export async function waitForClusterUid(
  client: KubeClient,
  log: Log,
  onWait: (words: string) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  let saidAtMs = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    try {
      return await client.clusterUid({ signal });
    } catch (error) {
      if (signal.aborted) break;
      onWait(`could not read the uid of the cluster: ${errorText(error)}`);
      if (systemTimers.monotonicMs() - saidAtMs > TELL_EVERY_MS) {
        saidAtMs = systemTimers.monotonicMs();
        log.warn({ err: errorText(error) }, 'waiting for the API server');
      }
      await sleep(systemTimers, AGAIN_MS, signal);
    }
  }
  return undefined;
}
