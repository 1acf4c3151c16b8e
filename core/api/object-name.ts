import { z } from 'zod';

/** RFC 1123 subdomain: what Kubernetes takes as the name of an object (k8s.io/apimachinery/pkg/util/validation). */
export const NAME_PATTERN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
export const NAME_REMEDY =
  "must be lower case letters, digits, '-' and '.', beginning and ending with a letter or digit";
export const objectNameSchema = z.string().regex(NAME_PATTERN, NAME_REMEDY).min(1).max(253);

/** RFC 1123 label: what Kubernetes takes as the name of a namespace. */
export const NAMESPACE_PATTERN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
export const NAMESPACE_REMEDY = "must be lower case letters, digits and '-'";
export const MAX_NAMESPACE_LENGTH = 63;

/** "namespace/name", as in queue items, slots and logs. */
export const qualifiedName = ({ metadata }: { metadata: { namespace: string; name: string } }): string =>
  `${metadata.namespace}/${metadata.name}`;

/** The namespace in a name such as `bots/acme`; empty if it has none. */
export const namespaceOf = (name: string): string => name.slice(0, Math.max(0, name.indexOf('/')));
