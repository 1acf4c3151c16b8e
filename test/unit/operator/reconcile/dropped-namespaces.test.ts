import { describe, expect, it } from 'vitest';
import { systemTimers } from '#core/process/timers.ts';
import { slackBotKind } from '#operator/kinds/slackbot/slackbot-kind.ts';
import { KubeError, type KubeErrorKind } from '#operator/kube/kube-error.ts';
import type { Lease } from '#operator/leadership/lease.ts';
import { DroppedNamespaces, type DroppedNamespacesOptions } from '#operator/reconcile/dropped-namespaces.ts';
import { WATCHED } from '#operator/reconcile/watched-namespaces.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { summaryOf } from '#test/unit/core/protocol/summaries.ts';

const ME = 'operator-0_1';
const OURS = { 'relax.dev/operator': 'relax/relax-operator', 'relax.dev/cluster': 'eu' };
const { signal } = new AbortController();
const failure = (kind: KubeErrorKind) => new KubeError({ kind, status: 0, reason: 'x', message: kind });

/** A Lease with a note, some SlackBots, and namespaces in which we may not look. */
function world(given: {
  note?: string;
  watch: string[];
  bots?: string[];
  forbidden?: string[];
  clusterWide?: boolean;
  lines?: string[];
  leadership?: () => AbortSignal | undefined;
  holder?: string;
}) {
  const lease: Lease = {
    metadata: { name: 'relax-operator', namespace: 'relax', uid: 'l', resourceVersion: '1', annotations: {} },
    spec: { holderIdentity: given.holder ?? ME },
  };
  if (given.note !== undefined) lease.metadata.annotations = { [WATCHED]: given.note };
  const released: string[] = [];
  const client = {
    get: async () => lease,
    replace: async (_path: unknown, body: Lease) => {
      lease.metadata = body.metadata;
      return lease;
    },
    listPage: async (scope: { namespace?: string }, _query: unknown, options: { signal: AbortSignal }) => {
      options.signal.throwIfAborted();
      const isForbidden =
        scope.namespace === undefined ? given.clusterWide !== true : given.forbidden?.includes(scope.namespace);
      if (isForbidden) throw failure('forbidden');
      const items = (given.bots ?? [])
        .filter((bot) => scope.namespace === undefined || bot.startsWith(`${scope.namespace}/`))
        .filter((bot) => !released.includes(bot))
        .map((bot) => {
          const [namespace, name] = bot.split('/');
          return { metadata: { namespace, name, uid: bot, resourceVersion: '1', generation: 1, annotations: OURS } };
        });
      return { metadata: {}, items };
    },
    patch: async ({ namespace, name }: { namespace: string; name: string }) => {
      released.push(`${namespace}/${name}`);
      return { metadata: { namespace, name, uid: 'u', resourceVersion: '2' } };
    },
    patchStatus: async () => ({}),
  } as unknown as DroppedNamespacesOptions['client'];
  const dropped = new DroppedNamespaces({
    client,
    kinds: [slackBotKind],
    lease: { namespace: 'relax', name: 'relax-operator' },
    namespaces: given.watch,
    identity: ME,
    leadership: given.leadership ?? (() => signal),
    lines: async () => new Map((given.lines ?? []).map((bot) => [bot, summaryOf({ bot })])),
    log: silentLog,
    timers: { ...systemTimers, after: (_delayMs, fire) => systemTimers.after(0, fire) },
  });
  return { dropped, released, note: () => lease.metadata.annotations?.[WATCHED] };
}

describe('namespaces that are watched no longer', () => {
  it.each([
    ['of an earlier version, which noted nothing', { watch: ['a'] }, [], 'a'],
    ['none, since all are watched', { note: 'a,b', watch: [] }, [], '*'],
    ['one that is named', { note: 'a,b', watch: ['a'], bots: ['a/1', 'b/2'] }, ['b/2'], 'a'],
    ['every other', { note: '*', watch: ['a'], clusterWide: true, bots: ['a/1', 'b/2', 'c/3'] }, ['b/2', 'c/3'], 'a'],
    ['one without SlackBots', { note: 'a,b', watch: ['a'], bots: ['a/1'] }, [], 'a'],
  ])('(%s) are released and no longer noted', async (_, given, expected, note) => {
    const { dropped, released, note: noted } = world(given);
    expect((await dropped.settle(signal)).size).toBe(0);
    expect(released.sort()).toEqual(expected);
    expect(noted()).toBe(note);
    expect(dropped.faults()).toEqual([]);
  });

  it.each([
    ['one that is named', { note: 'a,b', watch: ['a'], forbidden: ['b'], lines: ['a/1', 'b/2'] }, ['b/2'], 'a,b'],
    ['every other', { note: '*', watch: ['a'], lines: ['a/1', 'b/2', 'c/3'] }, ['b/2', 'c/3'], 'a,b,c'],
  ])('(%s) keep their sockets where we have no rights, and a person is told', async (_, given, kept, note) => {
    const { dropped, released, note: noted } = world(given);
    expect([...(await dropped.settle(signal)).keys()]).toEqual(kept);
    expect(released).toEqual([]);
    expect(noted()).toBe(note);
    expect(dropped.faults()).toHaveLength(kept.length);
    expect(dropped.faults()[0]).toContain('relax operator --release-finalizers --keep-namespaces a');
  });

  it('are not waited for when the fleet has no bot there, as when the namespace is gone', async () => {
    const { dropped, note } = world({ note: 'a,b', watch: ['a'], forbidden: ['b'], lines: ['a/1'] });
    expect((await dropped.settle(signal)).size).toBe(0);
    expect(dropped.faults()).toEqual([]);
    expect(note()).toBe('a');
  });

  it('keep their sockets, and nothing is written, while another leads, who may watch them still', async () => {
    const given = { note: 'a,b', watch: ['a'], bots: ['b/2'], lines: ['a/1', 'b/2'], leadership: () => undefined };
    const { dropped, released, note } = world(given);
    expect([...(await dropped.settle(signal)).keys()]).toEqual(['b/2']);
    expect(released).toEqual([]);
    expect(note()).toBe('a,b');
    expect(dropped.faults()).toEqual([]);
  });

  it('are released by nobody whose term as leader has ended in the meantime', async () => {
    const terms = [AbortSignal.abort(), undefined];
    const given = { note: 'a,b', watch: ['a'], bots: ['b/2'], lines: ['a/1', 'b/2'], leadership: () => terms.shift() };
    const { dropped, released, note } = world(given);
    expect([...(await dropped.settle(signal)).keys()]).toEqual(['b/2']);
    expect([released, note()]).toEqual([[], 'a,b']);
  });

  it('are a fault of the current leader, and no longer of a former one', async () => {
    const terms = [signal, undefined];
    const given = {
      note: 'a,b',
      watch: ['a'],
      forbidden: ['b'],
      lines: ['a/1', 'b/2'],
      leadership: () => terms.shift(),
    };
    const { dropped } = world(given);
    await dropped.settle(signal);
    expect(dropped.faults()).toHaveLength(1);
    await dropped.settle(signal);
    expect(dropped.faults()).toEqual([]);
  });

  it('are noted by the holder of the Lease alone', async () => {
    const { dropped, note } = world({ note: 'a', watch: ['a', 'b'], holder: 'operator-1_1' });
    await dropped.settle(signal);
    expect(note()).toBe('a');
  });
});
