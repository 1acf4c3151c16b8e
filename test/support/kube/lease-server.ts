import type { KubeClient } from '#operator/kube/client.ts';
import { KubeError } from '#operator/kube/kube-error.ts';
import type { Lease } from '#operator/leadership/lease.ts';

/** One Lease with the API server's rules: creates collide, writes of an old version conflict. */
export class LeaseServer {
  lease: Lease | undefined;
  mode: 'ok' | 'failing' | 'hanging' = 'ok';
  #version = 0;

  client(): Pick<KubeClient, 'get' | 'create' | 'replace'> {
    const call = async <T>(signal: AbortSignal | undefined, answer: () => Lease): Promise<T> => {
      if (this.mode === 'failing') throw new KubeError({ kind: 'transient', status: 500, reason: 'X', message: 'x' });
      if (this.mode === 'hanging') {
        await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
      }
      return structuredClone(answer()) as T;
    };
    return {
      get: (_path, options) => call(options?.signal, () => this.#required()),
      create: (_scope, body, options) =>
        call(options?.signal, () => {
          if (this.lease !== undefined) throw error('conflict');
          return this.#write(body);
        }),
      replace: (_path, body, options) =>
        call(options?.signal, () => {
          if ((body as Lease).metadata.resourceVersion !== this.#required().metadata.resourceVersion)
            throw error('conflict');
          return this.#write(body);
        }),
    };
  }

  #write(body: unknown): Lease {
    const lease = structuredClone(body) as Lease;
    this.#version += 1;
    this.lease = { ...lease, metadata: { ...lease.metadata, uid: 'u', resourceVersion: String(this.#version) } };
    return this.lease;
  }

  #required(): Lease {
    if (this.lease === undefined) throw error('notFound');
    return this.lease;
  }
}

const error = (kind: 'conflict' | 'notFound'): KubeError =>
  new KubeError({ kind, status: 0, reason: kind, message: kind });
