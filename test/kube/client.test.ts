import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KubeClient } from '#operator/kube/client.ts';
import { NO_RETRY } from '#operator/kube/retry.ts';
import { FaultServer } from '#test/support/kube/fault-server.ts';
import { kubeConfigFrom, kubeSuite } from '#test/support/kube/kube-suite.ts';
import { waitFor } from '#test/support/wait.ts';

const THING = { group: 'test.dev', version: 'v1', plural: 'things', namespace: 'ns', name: 'a' };
const FAST = { maxRetries: 4, baseMs: 5, capMs: 2_000 };

describe('a call', () => {
  let server: FaultServer;
  let client: KubeClient;
  beforeEach(async () => {
    server = await FaultServer.start();
    client = new KubeClient({ loadConfig: () => server.config(), retry: FAST, callTimeoutMs: 500 });
  });
  afterEach(async () => {
    await client.close();
    await server.stop();
  });
  const patch = () => client.patch(THING, { type: 'merge', body: {} });

  it('waits as long as a 429 asks for', async () => {
    server.callFaults.push({ kind: 'status', status: 429, headers: { 'retry-after': '1' } });
    const startMs = performance.now();
    await patch();
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(1_000);
    expect(server.requests).toHaveLength(2);
  });

  it('gives a Retry-After that is too long to its caller', async () => {
    server.callFaults.push({ kind: 'status', status: 429, headers: { 'retry-after': '60' } });
    await expect(patch()).rejects.toMatchObject({ kind: 'throttled', retryAfterMs: 60_000 });
  });

  it('repeats a read whose connection broke, and never a write, which may have been done', async () => {
    server.callFaults.push({ kind: 'reset' });
    await client.get(THING);
    server.callFaults.push({ kind: 'reset' });
    await expect(patch()).rejects.toMatchObject({ kind: 'transient', reason: 'ConnectionError' });
  });

  it('does not wait for an answer forever', async () => {
    server.callFaults.push({ kind: 'silence' });
    await expect(patch()).rejects.toMatchObject({ kind: 'transient', reason: 'Timeout' });
    await patch();
  });

  it('that is urgent waits for none of those that hang', async () => {
    const slow = Array.from({ length: 20 }, () => {
      server.callFaults.push({ kind: 'silence' });
      return client.get(THING, { timeoutMs: 2_000, retry: NO_RETRY }).catch(() => undefined);
    });
    await waitFor(() => server.requests.length >= 8, { what: 'every connection for calls waits for its answer' });
    server.callFaults.length = 0;
    const startMs = performance.now();
    await client.get(THING, { urgent: true, retry: NO_RETRY });
    expect(performance.now() - startMs).toBeLessThan(1_000);
    await client.close();
    await Promise.all(slow);
  });

  it('that is urgent waits for no urgent one that hangs', async () => {
    server.callFaults.push({ kind: 'silence' });
    const hung = client.get(THING, { urgent: true, timeoutMs: 2_000, retry: NO_RETRY }).catch(() => undefined);
    await waitFor(() => server.requests.length === 1, { what: 'the first hangs' });
    await client.get(THING, { urgent: true, timeoutMs: 1_000, retry: NO_RETRY });
    await client.close();
    await hung;
  });

  it('that is given up leaves no connection behind that the next would hang on', async () => {
    server.callFaults.push({ kind: 'silence' });
    const givenUp = new AbortController();
    const hung = client.get(THING, { urgent: true, signal: givenUp.signal });
    await waitFor(() => server.requests.length === 1, { what: 'it hangs' });
    givenUp.abort(new Error('given up'));
    await expect(hung).rejects.toThrow('given up');
    await client.get(THING, { urgent: true, timeoutMs: 1_000, retry: NO_RETRY });
    expect(server.tlsConnections).toBe(2);
  });

  it('says what a proxy sent in place of JSON', async () => {
    server.callFaults.push({ kind: 'status', status: 200, body: '<html>login</html>' });
    await expect(patch()).rejects.toMatchObject({ kind: 'transient', reason: 'BadAnswer' });
  });

  it('uses a token that was rotated while it runs', async () => {
    await client.get(THING);
    server.acceptedTokens.clear();
    server.acceptedTokens.add('second-token');
    writeFileSync(server.tokenFile, 'second-token\n');
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // files are not read twice within a second
    await client.get(THING);
    expect(server.requests).toHaveLength(3);
  });
});

kubeSuite('A thousand calls to a real API server', (kube) => {
  it('open eight connections at most, beside one for each watch and those of urgent calls', async () => {
    const connections = { urgent: 0, calls: 0, watch: 0 };
    const client = new KubeClient({
      loadConfig: () => kubeConfigFrom(kube.kubeconfigPath),
      callsPerSecond: 100_000,
      callsBurst: 100_000,
      observer: { connected: (lane) => (connections[lane] += 1) },
    });
    try {
      const namespaces = { group: '', version: 'v1', plural: 'namespaces' };
      const list = await client.listPage(namespaces, { limit: 10 });
      const query = { resourceVersion: list.metadata.resourceVersion ?? '', timeoutSeconds: 60 };
      const ended = new AbortController();
      await client.watch(namespaces, query, ended.signal);
      const uids = await Promise.all(Array.from({ length: 1_000 }, () => client.clusterUid()));
      for (let n = 0; n < 10; n += 1) await client.clusterUid({ urgent: true });
      ended.abort();
      expect(new Set(uids).size).toBe(1);
      expect(connections.watch).toBe(1);
      expect(connections.calls).toBeLessThanOrEqual(8);
      expect(connections.urgent).toBeLessThanOrEqual(2);
    } finally {
      await client.close();
    }
  });
});
