import { FINALIZER } from '../../core/api/slackbot.ts';
import { pathOf, type SlackBotObject } from '../kinds/slackbot/slackbot-object.ts';
import type { CallOptions, KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import type { JsonPatchOperation } from './claim.ts';

type Patcher = Pick<KubeClient, 'patch'>;

export const hasFinalizer = (bot: SlackBotObject): boolean => bot.metadata.finalizers?.includes(FINALIZER) ?? false;

/** Nothing to do where it stands already. */
export function addingFinalizer(bot: SlackBotObject): JsonPatchOperation[] {
  if (hasFinalizer(bot)) return [];
  return bot.metadata.finalizers === undefined
    ? [{ op: 'add', path: '/metadata/finalizers', value: [FINALIZER] }]
    : [{ op: 'add', path: '/metadata/finalizers/-', value: FINALIZER }];
}

export function removingFinalizer(bot: SlackBotObject): JsonPatchOperation[] {
  const index = bot.metadata.finalizers?.indexOf(FINALIZER) ?? -1;
  const path = `/metadata/finalizers/${index}`;
  return index < 0
    ? []
    : [
        { op: 'test', path, value: FINALIZER },
        { op: 'remove', path },
      ];
}

/** @returns false if the object has changed since: look again */
export async function removeFinalizer(client: Patcher, bot: SlackBotObject, options: CallOptions): Promise<boolean> {
  const operations = removingFinalizer(bot);
  return operations.length === 0 || (await patchIfUnchanged(client, bot, operations, options)) !== 'changed';
}

/**
 * The patch holds only for the version that was judged: a finalizer of somebody else that came in between is not touched,
 * an object that is on its way out gets none, and of two that claim it one is refused.
 * @returns what it is now; 'changed': look again
 */
export async function patchIfUnchanged(
  client: Patcher,
  bot: SlackBotObject,
  operations: readonly JsonPatchOperation[],
  options: CallOptions,
): Promise<SlackBotObject | 'changed' | 'gone'> {
  const test = { op: 'test', path: '/metadata/resourceVersion', value: bot.metadata.resourceVersion };
  try {
    return await client.patch<SlackBotObject>(pathOf(bot), { type: 'json', body: [test, ...operations] }, options);
  } catch (error) {
    if (isKubeError(error, 'notFound')) return 'gone';
    // The server answers 422 when a `test` fails.
    if (isKubeError(error, 'conflict') || isKubeError(error, 'invalid')) return 'changed';
    throw error;
  }
}
