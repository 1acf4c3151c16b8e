import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MessageDeadline } from '#connector/socket/message-deadline.ts';
import { frameBytes, OPCODE } from '#test/support/hostile/websocket-frame.ts';

let stream: EventEmitter;
let deadline: MessageDeadline;
let overdue: number;

beforeEach(() => {
  vi.useFakeTimers();
  stream = new EventEmitter();
  overdue = 0;
  deadline = new MessageDeadline(() => {
    overdue += 1;
  });
  deadline.watch(stream as Socket);
});
afterEach(() => {
  vi.useRealTimers();
});

const arrives = (opcode: number, fin: boolean): void => void stream.emit('data', frameBytes(opcode, 'x', { fin }));

it('a message whose last fragment does not come is overdue after 20 s, whatever comes in between', () => {
  arrives(OPCODE.text, false);
  for (let second = 0; second < 19; second += 1) {
    vi.advanceTimersByTime(1_000);
    arrives(OPCODE.pong, true);
    arrives(OPCODE.continuation, false);
  }
  expect(overdue).toBe(0);
  vi.advanceTimersByTime(1_000);
  expect(overdue).toBe(1);
});

it('one that ends in time is not, and neither is the next', () => {
  for (let message = 0; message < 3; message += 1) {
    arrives(OPCODE.text, false);
    vi.advanceTimersByTime(15_000);
    arrives(OPCODE.continuation, true);
  }
  vi.advanceTimersByTime(60_000);
  expect([overdue, vi.getTimerCount()]).toEqual([0, 0]);
});

it('the time in which the socket is not read does not count', () => {
  arrives(OPCODE.text, false);
  vi.advanceTimersByTime(15_000);
  deadline.suspend();
  vi.advanceTimersByTime(600_000);
  deadline.resume();
  vi.advanceTimersByTime(19_000);
  expect(overdue).toBe(0);
  vi.advanceTimersByTime(1_000);
  expect(overdue).toBe(1);
});
