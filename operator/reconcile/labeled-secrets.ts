import { CREDENTIALS_LABEL } from '../../core/api/api-group.ts';
import type { KubeObject, ResourceType } from '../kube/object.ts';
import { ResourceWatch, type ResourceWatchOptions } from '../kube/resource-watch.ts';

export const SECRETS: ResourceType = { group: '', version: 'v1', plural: 'secrets' };
/** Selects the Secrets that their owners want to have watched. */
export const LABELLED = `${CREDENTIALS_LABEL}=true`;

/** Metadata only: the values of a Secret are read when they are needed. */
export const watchLabelledSecrets = (
  options: Pick<ResourceWatchOptions<KubeObject>, 'client' | 'log' | 'namespaces' | 'timers'>,
): ResourceWatch<KubeObject> =>
  new ResourceWatch<KubeObject>({ ...options, resource: SECRETS, metadataOnly: true, labelSelector: LABELLED });
