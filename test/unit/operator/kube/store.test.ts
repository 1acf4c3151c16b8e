import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type KubeObject, objectKey, stripBulk, urlPath } from '#operator/kube/object.ts';
import { type Change, Store } from '#operator/kube/store.ts';

const object = (name: string, uid: string, version: number, team = 't'): KubeObject => ({
  metadata: { name, namespace: 'ns', uid, resourceVersion: String(version), annotations: { team } },
});
const byTeam = { team: (o: KubeObject): string[] => [o.metadata.annotations?.team ?? ''] };
const mapOf = (objects: KubeObject[]): Map<string, KubeObject> =>
  new Map(objects.map((o) => [objectKey(o.metadata), o]));

type Action = 'put' | 'remove' | 'replace';

function applyToModel(model: Map<string, KubeObject>, action: Action, o: KubeObject): void {
  if (action === 'replace') model.clear();
  if (action === 'remove') model.delete(objectKey(o.metadata));
  else model.set(objectKey(o.metadata), o);
}

function applyToStore(store: Store<KubeObject>, action: Action, o: KubeObject): Change<KubeObject>[] {
  if (action === 'put') return store.put(o);
  return action === 'remove' ? store.remove(o) : store.replaceAll(mapOf([o]));
}

function replay(objects: Map<string, KubeObject>, change: Change<KubeObject>): void {
  const key = objectKey(change.object.metadata);
  expect(objects.has(key)).toBe(change.type !== 'added');
  if (change.type === 'deleted') objects.delete(key);
  else objects.set(key, change.object);
}

describe('store', () => {
  it('replacing all reports each difference once, with the last known object of what vanished', () => {
    const store = new Store<KubeObject>();
    const [a, b, c] = [object('a', '1', 1), object('b', '2', 2), object('c', '3', 3)];
    store.replaceAll(mapOf([a, b, c]));
    const [b2, d] = [object('b', '2', 5), object('d', '4', 4)];
    const changes = store.replaceAll(mapOf([object('c', '3', 3), b2, d]));
    expect(changes).toEqual([
      { type: 'deleted', object: a },
      { type: 'updated', object: b2, previous: b },
      { type: 'added', object: d },
    ]);
  });

  it('an object of the same name and another uid is a deletion and an addition', () => {
    const store = new Store<KubeObject>();
    const [before, after] = [object('a', '1', 1), object('a', '2', 9)];
    store.put(before);
    const expected: Change<KubeObject>[] = [
      { type: 'deleted', object: before },
      { type: 'added', object: after },
    ];
    expect(store.put(after)).toEqual(expected);
  });

  it('an unknown index is an error, not an empty answer', () => {
    expect(() => new Store().byIndex('team', 'x')).toThrow('no index team');
  });

  it('after any history holds what a plain map holds, the index agrees, and the changes replay to the same', () => {
    const change = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      uid: fc.constantFrom('1', '2'),
      team: fc.constantFrom('t', 'u'),
      action: fc.constantFrom<Action>('put', 'remove', 'replace'),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (steps) => {
        const store = new Store<KubeObject>(byTeam);
        const model = new Map<string, KubeObject>();
        const replayed = new Map<string, KubeObject>();
        steps.forEach(({ name, uid, team, action }, index) => {
          const o = object(name, uid, index, team);
          applyToModel(model, action, o);
          for (const c of applyToStore(store, action, o)) replay(replayed, c);
        });
        expect(new Map([...store.values()].map((o) => [objectKey(o.metadata), o]))).toEqual(model);
        expect(replayed).toEqual(model);
        for (const team of ['t', 'u']) {
          const expected = [...model.values()].filter((o) => o.metadata.annotations?.team === team);
          expect(new Set(store.byIndex('team', team))).toEqual(new Set(expected));
        }
      }),
    );
  });
});

describe('objects and paths', () => {
  it('drops what nothing reads', () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', keep: 'me' };
    const stripped = stripBulk({ metadata: { ...object('a', '1', 1).metadata, managedFields: [{}], annotations } });
    expect(stripped.metadata).not.toHaveProperty('managedFields');
    expect(stripped.metadata.annotations).toEqual({ keep: 'me' });
  });

  it.each([
    [{ group: '', version: 'v1', plural: 'secrets' }, undefined, '/api/v1/secrets'],
    [
      { group: '', version: 'v1', plural: 'secrets', namespace: 'a', name: 'b' },
      undefined,
      '/api/v1/namespaces/a/secrets/b',
    ],
    [
      { group: 'relax.dev', version: 'v1alpha1', plural: 'slackbots', namespace: 'a', name: 'b' },
      'status',
      '/apis/relax.dev/v1alpha1/namespaces/a/slackbots/b/status',
    ],
    [
      { group: '', version: 'v1', plural: 'namespaces', name: '../../x?y' },
      undefined,
      '/api/v1/namespaces/..%2F..%2Fx%3Fy',
    ],
  ])('%j %s is at %s', (path, subresource, expected) => {
    expect(urlPath(path, subresource)).toBe(expected);
  });
});
