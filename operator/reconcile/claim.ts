import type { Kind } from './kind.ts';

/**
 * Whose an object is. Several operators may see it (two releases in a cluster, both watching all namespaces): the one that
 * claims it judges it, runs it and writes its status, and the others leave it alone. Pure.
 */
export const CLAIM = 'relax.dev/operator';
/** The cluster scope in which its sockets are: operators of one scope share a fleet, so they count as one. */
const CLAIM_SCOPE = 'relax.dev/cluster';

export interface Claimant {
  /** `<namespace>/<name>` of its Lease, by which a person finds it. */
  operator: string;
  cluster: string;
}

interface Claimed {
  annotations?: Readonly<Record<string, string>>;
}

type ClaimState =
  | { kind: 'ours' }
  /** Nobody has claimed it, or we did in another cluster scope: we may claim it. */
  | { kind: 'free' }
  | { kind: 'theirs'; operator: string };

export function claimStateOf({ annotations = {} }: Claimed, self: Claimant): ClaimState {
  const operator = annotations[CLAIM] ?? '';
  if (operator === '') return { kind: 'free' };
  const sharesFleet = annotations[CLAIM_SCOPE] === self.cluster;
  if (sharesFleet) return { kind: 'ours' };
  return operator === self.operator ? { kind: 'free' } : { kind: 'theirs', operator };
}

export type JsonPatchOperation = { op: 'add' | 'test'; path: string; value: unknown } | { op: 'remove'; path: string };

/** What a patch must contain to claim the object. Only for the version that was judged. */
export function claimingOperations(metadata: Claimed, self: Claimant): JsonPatchOperation[] {
  if (claimStateOf(metadata, self).kind !== 'free') return [];
  const claim = { [CLAIM]: self.operator, [CLAIM_SCOPE]: self.cluster };
  if (metadata.annotations === undefined) return [{ op: 'add', path: '/metadata/annotations', value: claim }];
  return Object.entries(claim).map(([name, value]) => ({ op: 'add', path: pathOf(name), value }));
}

/** An operator that leaves releases what is its own, and what nobody has claimed: an earlier version made no claims. */
export function mayRelease({ annotations = {} }: Claimed, operator: string): boolean {
  const holder = annotations[CLAIM] ?? '';
  return holder === '' || holder === operator;
}

export function releasingOperations({ annotations = {} }: Claimed): JsonPatchOperation[] {
  return [CLAIM, CLAIM_SCOPE]
    .filter((name) => Object.hasOwn(annotations, name))
    .map((name) => ({ op: 'remove', path: pathOf(name) }));
}

/** For the log, the Event and `relax status`. */
export function foreignClaimText(
  { resource, singular }: Pick<Kind, 'resource' | 'singular'>,
  { namespace, name }: { namespace: string; name: string },
  operator: string,
): string {
  return (
    `another operator runs this ${resource.kind}, that of Lease ${operator}; if it is gone for good: ` +
    `kubectl -n ${namespace} annotate ${singular} ${name} ${CLAIM}-`
  );
}

/** An object whose operator also runs those that name it: the SlackApp of a SlackBot, whose sockets and table it has. */
export interface Carrier {
  /** `Kind.singular` */
  singular: string;
  metadata: Claimed & { namespace: string; name: string };
}

/** As `foreignClaimText`, of an object whose carrier the other has. */
export function foreignCarrierText({ singular, metadata: { namespace, name } }: Carrier, operator: string): string {
  return (
    `another operator, that of Lease ${operator}, runs ${singular} ${namespace}/${name}, and is to run what belongs to it; if it ` +
    `is gone for good: kubectl -n ${namespace} annotate ${singular} ${name} ${CLAIM}-`
  );
}

/** In a JSON pointer, a slash in a name is written ~1. */
const pathOf = (annotation: string): string => `/metadata/annotations/${annotation.replaceAll('/', '~1')}`;
