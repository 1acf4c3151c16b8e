/**
 * The owner of a cluster scope in Redis. An owner survives restarts and is different for every installation:
 * "<uid of the kube-system namespace>/<namespace of the installation>" or "standalone:<host>-<digest>/<machine>". Empty
 * where it is not known.
 */
export const kubeOwner = (clusterUid: string, namespace: string): string => `${clusterUid}/${namespace}`;

/**
 * @param stored as Redis has it. Earlier versions wrote owners without the last part; `renew.lua` compares the same way
 */
export const isSameOwner = (stored: string, owner: string): boolean =>
  stored === owner || owner.startsWith(`${stored}/`);

/** True only if both are known: unknown is a value. */
export const isForeignOwner = (stored: string, owner: string): boolean =>
  stored !== '' && owner !== '' && !isSameOwner(stored, owner);

/** @param what who is refused, such as "this connector" */
export function foreignScopeText(cluster: string, stored: string, what: string, owner: string): string {
  return (
    `cluster scope "${cluster}" on this Redis belongs to ${stored}, but ${what} is ${owner}. Give this installation ` +
    'another name with RELAX_CLUSTER (in the chart: cluster), or, if the other one is gone for good, start the operator or ' +
    'standalone once with --take-over (RELAX_TAKE_OVER=true)'
  );
}
