import { CREDENTIALS_LABEL } from '../../core/api/api-group.ts';
import type { KubeObject, ResourceType } from '../kube/object.ts';
import { ResourceWatch, type ResourceWatchOptions } from '../kube/resource-watch.ts';

export const SECRETS: ResourceType = { group: '', version: 'v1', plural: 'secrets' };
/** Secrets that their owners had watched. */
export const LABELLED = `${CREDENTIALS_LABEL}=true`;

/** Metadata only: a Secret's value is read when it is wanted, and no other is kept. */
export const watchLabelledSecrets = (
  options: Pick<ResourceWatchOptions<KubeObject>, 'client' | 'log' | 'namespaces' | 'timers'>,
): ResourceWatch<KubeObject> =>
  new ResourceWatch<KubeObject>({ ...options, resource: SECRETS, metadataOnly: true, labelSelector: LABELLED });
