/** The finalizer as JSON patches. When it may be removed is for each kind to decide (kinds/slackbot/wanted.ts). */

import type { CallOptions, KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { type KubeObject, pathOf, type ResourceType } from '../kube/object.ts';
import type { JsonPatchOperation } from './claim.ts';

export const hasFinalizer = ({ metadata }: KubeObject, finalizer: string): boolean =>
  metadata.finalizers?.includes(finalizer) ?? false;

/** Empty if the object has it already. */
export function addingFinalizer(object: KubeObject, finalizer: string): JsonPatchOperation[] {
  if (hasFinalizer(object, finalizer)) return [];
  return object.metadata.finalizers === undefined
    ? [{ op: 'add', path: '/metadata/finalizers', value: [finalizer] }]
    : [{ op: 'add', path: '/metadata/finalizers/-', value: finalizer }];
}

export function removingFinalizer(object: KubeObject, finalizer: string): JsonPatchOperation[] {
  const index = object.metadata.finalizers?.indexOf(finalizer) ?? -1;
  const path = `/metadata/finalizers/${index}`;
  return index < 0
    ? []
    : [
        { op: 'test', path, value: finalizer },
        { op: 'remove', path },
      ];
}

/**
 * The patch applies only to the version that was judged: a finalizer that somebody else added meanwhile is not touched, an
 * object that is being deleted gets none, and of two operators that claim it one is refused.
 * @returns the object as it is now; 'changed': look again
 */
export async function patchIfUnchanged(
  client: Pick<KubeClient, 'patch'>,
  resource: ResourceType,
  object: KubeObject,
  operations: readonly JsonPatchOperation[],
  options: CallOptions,
): Promise<KubeObject | 'changed' | 'gone'> {
  const test = { op: 'test', path: '/metadata/resourceVersion', value: object.metadata.resourceVersion };
  try {
    const body = [test, ...operations];
    return await client.patch<KubeObject>(pathOf(resource, object), { type: 'json', body }, options);
  } catch (error) {
    if (isKubeError(error, 'notFound')) return 'gone';
    // The server answers 422 when a `test` fails.
    if (isKubeError(error, 'conflict') || isKubeError(error, 'invalid')) return 'changed';
    throw error;
  }
}
