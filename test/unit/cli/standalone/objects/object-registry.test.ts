import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appUidOf, botUidOf, type Registration, register } from '#cli/standalone/objects/object-registry.ts';
import { app, bot, read } from '../sample-manifests.ts';

const NONE = { present: [], removed: [], problems: [] };
const EMPTY: Registration = { registry: new Map(), bots: NONE, apps: NONE };
const starts = new WeakSet([EMPTY]);

/** The next reading on top of the last. */
function next(
  last: Registration,
  documents: object[],
  more: { fences?: [string, number][]; placed?: [string, number][]; complete?: boolean; now?: string } = {},
) {
  return register({
    manifests: read(...documents),
    registry: last.registry,
    before: starts.has(last) ? undefined : last,
    known: { fenced: new Map(more.fences ?? []), assigned: new Map(more.placed ?? []) },
    complete: more.complete ?? true,
    now: more.now ?? '2026-01-01T00:00:00Z',
  });
}
/** The process starts again with what the state folder kept. */
const restarted = ({ registry }: Registration): Registration => {
  const start = { ...EMPTY, registry };
  starts.add(start);
  return start;
};
const generationOf = ({ bots: { present } }: Registration): number | undefined => present[0]?.metadata.generation;
const uid = botUidOf('bots/a', 'T0A');

describe('a bot of the directory', () => {
  it('has the same uid in every run, and another with another team', () => {
    expect(next(EMPTY, [bot('a')]).bots.present[0]?.metadata.uid).toBe(uid);
    expect(botUidOf('bots/a', 'T0B')).not.toBe(uid);
  });

  it('has a generation that rises with each change of its spec, and only then', () => {
    const first = next(EMPTY, [bot('a')]);
    const same = next(first, [bot('a'), bot('b')]);
    const changed = next(same, [bot('a', { replicas: 3 })]);
    expect([first, same, changed].map(generationOf)).toEqual([1, 1, 2]);
    expect(generationOf(next(restarted(changed), [bot('a', { replicas: 3 })]))).toBe(2);
  });

  it('is above its fence when it comes back after it was removed, at once or after a restart', () => {
    const first = next(EMPTY, [bot('a')]);
    const removed = next(first, []);
    expect(removed.bots.removed.map(({ metadata }) => metadata)).toEqual([
      expect.objectContaining({ uid, generation: 1 }),
    ]);
    expect(generationOf(next(removed, [bot('a')], { fences: [[uid, 1]] }))).toBe(2);
    expect(generationOf(next(restarted(EMPTY), [bot('a')], { fences: [[uid, 7]] }))).toBe(8);
  });

  it('is above its fence when it comes back though the fence could not be read, at once or after a restart', () => {
    const removed = next(next(EMPTY, [bot('a')]), []);
    const back = next(removed, [bot('a')]);
    expect(generationOf(back)).toBe(2);
    expect(generationOf(next(back, [bot('a')]))).toBe(2);
    expect(generationOf(next(restarted(removed), [bot('a')]))).toBe(2);
  });

  it('is above the slots that an earlier run has placed, if nothing is left of its registry', () => {
    const placed: [string, number][] = [[uid, 5]];
    const first = next(EMPTY, [bot('a')], { placed });
    const same = next(first, [bot('a')], { placed });
    expect([first, same, next(same, [bot('a', { replicas: 3 })], { placed })].map(generationOf)).toEqual([6, 6, 7]);
  });

  it('keeps its generation over a restart while it is suspended, and is above its fence when it is resumed', () => {
    const suspended = next(next(EMPTY, [bot('a')]), [bot('a', { suspend: true })]);
    const fences: [string, number][] = [[uid, 2]];
    const again = next(restarted(suspended), [bot('a', { suspend: true })], { fences });
    expect([suspended, again, next(restarted(again), [bot('a')], { fences })].map(generationOf)).toEqual([2, 2, 3]);
  });

  it('keeps its spec when an edit changes its team, and says what the API server would', () => {
    const first = next(EMPTY, [bot('a')]);
    const edited = next(first, [bot('a', { teamID: 'T0OTHER', replicas: 3 })]);
    expect(edited.bots.present).toEqual(first.bots.present);
    expect(edited.bots.problems).toEqual([
      { file: 'bots.yaml', document: 1, field: 'spec.teamID', message: expect.stringContaining('immutable') },
    ]);
    expect(edited.bots.removed).toEqual([]);
  });

  it('is older than one that came later, also after a restart', () => {
    const first = next(EMPTY, [bot('z')], { now: '2026-01-01T00:00:00Z' });
    const second = next(first, [bot('a'), bot('z')], { now: '2026-01-02T00:00:00Z' });
    const again = next(restarted(second), [bot('a'), bot('z')], { now: '2026-01-03T00:00:00Z' });
    expect(again.bots.present.map(({ metadata }) => metadata.creationTimestamp)).toEqual([
      '2026-01-02T00:00:00Z',
      '2026-01-01T00:00:00Z',
    ]);
  });

  it('is forgotten when it went while nobody ran, unless a file could not be read', () => {
    const first = next(EMPTY, [bot('a')]);
    expect(next(restarted(first), []).registry.size).toBe(0);
    expect(next(restarted(first), [], { complete: false }).registry.size).toBe(1);
  });

  it('never gets a generation that its fence refuses, whatever happens to it', () => {
    const step = fc.record({
      replicas: fc.integer({ min: 1, max: 2 }),
      there: fc.boolean(),
      restart: fc.boolean(),
      away: fc.boolean(),
    });
    const walk = (
      state: { last: Registration; fence: number; read: number },
      { replicas, there, restart, away }: typeof step extends fc.Arbitrary<infer T> ? T : never,
    ) => {
      // Only the first reading of a run waits for Redis; later what was read last counts.
      const read = away && !restart ? state.read : state.fence;
      const fences: [string, number][] = read === 0 ? [] : [[uid, read]];
      const last = next(restart ? restarted(state.last) : state.last, there ? [bot('a', { replicas })] : [], {
        fences,
      });
      const fence = Math.max(state.fence, ...last.bots.removed.map(({ metadata }) => metadata.generation));
      if (there) expect(generationOf(last)).toBeGreaterThan(fence);
      return { last, fence, read };
    };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        steps.reduce(walk, { last: EMPTY, fence: 0, read: 0 });
      }),
    );
  });
});

describe('an app of the directory', () => {
  const appUid = appUidOf('bots/a', 'A0A');
  const metadataOf = ({ apps: { present } }: Registration) => present[0]?.metadata;

  it('is an object of its own beside a bot of the same name', () => {
    const { bots, apps, registry } = next(EMPTY, [bot('a'), app('a')]);
    expect([bots, apps].map(({ present }) => present[0]?.metadata.uid)).toEqual([uid, appUid]);
    expect(registry.size).toBe(2);
  });

  it('has uid, generation and age over a restart, and a new generation with a change', () => {
    const first = next(EMPTY, [app('a')]);
    const again = next(restarted(first), [app('a')], { now: '2026-01-02T00:00:00Z' });
    const changed = next(again, [app('a', { replicas: 3 })], { now: '2026-01-03T00:00:00Z' });
    expect([first, again, changed].map((each) => metadataOf(each)?.generation)).toEqual([1, 1, 2]);
    expect(metadataOf(changed)).toMatchObject({ uid: appUid, creationTimestamp: '2026-01-01T00:00:00Z' });
  });

  it('keeps its spec when an edit changes its app, and says what the API server would', () => {
    const first = next(EMPTY, [app('a')]);
    const edited = next(first, [app('a', { appID: 'A0OTHER' })]);
    expect(edited.apps.present).toEqual(first.apps.present);
    expect(edited.apps.problems).toMatchObject([
      { field: 'spec.appID', message: expect.stringContaining('delete this SlackApp') },
    ]);
  });

  it('is above its fence when it comes back after it was removed', () => {
    const removed = next(next(EMPTY, [app('a')]), []);
    expect(removed.apps.removed).toHaveLength(1);
    expect(metadataOf(next(removed, [app('a')], { fences: [[appUid, 1]] }))?.generation).toBe(2);
  });
});
