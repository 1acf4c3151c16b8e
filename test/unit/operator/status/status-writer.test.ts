import { describe, expect, it } from 'vitest';
import type { SlackBotStatus } from '#core/api/slackbot.ts';
import { slackBotKind } from '#operator/kinds/slackbot/slackbot-kind.ts';
import type { SlackBotObject } from '#operator/kinds/slackbot/slackbot-object.ts';
import { KubeError } from '#operator/kube/kube-error.ts';
import type { ResourcePath } from '#operator/kube/object.ts';
import { StatusWriter } from '#operator/status/status-writer.ts';
import { FakeTimers, settle } from '#test/support/fake-timers.ts';
import { type Lamp, lampKind } from '#test/support/lamp-kind.ts';
import { silentLog } from '#test/support/silent-log.ts';

const status = (
  ready: 'True' | 'False',
  live: number,
  reason = ready === 'True' ? 'Live' : 'ConnectionLost',
): SlackBotStatus => ({
  observedGeneration: 1,
  desiredConnections: 2,
  liveConnections: live,
  connectionSummary: `${live}/2`,
  conditions: [
    {
      type: 'Ready',
      status: ready,
      reason,
      message: 'm',
      lastTransitionTime: '2026-11-24T00:00:00Z',
      observedGeneration: 1,
    },
  ],
});
const bot = (name: string, has?: SlackBotStatus, version = '10'): SlackBotObject => ({
  apiVersion: 'relax.dev/v1alpha1',
  kind: 'SlackBot',
  metadata: {
    name,
    namespace: 'bots',
    uid: name,
    generation: 1,
    resourceVersion: version,
    creationTimestamp: '2026-11-24T00:00:00Z',
  },
  spec: { teamID: 'T1', transport: 'RTM' },
  ...(has === undefined ? {} : { status: has }),
});

function writerOf(perSecond = 50) {
  const timers = new FakeTimers();
  const writes: string[] = [];
  const faults: (KubeError | 'hang')[] = [];
  const answers: (() => void)[] = [];
  let version = 100;
  const client = {
    async patchStatus<T>(path: ResourcePath, patch: { body: unknown }): Promise<T> {
      const { status: written } = patch.body as { status: SlackBotStatus };
      writes.push(`${path.name} ${written.connectionSummary}`);
      const fault = faults.shift();
      if (fault === 'hang') await new Promise<void>((resolve) => answers.push(resolve));
      else if (fault !== undefined) throw fault;
      version += 1;
      return { metadata: { name: path.name, uid: path.name, resourceVersion: String(version) } } as T;
    },
  };
  const all = new StatusWriter({ client, timers, perSecond, log: silentLog });
  return { timers, writes, faults, answers, all, writer: all.forKind(slackBotKind) };
}
const up = status('True', 2);

describe('the status writer', () => {
  it('writes bad news at once and never the same twice', async () => {
    const { writer, writes } = writerOf();
    writer.offer(bot('a', up), status('False', 0));
    writer.offer(bot('a', up), status('False', 0));
    await settle();
    writer.offer(bot('a', up), status('False', 0)); // the copy does not show our write yet
    await settle();
    expect(writes).toEqual(['a 0/2']);
  });

  it('forgets a socket that was away for a moment', async () => {
    const { writer, writes, timers } = writerOf();
    writer.offer(bot('a', up), status('True', 1));
    await timers.advance(9_000);
    writer.offer(bot('a', up), up);
    await timers.advance(60_000);
    expect(writes).toEqual([]);
    expect(timers.pending).toBe(0);
  });

  it('reports a socket that stays away ten seconds after it went', async () => {
    const { writer, writes, timers } = writerOf();
    writer.offer(bot('a', up), status('True', 1));
    await timers.advance(5_000);
    writer.offer(bot('a', up), status('True', 1, 'Live'));
    await timers.advance(5_000);
    expect(writes).toEqual(['a 1/2']);
  });

  it('makes one write of sockets that come up within a second', async () => {
    const { writer, writes, timers } = writerOf();
    const down = status('False', 0);
    writer.offer(bot('a', down), status('True', 1));
    await timers.advance(500);
    writer.offer(bot('a', down), up);
    await timers.advance(600);
    expect(writes).toEqual(['a 2/2']);
  });

  it('keeps to its rate, bad news first', async () => {
    const { writer, writes, timers } = writerOf(2);
    for (const name of ['g1', 'g2', 'g3', 'g4']) writer.offer(bot(name, status('False', 0)), up);
    await timers.advance(1_000);
    expect(writes).toHaveLength(2);
    writer.offer(bot('bad', up), status('False', 0));
    await timers.advance(500);
    expect(writes.at(-1)).toBe('bad 0/2');
    await timers.advance(1_500);
    expect(writes).toHaveLength(5);
  });

  it('writes one object once at a time, and then what came in the meantime', async () => {
    const { writer, writes, faults, answers } = writerOf();
    faults.push('hang');
    writer.offer(bot('a', up), status('False', 0));
    await settle();
    writer.offer(bot('a', up), status('False', 0, 'TokenRevoked'));
    await settle();
    expect(writes).toHaveLength(1);
    answers[0]?.();
    await settle();
    expect(writes).toEqual(['a 0/2', 'a 0/2']);
  });

  it('tries again after a server that was away, and not after one that refused', async () => {
    const { writer, writes, faults, timers } = writerOf();
    const fault = (kind: KubeError['kind']) => new KubeError({ kind, status: 0, reason: 'x', message: 'x' });
    faults.push(fault('transient'), fault('invalid'));
    writer.offer(bot('a', up), status('False', 0));
    await timers.advance(4_000);
    expect(writes).toHaveLength(1);
    await timers.advance(2_000);
    expect(writes).toHaveLength(2);
    await timers.advance(60_000);
    expect(writes).toHaveLength(2);
  });

  it('judges the next status by what it wrote until the copy shows it, or something later', () => {
    const { writer } = writerOf();
    const down = status('False', 0);
    writer.offer(bot('a', up), down);
    return settle().then(() => {
      expect(writer.baseOf(bot('a', up, '99'))).toEqual(down);
      expect(writer.baseOf(bot('a', up, '101'))).toEqual(up);
    });
  });

  it('writes what waits when it is stopped gracefully, and nothing when the lease is lost', async () => {
    for (const [graceMs, expected] of [
      [5_000, ['a 2/2']],
      [0, []],
    ] as const) {
      const { all, writer, writes } = writerOf();
      writer.offer(bot('a', status('False', 0)), up);
      writer.offer(bot('b', up), status('True', 1));
      await all.stop(graceMs);
      expect(writes).toEqual(expected);
    }
  });

  it('takes the first status of 50,000 bots without looking at all of them for each', async () => {
    const { all, writer } = writerOf();
    const startedMs = performance.now();
    for (let n = 0; n < 50_000; n++) writer.offer(bot(`b${n}`), up);
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    expect(all.depth).toBeGreaterThan(49_000);
    await all.stop(0);
  });

  it('serves several kinds at one rate, and bad news of any goes first', async () => {
    const { all, writer, writes, timers } = writerOf(1);
    const lamp: Lamp = { ...bot('lamp'), kind: 'Lamp', spec: { watts: 40 }, status: { watts: 40 } };
    // The one write that there may be at once.
    writer.offer(bot('first', up), status('False', 0));
    writer.offer(bot('better', status('False', 0)), up);
    await timers.advance(500);
    all.forKind(lampKind).offer(lamp, { watts: 0 });
    await timers.advance(5_000);
    expect(writes).toEqual(['first 0/2', 'lamp undefined', 'better 2/2']);
  });
});
