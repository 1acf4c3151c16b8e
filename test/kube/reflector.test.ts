import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemTimers, type Timers } from '#core/process/timers.ts';
import { KubeClient } from '#operator/kube/client.ts';
import type { KubeObject } from '#operator/kube/object.ts';
import { Reflector } from '#operator/kube/reflector.ts';
import type { ReflectorOptions } from '#operator/kube/reflector-options.ts';
import { ResourceWatch } from '#operator/kube/resource-watch.ts';
import { type Fault, FaultServer } from '#test/support/kube/fault-server.ts';
import { ensureNamespaces, kubeConfigFrom, kubectl, kubeSuite } from '#test/support/kube/kube-suite.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';

const NEVER = new AbortController().signal;
const THINGS = { group: 'test.dev', version: 'v1', plural: 'things', namespace: 'ns' };

/** Waits are cut to a hundredth, so that backoff passes in milliseconds; the clock itself is true. */
const hasty: Timers = { ...systemTimers, after: (delayMs, fire) => systemTimers.after(delayMs / 100, fire) };

describe('a reflector', () => {
  let server: FaultServer;
  let client: KubeClient;
  let reflector: Reflector<KubeObject>;
  const changes: string[] = [];

  beforeEach(async () => {
    changes.length = 0;
    server = await FaultServer.start();
    client = new KubeClient({ loadConfig: () => server.config() });
    server.put('a');
    server.put('b');
  });
  afterEach(async () => {
    await reflector?.stop();
    await client.close();
    await server.stop();
  });

  const watching = (more: Partial<ReflectorOptions<KubeObject>> = {}) => {
    reflector = new Reflector<KubeObject>({
      client,
      scope: THINGS,
      log: silentLog,
      timers: hasty,
      onChange: ({ type, object }) => changes.push(`${type} ${object.metadata.name}`),
      ...more,
    });
    reflector.start();
    return reflector;
  };
  const names = () => [...reflector.store.values()].map(({ metadata }) => metadata.name).sort();
  const until = (what: string, fits: () => boolean) => waitFor(fits, { what });
  const follows = async () => {
    server.put('last');
    await until('the last change', () => names().includes('last'));
  };

  it('lists in pages, then hears of every change', async () => {
    for (let at = 0; at < 7; at += 1) server.put(`more-${at}`);
    watching({ pageSize: 4 });
    expect(await reflector.synced).toBe(true);
    await until('a watch', () => server.openWatches === 1);
    server.put('c');
    server.remove('a');
    await until('both', () => names().includes('c') && !names().includes('a'));
    expect(server.requests.filter((request) => request.includes('limit=4'))).toHaveLength(3);
    expect(changes).toEqual(expect.arrayContaining(['added more-6', 'added c', 'deleted a']));
  });

  it.each<[string, Fault]>([
    ['500', { kind: 'status', status: 500 }],
    ['429 with Retry-After', { kind: 'status', status: 429, headers: { 'retry-after': '1' } }],
    ['403', { kind: 'status', status: 403 }],
    ['an HTML page', { kind: 'status', status: 200, body: '<html>' }],
    ['a reset', { kind: 'reset' }],
  ])('goes on after a list that ends in %s', async (_, fault) => {
    server.listFaults.push(fault, fault);
    watching();
    expect(await reflector.synced).toBe(true);
    expect(reflector.stats.errors).toBeGreaterThanOrEqual(2);
    await follows();
    expect(reflector.lastError()).toBeUndefined();
  });

  it.each<[string, Fault]>([
    ['500', { kind: 'status', status: 500 }],
    ['429 with Retry-After', { kind: 'status', status: 429, headers: { 'retry-after': '1' } }],
    ['a reset', { kind: 'reset' }],
    ['a line that is no JSON', { kind: 'lines', lines: ['<html>'] }],
    ['an ERROR event', { kind: 'lines', lines: ['{"type":"ERROR","object":{"kind":"Status","code":500}}'] }],
  ])('goes on from where it was after a watch that ends in %s', async (_, fault) => {
    server.watchFaults.push(fault, fault);
    watching();
    await reflector.synced;
    await until('two failures', () => reflector.stats.errors >= 2);
    await follows();
    expect(reflector.stats.lists).toBe(1);
  });

  it('lists again after 410, and reports what vanished in the meantime', async () => {
    watching();
    await until('a watch', () => server.openWatches === 1);
    server.watchFaults.push({ kind: 'status', status: 410 });
    server.resetWatches();
    await until('the watch gone', () => reflector.stats.errors >= 1);
    server.remove('a');
    server.compact();
    await until('another list', () => reflector.stats.lists === 2);
    await until('the deletion', () => changes.includes('deleted a'));
    expect(names()).toEqual(['b']);
    expect(reflector.stats.expired).toBeGreaterThanOrEqual(1);
  });

  it('ends a watch that has fallen silent, and hears what it missed', async () => {
    server.watchFaults.push({ kind: 'silence' });
    watching({ inactivityMs: 20_000 }); // 200 ms by the hasty clock
    await until('a watch', () => reflector.stats.watches === 1);
    server.put('missed');
    await until('the missed one', () => names().includes('missed'));
    expect(reflector.stats.silentWatches).toBe(1);
    expect(reflector.stats.lists).toBe(1);
  });

  it('notices a silent watch within 40 s, since the server should have ended it by then', async () => {
    server.watchFaults.push({ kind: 'silence' });
    watching(); // 400 ms by the hasty clock
    await until('a watch', () => reflector.stats.watches === 1);
    expect(server.requests.find((request) => request.includes('watch=true'))).toMatch(/timeoutSeconds=(2\d|30)\b/);
    server.put('missed');
    const sinceMs = performance.now();
    await until('the missed one', () => names().includes('missed'));
    expect(performance.now() - sinceMs).toBeLessThan(1_500);
  });

  it('lists again at once when asked, though the watch is silent, and reports what it had missed', async () => {
    server.watchFaults.push({ kind: 'silence' });
    watching({ timers: systemTimers });
    await until('a watch', () => reflector.stats.watches === 1);
    server.put('missed');
    server.remove('a');
    expect(await reflector.refresh(5_000, NEVER)).toBe(true);
    expect(names()).toContain('missed');
    expect(names()).not.toContain('a');
    expect(changes).toContain('deleted a');
    await until('another watch', () => reflector.stats.watches === 2);
    expect([reflector.stats.lists, reflector.stats.errors]).toEqual([2, 0]);
    await follows();
  });

  it('uses a first list that has just come as the one that is asked for, and keeps watching', async () => {
    watching({ timers: systemTimers });
    await reflector.synced;
    expect(await reflector.refresh(5_000, NEVER)).toBe(true);
    await follows();
    expect([reflector.stats.errors, reflector.stats.watches]).toEqual([0, 1]);
  });

  it('keeps what it knew when the list that was asked for fails or gets no answer', async () => {
    watching({ timers: systemTimers });
    await until('a watch', () => reflector.stats.watches === 1);
    const before = names();
    server.listFaults.push({ kind: 'status', status: 403 });
    expect(await reflector.refresh(5_000, NEVER)).toBe(false);
    server.listFaults.push({ kind: 'silence' });
    expect(await reflector.refresh(100, NEVER)).toBe(false);
    expect(names()).toEqual(before);
    const given = new AbortController();
    const asked = reflector.refresh(60_000, given.signal);
    given.abort();
    expect(await asked).toBe(false);
  });

  it('survives a handler that throws', async () => {
    watching({
      onChange: ({ object }) => {
        if (object.metadata.name === 'a') throw new Error('handler');
      },
    });
    await reflector.synced;
    await follows();
    expect(reflector.stats.handlerErrors).toBe(1);
  });

  it('ends while it waits to try again, and opens nothing afterwards', async () => {
    server.listFaults.push({ kind: 'status', status: 500 }, { kind: 'status', status: 500 });
    watching({ timers: systemTimers });
    await until('a failure', () => reflector.stats.errors === 1);
    await reflector.stop();
    const requests = server.requests.length;
    await expect(reflector.synced).resolves.toBe(false);
    expect(server.openWatches).toBe(0);
    expect(server.requests).toHaveLength(requests);
  });
});

kubeSuite('A reflector on a real API server', (kube) => {
  it('keeps up with ConfigMaps, their metadata alone, through pages, labels and deletion', async () => {
    const client = new KubeClient({ loadConfig: () => kubeConfigFrom(kube.kubeconfigPath) });
    const reflector = new Reflector<KubeObject & { data?: unknown }>({
      client,
      log: silentLog,
      pageSize: 2,
      metadataOnly: true,
      labelSelector: 'seen=yes',
      onChange: () => undefined,
      scope: { group: '', version: 'v1', plural: 'configmaps', namespace: 'default' },
    });
    const admin = kubectl(kube);
    const put = (name: string, seen: string) =>
      admin.must(
        ['apply', '-f', '-'],
        JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { seen } }, data: { a: 'b' } }),
      );
    const names = () => [...reflector.store.values()].map(({ metadata }) => metadata.name).sort();
    try {
      for (const name of ['one', 'two', 'three']) await put(name, 'yes');
      await put('other', 'no');
      reflector.start();
      await reflector.synced;
      expect(names()).toEqual(['one', 'three', 'two']);
      expect(reflector.store.get('default/one')?.data).toBeUndefined();
      await put('other', 'yes');
      await put('two', 'no');
      await admin.must(['delete', 'configmap', 'one']);
      await waitFor(() => names().join() === 'other,three', { what: 'all three changes' });
    } finally {
      await reflector.stop();
      await client.close();
      await admin.must(['delete', 'configmap', '-l', 'seen']);
    }
  });

  it('is one for each namespace when there are several, and all of them are one to their readers', async () => {
    await ensureNamespaces(kube, ['red', 'green', 'blue']);
    const client = new KubeClient({ loadConfig: () => kubeConfigFrom(kube.kubeconfigPath) });
    const heard: string[] = [];
    const watch = new ResourceWatch<KubeObject>({
      client,
      log: silentLog,
      namespaces: ['red', 'green'],
      resource: { group: '', version: 'v1', plural: 'configmaps' },
      fieldSelector: 'metadata.name=it',
      indexers: { name: ({ metadata }) => [metadata.name] },
    });
    watch.listen(({ object }) => heard.push(String(object.metadata.namespace)));
    const admin = kubectl(kube);
    try {
      watch.start();
      expect(await watch.synced()).toBe(true);
      for (const namespace of ['red', 'green', 'blue'])
        await admin.must(['create', 'configmap', 'it', '-n', namespace]);
      await waitFor(() => heard.length === 2, { what: 'two changes' });
      expect(watch.byIndex('name', 'it').map(({ metadata }) => metadata.namespace)).toEqual(['red', 'green']);
      expect(watch.get('green/it')?.metadata.namespace).toBe('green');
      expect(watch.get('blue/it')).toBeUndefined();
    } finally {
      await watch.stop();
      await client.close();
    }
  });
});
