import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Outcome } from '#connector/queue/outcome.ts';
import type { Pressure } from '#connector/queue/pressure.ts';
import type { Publisher, PublisherOptions } from '#connector/queue/publisher.ts';
import { message, publisherOf, ScriptedQueue } from './scripted-queue.ts';

const LIMITS = { maxBytes: 100_000, maxAgeMs: 120_000 };
/** Some 1.1 kB on the queue. */
const TEXT = 'x'.repeat(300);

let queue: ScriptedQueue;
let publisher: Publisher;
let pressures: Pressure[];
let refused: string[];
let serial: number;

function start(options: Partial<PublisherOptions> = {}): void {
  queue = new ScriptedQueue();
  queue.away = true;
  pressures = [];
  publisher = publisherOf(queue, { buffer: LIMITS, onPressure: (pressure) => pressures.push(pressure), ...options });
}

function offer(bot: string, isSentAgain: boolean): void {
  serial += 1;
  const settled = (outcome: Outcome): void => {
    if (outcome.kind === 'failed') refused.push(`${bot} ${outcome.reason}`);
  };
  publisher.offer(message(serial, {}, bot, TEXT), settled, isSentAgain);
}
const fill = (): number => publisher.backlog().bytes / LIMITS.maxBytes;
const paused = (): string[] => pressures.flatMap(({ all, bots }) => (all ? ['all'] : [...bots]));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  refused = [];
  serial = 0;
  start();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('what Slack sends again', () => {
  it('is kept through an outage of minutes, however old, and pauses no socket', async () => {
    for (let n = 0; n < 20; n++) offer('app', true);
    await vi.advanceTimersByTimeAsync(1_000_000);
    offer('app', true);
    expect([paused(), refused]).toEqual([[], []]);
    queue.away = false;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(publisher.counts()).toMatchObject({ queued: 21, pending: 0 });
  });

  it('is refused from 75 % of the bytes on if its bot fills most of them, and that of others from 85 % on', () => {
    for (let n = 0; n < 10; n++) offer('quiet', true);
    while (refused.length === 0) offer('flood', true);
    expect(fill()).toBeGreaterThanOrEqual(0.75);
    expect(fill()).toBeLessThan(0.77);
    expect(new Set(refused)).toEqual(new Set(['flood buffer_full']));
    expect(publisher.faults()).toEqual([]);
    for (let n = 0; n < 50; n++) offer('quiet', true);
    expect(fill()).toBeGreaterThanOrEqual(0.85);
    expect(fill()).toBeLessThan(0.87);
    expect(refused.at(-1)).toBe('quiet buffer_full');
    expect(publisher.faults()).toEqual([expect.stringContaining('stay unacknowledged')]);
    expect(paused()).toEqual([]);
  });

  it('is taken again as soon as there is room', async () => {
    for (let n = 0; n < 200; n++) offer('flood', true);
    expect(refused.length).toBeGreaterThan(0);
    queue.away = false;
    await vi.advanceTimersByTimeAsync(5_000);
    refused = [];
    offer('flood', true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([refused, publisher.counts().pending, publisher.faults()]).toEqual([[], 0, []]);
  });

  it('takes no room for a copy of what waits, also when nothing else is taken', () => {
    for (let n = 0; n < 200; n++) offer('flood', true);
    const before = refused.length;
    publisher.offer(message(1, {}, 'flood', TEXT), () => refused.push('copy'), true);
    expect(refused).toHaveLength(before);
  });
});

describe('beside an app that floods, what Slack sends once', () => {
  it('finds room for a large event, even if the last one of the app was as large', () => {
    for (let n = 0; n < 68; n++) offer('app', true);
    for (let n = 0; n < 20 && fill() < 0.84; n++) offer('quiet', true);
    expect(fill()).toBeGreaterThanOrEqual(0.84);
    publisher.offer(message(1_000, {}, 'quiet', 'x'.repeat(4_000)), () => refused.push('large'), true);
    offer('rtm', false);
    publisher.offer(message(1_001, {}, 'rtm', 'x'.repeat(4_000)), () => refused.push('rtm large'));
    expect(refused.filter((who) => who.startsWith('rtm'))).toEqual([]);
    expect(refused).toContain('large');
  });

  it('is read on: it has the rest of the buffer to itself, and loses nothing', () => {
    for (let n = 0; n < 500; n++) {
      offer('flood', true);
      if (n % 50 === 0) offer('rtm', false);
    }
    expect(fill()).toBeGreaterThan(0.75);
    expect(paused()).toEqual([]);
    expect(new Set(refused)).toEqual(new Set(['flood buffer_full']));
  });

  it('pauses, the bots first that cause it, when it fills what the app leaves', () => {
    for (let n = 0; n < 500; n++) offer('flood', true);
    offer('quiet', false);
    while (pressures.length === 0) offer('busy', false);
    expect(paused()).toEqual([expect.stringContaining('busy')]);
    while (pressures.at(-1)?.all !== true) offer('quiet', false);
    expect(new Set(refused)).toEqual(new Set(['flood buffer_full']));
    expect(fill()).toBeLessThan(1);
  });

  it('does not refuse the events of an app that has little in the buffer, until it is nearly full', () => {
    while (pressures.length === 0) offer('rtm', false);
    offer('app', true);
    expect(refused).toEqual([]);
    while (pressures.at(-1)?.all !== true) offer('rtm', false);
    expect(publisher.faults()).toEqual([]);
    offer('app', true);
    expect(refused).toEqual(['app buffer_full']);
    expect(publisher.faults()).toEqual([expect.stringContaining('stay unacknowledged')]);
  });
});
