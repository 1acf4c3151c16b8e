import { randomUUID } from 'node:crypto';
import type { Log } from '../../core/log.ts';
import { sleep, systemTimers, type Timers } from '../../core/timers.ts';
import type { KubeClient } from '../kube/client.ts';
import { everyItem } from '../kube/every-item.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { DEFAULT_LEADER_TIMES, heldSpec, type Lease } from '../kube/lease.ts';
import type { ResourceScope } from '../kube/object.ts';
import { hasFinalizer, removeFinalizer } from './finalizer.ts';
import { keyOf } from './resource-watch.ts';
import { SLACKBOTS, type SlackBotObject, scopesOf } from './slackbot-object.ts';

export interface ReleaseOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'replace' | 'listPage' | 'patch'>;
  /** Of the operator's Lease. */
  lease: { namespace: string; name: string };
  /** Empty: all. */
  namespaces: readonly string[];
  /** This pod, whose own operator must not be the one that ends. */
  pod: string;
  log: Log;
  timers?: Timers;
}

/** Longer than an uninstall takes: no operator leads before it, unless it is to go on. */
const HELD_MS = 300_000;
const TRIES = 20;
const OWN_LEADER =
  'the operator of this pod leads, and would end with this program in it: run it as a job or from a clone, ' +
  'or stop the operators and take the finalizers off with kubectl (docs/install.md, Uninstall)';

/**
 * Takes the finalizer off every SlackBot, so that nothing that is deleted later waits for an operator that is gone. The
 * leading operator would put it back, so first its lease is taken: it stops, and for 5 minutes no other starts to lead.
 * Sockets stay open until the connectors end.
 * @throws Error in the leading operator's own pod (`kubectl exec`): its container would end, and this with it
 */
export async function releaseAllFinalizers(options: ReleaseOptions, signal: AbortSignal): Promise<number> {
  const { client, log, timers = systemTimers } = options;
  if (await takeLease(options, signal)) await sleep(timers, DEFAULT_LEADER_TIMES.renewDeadlineMs, signal);
  let released = 0;
  for (let tries = 1; ; tries += 1) {
    let left = 0;
    for await (const bot of everyBot(client, scopesOf(SLACKBOTS, options.namespaces), signal)) {
      if (!hasFinalizer(bot)) continue;
      if (await removeFinalizer(client, bot, { signal })) released += 1;
      else left += 1;
    }
    if (left === 0) break;
    if (tries === TRIES) throw new Error(`${left} SlackBots still have the finalizer: run it again`);
    await sleep(timers, 500, signal);
    signal.throwIfAborted();
  }
  log.info({ released }, 'finalizers released');
  return released;
}

/** Without a SlackBot definition there are no SlackBots. */
async function* everyBot(
  client: ReleaseOptions['client'],
  scopes: readonly ResourceScope[],
  signal: AbortSignal,
): AsyncGenerator<SlackBotObject> {
  try {
    yield* everyItem<SlackBotObject>(client, scopes, {}, { signal });
  } catch (error) {
    if (!isKubeError(error, 'notFound')) throw error;
  }
}

/** @returns whether somebody may have held it */
async function takeLease(
  { client, lease: at, pod, log, timers = systemTimers }: ReleaseOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const scope = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespace: at.namespace };
  const times = { ...DEFAULT_LEADER_TIMES, durationMs: HELD_MS };
  const identity = `release-finalizers_${randomUUID()}`;
  for (let tries = 1; ; tries += 1) {
    try {
      const lease = await client.get<Lease>({ ...scope, name: at.name }, { signal });
      const holder = lease.spec?.holderIdentity ?? '';
      if (holder.startsWith(`${pod}_`)) throw new Error(OWN_LEADER);
      const spec = heldSpec(lease.spec, 'acquire', identity, timers.wallMs(), times);
      await client.replace({ ...scope, name: at.name }, { ...lease, spec }, { signal });
      log.info({ lease: keyOf(lease), from: holder }, 'took the lease: no operator leads');
      return holder !== '';
    } catch (error) {
      if (isKubeError(error, 'notFound')) return false;
      if (!isKubeError(error, 'conflict') || tries === TRIES) throw error;
    }
  }
}
