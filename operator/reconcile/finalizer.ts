import { FINALIZER } from '../../core/slackbot.ts';
import type { CallOptions, KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { pathOf, type SlackBotObject } from './slackbot-object.ts';

type Patcher = Pick<KubeClient, 'patch'>;

export const hasFinalizer = (bot: SlackBotObject): boolean => bot.metadata.finalizers?.includes(FINALIZER) ?? false;

/**
 * Both patches hold only for the version that was judged: a finalizer of somebody else that came in between is not
 * touched, and an object that is on its way out gets none.
 * @returns false if the object has changed since: look again
 */
export async function addFinalizer(client: Patcher, bot: SlackBotObject, options: CallOptions): Promise<boolean> {
  const add =
    bot.metadata.finalizers === undefined
      ? { op: 'add', path: '/metadata/finalizers', value: [FINALIZER] }
      : { op: 'add', path: '/metadata/finalizers/-', value: FINALIZER };
  return patchIfUnchanged(client, bot, [add], options);
}

/** @returns false if the object has changed since: look again */
export async function removeFinalizer(client: Patcher, bot: SlackBotObject, options: CallOptions): Promise<boolean> {
  const index = bot.metadata.finalizers?.indexOf(FINALIZER) ?? -1;
  if (index < 0) return true;
  const path = `/metadata/finalizers/${index}`;
  return patchIfUnchanged(
    client,
    bot,
    [
      { op: 'test', path, value: FINALIZER },
      { op: 'remove', path },
    ],
    options,
  );
}

async function patchIfUnchanged(
  client: Patcher,
  bot: SlackBotObject,
  operations: readonly object[],
  options: CallOptions,
): Promise<boolean> {
  const test = { op: 'test', path: '/metadata/resourceVersion', value: bot.metadata.resourceVersion };
  try {
    await client.patch(pathOf(bot), { type: 'json', body: [test, ...operations] }, options);
    return true;
  } catch (error) {
    if (isKubeError(error, 'notFound')) return true;
    // The server answers 422 when a `test` fails.
    if (isKubeError(error, 'conflict') || isKubeError(error, 'invalid')) return false;
    throw error;
  }
}
