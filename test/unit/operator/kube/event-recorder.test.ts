import { describe, expect, it } from 'vitest';
import type { KubeClient } from '#operator/kube/client.ts';
import { EventRecorder, type Occurrence } from '#operator/kube/event-recorder.ts';
import { KubeError } from '#operator/kube/kube-error.ts';
import { FakeTimers, settle } from '#test/support/fake-timers.ts';

const occurrence = (fields: Partial<Occurrence> = {}): Occurrence => ({
  regarding: { apiVersion: 'v1', kind: 'ConfigMap', name: 'thing', namespace: 'ns', uid: 'u1' },
  type: 'Warning',
  reason: 'Broken',
  action: 'Connect',
  note: 'it broke',
  ...fields,
});

interface Written {
  verb: 'create' | 'patch';
  body: { reason?: string; note?: string; metadata?: { name: string; namespace: string }; series?: { count: number } };
}

function recorderOf(fail: (n: number) => KubeError | undefined = () => undefined) {
  const timers = new FakeTimers();
  const written: Written[] = [];
  const warnings: unknown[] = [];
  const write = async <T>(verb: Written['verb'], body: unknown): Promise<T> => {
    const failure = fail(written.length);
    written.push({ verb, body: body as Written['body'] });
    if (failure !== undefined) throw failure;
    return body as T;
  };
  const client: Pick<KubeClient, 'create' | 'patch'> = {
    create: (_scope, body) => write('create', body),
    patch: (_path, patch) => write('patch', patch.body),
  };
  const recorder = new EventRecorder({
    client,
    log: { warn: (...words: unknown[]) => void warnings.push(words.at(-1)) },
    reportingController: 'relax.dev/test',
    reportingInstance: 'pod-1',
    maxPending: 3,
    timers,
  });
  return { timers, written, warnings, recorder };
}

const verbs = (written: Written[]): string[] => written.map(({ verb }) => verb);

describe('event recorder', () => {
  it('the same again raises the count of the first Event', async () => {
    const { recorder, written } = recorderOf();
    for (let n = 0; n < 3; n += 1) {
      recorder.record(occurrence());
      await settle();
    }
    expect(verbs(written)).toEqual(['create', 'patch', 'patch']);
    expect(written.map(({ body }) => body.series?.count)).toEqual([undefined, 2, 3]);
  });

  it('another reason, type, action or object is another Event', async () => {
    const { recorder, written } = recorderOf();
    for (const other of [{}, { reason: 'Mended' }, { type: 'Normal' as const }, { action: 'Close' }]) {
      recorder.record(occurrence(other));
      await settle();
    }
    recorder.record(occurrence({ regarding: { ...occurrence().regarding, uid: 'u2' } }));
    await settle();
    expect(verbs(written)).toEqual(['create', 'create', 'create', 'create', 'create']);
    expect(new Set(written.map(({ body }) => body.metadata?.name)).size).toBe(5);
  });

  it('occurrences that wait become one write with the last count', async () => {
    const { recorder, written } = recorderOf();
    for (let n = 0; n < 10; n += 1) recorder.record(occurrence());
    await settle();
    expect(verbs(written)).toEqual(['create', 'patch']);
    expect(written.at(-1)?.body.series?.count).toBe(10);
  });

  it('one object gets 25 at once, then one in 5 minutes; another object is not held back', async () => {
    const { recorder, written, timers } = recorderOf();
    for (let n = 0; n < 60; n += 1) {
      recorder.record(occurrence({ reason: `Reason${n}` }));
      await settle();
    }
    expect(written).toHaveLength(25);
    recorder.record(occurrence({ regarding: { ...occurrence().regarding, uid: 'u2' } }));
    await timers.advance(0);
    expect(written).toHaveLength(26);
    await timers.advance(300_000);
    recorder.record(occurrence({ reason: 'Later' }));
    recorder.record(occurrence({ reason: 'TooMuch' }));
    await settle();
    expect(written).toHaveLength(27);
  });

  it('a long silence starts a new Event', async () => {
    const { recorder, written, timers } = recorderOf();
    recorder.record(occurrence());
    await timers.advance(7 * 60_000);
    recorder.record(occurrence());
    await settle();
    expect(verbs(written)).toEqual(['create', 'create']);
  });

  it('an Event that the server has deleted in the meantime is created again, with its count', async () => {
    const gone = new KubeError({ kind: 'notFound', status: 404, reason: 'NotFound', message: 'x' });
    const { recorder, written, warnings } = recorderOf((n) => (n === 1 ? gone : undefined));
    recorder.record(occurrence());
    await settle();
    recorder.record(occurrence());
    await settle();
    expect(verbs(written)).toEqual(['create', 'patch', 'create']);
    expect(written.at(-1)?.body.series?.count).toBe(2);
    expect(warnings).toEqual([]);
  });

  it('a failed write is logged, never thrown, and the next occurrence is written', async () => {
    const forbidden = new KubeError({ kind: 'forbidden', status: 403, reason: 'Forbidden', message: 'x' });
    const { recorder, written, warnings } = recorderOf((n) => (n === 0 ? forbidden : undefined));
    recorder.record(occurrence());
    await settle();
    recorder.record(occurrence());
    await settle();
    expect(verbs(written)).toEqual(['create', 'create']);
    expect(warnings).toEqual(['could not write an Event']);
  });

  it('more than can wait, and what comes after stop, is dropped', async () => {
    const { recorder, written } = recorderOf();
    for (let n = 0; n < 10; n += 1) recorder.record(occurrence({ reason: `Reason${n}` }));
    await recorder.stop(1_000);
    recorder.record(occurrence());
    await settle();
    expect(written.map(({ body }) => body.reason)).toEqual(['Reason0', 'Reason1', 'Reason2', 'Reason3']);
  });

  it('a long note is cut at 1024 bytes and a character', async () => {
    const { recorder, written } = recorderOf();
    recorder.record(occurrence({ note: 'ü'.repeat(2000) }));
    await settle();
    const note = written[0]?.body.note ?? '';
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(note).toMatch(/^ü+$/);
  });
});
