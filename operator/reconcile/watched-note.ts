import type { KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import type { ResourceScope } from '../kube/object.ts';
import type { Lease } from '../leadership/lease.ts';
import { formatWatched, WATCHED, type Watched } from './watched-namespaces.ts';

export interface LeaseName {
  namespace: string;
  name: string;
}

/** Each time the Lease is renewed between our read and our write, we try again, up to this often. */
const TRIES = 20;

export const leaseScope = ({ namespace }: LeaseName): ResourceScope & { namespace: string } => ({
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  namespace,
});

/** The note of the last leader; undefined: there is none, or no Lease. */
export async function readNote(
  client: Pick<KubeClient, 'get'>,
  at: LeaseName,
  signal: AbortSignal,
): Promise<string | undefined> {
  return (await readLease(client, at, signal))?.metadata.annotations?.[WATCHED];
}

/** @param holder the note is written only while this process holds the Lease; left out: whoever holds it */
export async function noteWatched(
  client: Pick<KubeClient, 'get' | 'replace'>,
  at: LeaseName,
  watched: Watched,
  signal: AbortSignal,
  holder?: string,
): Promise<void> {
  const note = formatWatched(watched);
  for (let tries = 1; ; tries += 1) {
    const lease = await readLease(client, at, signal);
    if (lease === undefined || lease.metadata.annotations?.[WATCHED] === note) return;
    if (holder !== undefined && lease.spec?.holderIdentity !== holder) return;
    const annotations = { ...lease.metadata.annotations, [WATCHED]: note };
    const metadata = { ...lease.metadata, annotations };
    try {
      await client.replace({ ...leaseScope(at), name: at.name }, { ...lease, metadata }, { signal, urgent: true });
      return;
    } catch (error) {
      if (!isKubeError(error, 'conflict') || tries === TRIES) throw error;
    }
  }
}

async function readLease(
  client: Pick<KubeClient, 'get'>,
  at: LeaseName,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  try {
    return await client.get<Lease>({ ...leaseScope(at), name: at.name }, { signal, urgent: true });
  } catch (error) {
    if (isKubeError(error, 'notFound')) return undefined;
    throw error;
  }
}
