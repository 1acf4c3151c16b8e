import { afterEach, describe, expect, it } from 'vitest';
import { KubeError } from '#operator/kube/kube-error.ts';
import type { WatchEvent } from '#operator/kube/watch-line.ts';
import { ConnectorSetWatch, type ConnectorSetWatchOptions } from '#operator/reconcile/connector-set-watch.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';

type Stored = { metadata: object; spec?: object } | undefined;

const statefulSet = (version: number, spec: object, metadata: object = {}): { metadata: object; spec: object } => ({
  metadata: { name: 'c', namespace: 'relax', uid: 'u', resourceVersion: String(version), ...metadata },
  spec,
});
const sized = (replicas: number, first = 0) => ({ kind: 'sized', name: 'c', first, replicas });

/** An API server with at most one object, whose watch tells only what it is told to. */
class OneObject {
  stored: Stored;
  away: KubeError | undefined;
  readonly queries: string[] = [];
  #send: ((event: unknown) => void) | undefined;

  readonly client = {
    listPage: async (_scope: unknown, { fieldSelector }: { fieldSelector?: string }) => {
      this.queries.push(`list ${fieldSelector}`);
      if (this.away !== undefined) throw this.away;
      return { metadata: { resourceVersion: '1' }, items: this.stored === undefined ? [] : [this.stored] };
    },
    watch: async (_scope: unknown, { fieldSelector }: { fieldSelector?: string }, signal: AbortSignal) => {
      this.queries.push(`watch ${fieldSelector}`);
      if (this.away !== undefined) throw this.away;
      return this.#events(signal);
    },
    get: async () => {
      if (this.away !== undefined) throw this.away;
      if (this.stored === undefined)
        throw new KubeError({ kind: 'notFound', status: 404, reason: 'NotFound', message: 'not found' });
      return this.stored;
    },
  } as unknown as ConnectorSetWatchOptions['client'];

  async tell(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Stored): Promise<void> {
    const send = await waitFor(() => this.#send, { what: 'an open watch' });
    send({ type, object });
  }

  async *#events(signal: AbortSignal): AsyncGenerator<WatchEvent<never>, void, void> {
    while (!signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      this.#send = resolve;
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
      const event = await promise;
      this.#send = undefined;
      if (event === undefined) return;
      yield event as WatchEvent<never>;
    }
  }
}

describe('The size of the set of connectors', () => {
  let watch: ConnectorSetWatch | undefined;
  afterEach(() => watch?.stop());

  function watching(stored: Stored): { server: OneObject; watch: ConnectorSetWatch; changes: () => number } {
    const server = new OneObject();
    server.stored = stored;
    const made = new ConnectorSetWatch({
      client: server.client,
      namespace: 'relax',
      name: 'c',
      log: silentLog,
    });
    watch = made;
    let changes = 0;
    made.onChange(() => {
      changes += 1;
    });
    return { server, watch: made, changes: () => changes };
  }
  const until = (expected: unknown) =>
    waitFor(() => JSON.stringify(watch?.value()) === JSON.stringify(expected), { what: JSON.stringify(expected) });

  it('is not known before the server has answered, and asked of that one object alone', async () => {
    const { server } = watching(statefulSet(1, { replicas: 3 }));
    expect(watch?.value()).toBeUndefined();
    watch?.start();
    await until(sized(3));
    await waitFor(() => server.queries.length === 2);
    expect(server.queries).toEqual(['list metadata.name=c', 'watch metadata.name=c']);
  });

  it.each([
    ['of the replicas that are set', { replicas: 2 }, sized(2)],
    ['of none', { replicas: 0 }, sized(0)],
    ['of one unless it says', {}, sized(1)],
    ['from the first number that it gives', { replicas: 2, ordinals: { start: 5 } }, sized(2, 5)],
  ])('is %s', async (_what, spec, expected) => {
    watching(statefulSet(1, spec));
    watch?.start();
    await until(expected);
  });

  it.each([
    ['is not there', undefined],
    ['is being deleted', statefulSet(1, { replicas: 3 }, { deletionTimestamp: '2026-11-25T00:00:00Z' })],
  ])('is that of a set that is gone when it %s', async (_what, stored) => {
    watching(stored);
    watch?.start();
    await until({ kind: 'gone', name: 'c' });
  });

  it('is reported at once when it changes', async () => {
    const { server, changes } = watching(statefulSet(1, { replicas: 3 }));
    watch?.start();
    await until(sized(3));
    const before = changes();
    await server.tell('MODIFIED', statefulSet(2, { replicas: 2 }));
    await until(sized(2));
    expect(changes()).toBeGreaterThan(before);
    await server.tell('DELETED', statefulSet(3, { replicas: 2 }));
    await until({ kind: 'gone', name: 'c' });
  });

  it('is read again by whoever begins to plan, since the watch may have gone silent', async () => {
    const { server } = watching(statefulSet(1, { replicas: 3 }));
    watch?.start();
    await until(sized(3));
    server.stored = statefulSet(5, { replicas: 2 });
    await watch?.confirm();
    expect(watch?.value()).toEqual(sized(2));
    await server.tell('MODIFIED', statefulSet(4, { replicas: 4 }));
    await server.tell('MODIFIED', statefulSet(6, { replicas: 5 }));
    await until(sized(5));
  });

  it('is what the watch says when that knows more than the answer', async () => {
    const { server } = watching(statefulSet(9, { replicas: 3 }));
    watch?.start();
    await until(sized(3));
    server.stored = statefulSet(8, { replicas: 2 });
    await watch?.confirm();
    expect(watch?.value()).toEqual(sized(3));
  });

  it('is the last that was known while the server is away, and unknown if it never was', async () => {
    const { server } = watching(statefulSet(1, { replicas: 2 }));
    server.away = new KubeError({ kind: 'transient', status: 503, reason: 'Away', message: 'away' });
    await watch?.confirm();
    expect(watch?.value()).toBeUndefined();
    server.away = undefined;
    watch?.start();
    await until(sized(2));
    server.away = new KubeError({ kind: 'transient', status: 503, reason: 'Away', message: 'away' });
    await watch?.confirm();
    expect(watch?.value()).toEqual(sized(2));
  });

  it('is not known without the right to read it', async () => {
    const { server } = watching(statefulSet(1, { replicas: 2 }));
    server.away = new KubeError({ kind: 'forbidden', status: 403, reason: 'Forbidden', message: 'no' });
    watch?.start();
    await watch?.confirm();
    await waitFor(() => server.queries.length > 0);
    expect(watch?.value()).toBeUndefined();
  });
});
