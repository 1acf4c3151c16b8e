import { describe, expect, it } from 'vitest';
import { type Lifecycle, live } from '#core/process/lifecycle.ts';
import { silentLog } from '#test/support/silent-log.ts';

const never = new AbortController().signal;
const part = (lifecycle: Lifecycle, name: string, story: string[], stop: () => Promise<void> | void = () => {}) =>
  lifecycle.part(
    name,
    () => story.push(`start ${name}`),
    async () => {
      story.push(`stop ${name}`);
      await stop();
    },
  );
const abortable = (signal: AbortSignal, story: string[]): Promise<void> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      story.push('work ends');
      reject(signal.reason);
    });
  });

describe('one life of a program', () => {
  it('runs until it is stopped, then stops its parts in reverse', async () => {
    const story: string[] = [];
    const outside = new AbortController();
    const life = live(silentLog, outside.signal, 1_000, async (lifecycle) => {
      await part(lifecycle, 'one', story);
      await part(lifecycle, 'two', story);
      lifecycle.background('loop', abortable(lifecycle.signal, story));
    });
    setTimeout(() => outside.abort(), 5);
    await life;
    expect(story).toEqual(['start one', 'start two', 'work ends', 'stop two', 'stop one']);
  });

  it('stops what was started when a later part fails to start, and throws that error', async () => {
    const story: string[] = [];
    const life = live(silentLog, never, 1_000, async (lifecycle) => {
      await part(lifecycle, 'one', story);
      await lifecycle.part(
        'two',
        () => Promise.reject(new Error('port taken')),
        () => {
          story.push('stop two');
        },
      );
    });
    await expect(life).rejects.toThrow('port taken');
    expect(story).toEqual(['start one', 'stop one']);
  });

  it('ends with the error of background work that failed', async () => {
    const story: string[] = [];
    const life = live(silentLog, never, 1_000, async (lifecycle) => {
      await part(lifecycle, 'one', story);
      lifecycle.background('loop', Promise.reject(new Error('bug')));
      lifecycle.background('later', new Promise((_resolve, reject) => setTimeout(reject, 5, new Error('other'))));
    });
    await expect(life).rejects.toThrow('bug');
    expect(story).toEqual(['start one', 'stop one']);
  });

  it('takes an abort of background work after the stop as its end, not as a failure', async () => {
    const outside = new AbortController();
    const life = live(silentLog, outside.signal, 1_000, async (lifecycle) => {
      lifecycle.background('loop', abortable(lifecycle.signal, []));
    });
    outside.abort();
    await expect(life).resolves.toBeUndefined();
  });

  it('leaves a part that hangs, and stops the others all the same', async () => {
    const story: string[] = [];
    const outside = new AbortController();
    outside.abort();
    const startedAtMs = performance.now();
    await live(silentLog, outside.signal, 50, async (lifecycle) => {
      await part(lifecycle, 'one', story);
      await part(lifecycle, 'hangs', story, () => new Promise(() => {}));
      await part(lifecycle, 'throws', story, () => Promise.reject(new Error('no')));
    });
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    expect(story.slice(3)).toEqual(['stop throws', 'stop hangs', 'stop one']);
  });

  it('gives a part that is stopped after a hanging one a chance to end', async () => {
    let ended = false;
    const outside = new AbortController();
    outside.abort();
    await live(silentLog, outside.signal, 30, async (lifecycle) => {
      await part(lifecycle, 'quick', [], async () => {
        ended = true;
      });
      await part(lifecycle, 'hangs', [], () => new Promise(() => {}));
    });
    expect(ended).toBe(true);
  });
});
