/**
 * Kubernetes objects as the JSON on the wire has them. The generated classes of client-node turn timestamps into
 * `Date` and so can't be written back as read; here every timestamp stays the RFC 3339 string that the server sent.
 */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  finalizers?: string[];
  annotations?: Record<string, string>;
  managedFields?: unknown[];
}

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** One page of a list, or all of it if `metadata.continue` is empty. */
export interface KubeList<T extends KubeObject> {
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  /** Null when there is none, in lists of metadata alone. */
  items: T[] | null;
}

/** The kind of a resource; `group` is '' for the core group. */
export interface ResourceType {
  group: string;
  version: string;
  plural: string;
}

/** A type with the name that its objects carry. */
export interface ResourceKind extends ResourceType {
  kind: string;
}

/** All objects of a type, in one namespace or everywhere. */
export interface ResourceScope extends ResourceType {
  namespace?: string;
}

/** One object. */
export interface ResourcePath extends ResourceScope {
  name: string;
}

/** The URL path of a scope, or of one object in it. */
export function urlPath(scope: ResourceScope & { name?: string }, subresource?: string): string {
  const parts = scope.group === '' ? ['api', scope.version] : ['apis', scope.group, scope.version];
  if (scope.namespace !== undefined) parts.push('namespaces', scope.namespace);
  parts.push(scope.plural);
  if (scope.name !== undefined) parts.push(scope.name);
  if (subresource !== undefined) parts.push(subresource);
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

/** The key of an object in stores and queues: `namespace/name`, or `name` if it has no namespace. */
export function objectKey(metadata: { name: string; namespace?: string }): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

export const keyOf = (object: KubeObject): string => objectKey(object.metadata);

export function pathOf({ group, version, plural }: ResourceType, { metadata }: KubeObject): ResourcePath {
  const { namespace, name } = metadata;
  return { group, version, plural, ...(namespace === undefined ? {} : { namespace }), name };
}

/** One scope for all namespaces, or one for each of those that are watched. */
export const scopesOf = (resource: ResourceType, namespaces: readonly string[]): ResourceScope[] =>
  namespaces.length === 0 ? [resource] : namespaces.map((namespace) => ({ ...resource, namespace }));

/** Whether version `a` is later than `b`. Versions of one resource are comparable whole numbers (KEP-5504). */
export function isLaterVersion(a: string, b: string): boolean {
  const number = /^\d+$/;
  return number.test(a) && number.test(b) ? BigInt(a) > BigInt(b) : a !== b;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The object without managedFields and kubectl's last-applied copy of it: together often more bytes than the rest,
 * and nothing here reads them. The object is changed in place, since it was parsed for this caller only.
 */
export function stripBulk<T extends KubeObject>(object: T): T {
  delete object.metadata.managedFields;
  delete object.metadata.annotations?.[LAST_APPLIED];
  return object;
}
