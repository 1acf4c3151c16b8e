import { botName } from '../../core/api/slackbot.ts';
import { errorText, type Log } from '../../core/process/log.ts';
import { sleep, systemTimers, type Timers } from '../../core/process/timers.ts';
import { pathOf, type SlackBotObject } from '../kinds/slackbot/slackbot-object.ts';
import { statusNotRun } from '../kinds/slackbot/status-not-run.ts';
import type { KubeClient } from '../kube/client.ts';
import { everyItem } from '../kube/every-item.ts';
import { isKubeError } from '../kube/kube-error.ts';
import type { ResourceScope } from '../kube/object.ts';
import { CLAIM, mayRelease, releasingOperations } from './claim.ts';
import { hasFinalizer, patchIfUnchanged, removingFinalizer } from './finalizer.ts';

export interface LetGoOptions {
  client: Pick<KubeClient, 'listPage' | 'patch' | 'patchStatus'>;
  /** Whose claims are taken off: the others' stay. */
  operator: string;
  reason: 'OperatorGone' | 'NotWatched';
  log: Log;
  timers?: Timers;
}

/** Calls at once: for each bot there are two, and an uninstall does not wait for ever. */
const AT_ONCE = 16;

const TRIES = 20;
const AGAIN_MS = 500;

/**
 * Lets go of every SlackBot in these scopes that is ours: takes finalizer and claim off, so that nothing that is deleted
 * later waits for an operator that is gone, and says so in its status.
 * @param isMeant left out: all are
 * @returns how many
 * @throws what the API server gave, such as forbidden
 */
export async function letGo(
  options: LetGoOptions,
  scopes: readonly ResourceScope[],
  signal: AbortSignal,
  isMeant: (bot: SlackBotObject) => boolean = () => true,
): Promise<number> {
  const { timers = systemTimers } = options;
  let released = 0;
  for (let tries = 1; ; tries += 1) {
    const counts = await letGoOnce(options, scopes, signal, isMeant);
    released += counts.released;
    if (counts.left === 0) return released;
    if (tries === TRIES) throw new Error(`${counts.left} SlackBots still have the finalizer: run it again`);
    await sleep(timers, AGAIN_MS, signal);
    signal.throwIfAborted();
  }
}

/** @returns how many were let go, and how many have changed meanwhile */
async function letGoOnce(
  options: LetGoOptions,
  scopes: readonly ResourceScope[],
  signal: AbortSignal,
  isMeant: (bot: SlackBotObject) => boolean,
): Promise<{ released: number; left: number }> {
  const counts = { released: 0, left: 0 };
  const running = new Set<Promise<void>>();
  for await (const bot of ourBots(options, scopes, signal)) {
    if (!isMeant(bot)) continue;
    if (running.size >= AT_ONCE) await Promise.race(running);
    const work: Promise<void> = letGoOne(options, bot, signal)
      .then((done) => {
        counts[done ? 'released' : 'left'] += 1;
      })
      .finally(() => running.delete(work));
    // The first that fails ends all of it, when it is waited for.
    work.catch(() => undefined);
    running.add(work);
  }
  await Promise.all(running);
  return counts;
}

/** Those with a finalizer or a claim of ours. Without a SlackBot definition there are no SlackBots. */
export async function* ourBots(
  { client, operator }: Pick<LetGoOptions, 'client' | 'operator'>,
  scopes: readonly ResourceScope[],
  signal: AbortSignal,
): AsyncGenerator<SlackBotObject> {
  try {
    for await (const bot of everyItem<SlackBotObject>(client, scopes, {}, { signal })) {
      const isHeld = hasFinalizer(bot) || bot.metadata.annotations?.[CLAIM] !== undefined;
      if (isHeld && mayRelease(bot.metadata, operator)) yield bot;
    }
  } catch (error) {
    if (!isKubeError(error, 'notFound')) throw error;
  }
}

async function letGoOne(options: LetGoOptions, bot: SlackBotObject, signal: AbortSignal): Promise<boolean> {
  const { client, reason, log, timers = systemTimers } = options;
  const operations = [...removingFinalizer(bot), ...releasingOperations(bot.metadata)];
  const patched = await patchIfUnchanged(client, bot, operations, { signal });
  if (patched === 'changed') return false;
  if (patched === 'gone' || bot.metadata.deletionTimestamp !== undefined) return true;
  // Only for the version that we left: whoever has claimed it since then says how it is.
  const { uid, resourceVersion } = patched.metadata;
  const body = { metadata: { uid, resourceVersion }, status: statusNotRun(bot, reason, timers.wallMs()) };
  try {
    await client.patchStatus(pathOf(bot), { type: 'merge', body }, { signal });
  } catch (error) {
    if (!isKubeError(error, 'conflict') && !isKubeError(error, 'notFound')) {
      log.warn({ bot: botName(bot), err: errorText(error) }, 'released, but its status could not be updated');
    }
  }
  return true;
}
