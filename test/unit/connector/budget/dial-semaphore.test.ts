import { expect, it } from 'vitest';
import { DialSemaphore } from '#connector/budget/dial-semaphore.ts';

const joined = (limit: DialSemaphore, name: string, order: string[]): (() => void) =>
  limit.join(() => order.push(name));

it('limits how many dial at once, the others in order', () => {
  const limit = new DialSemaphore(2);
  const order: string[] = [];
  const leave = ['a', 'b', 'c', 'd'].map((name) => joined(limit, name, order));
  expect(order).toEqual(['a', 'b']);
  leave[1]?.();
  expect(order).toEqual(['a', 'b', 'c']);
  leave[0]?.();
  expect(order).toEqual(['a', 'b', 'c', 'd']);
  joined(limit, 'e', order);
  expect(order).toEqual(['a', 'b', 'c', 'd']);
  leave[3]?.();
  expect(order).toEqual(['a', 'b', 'c', 'd', 'e']);
});

it('skips one that left the line, and counts a permit released twice once', () => {
  const limit = new DialSemaphore(1);
  const order: string[] = [];
  const [first, second] = ['a', 'b', 'c'].map((name) => joined(limit, name, order));
  second?.();
  first?.();
  first?.();
  joined(limit, 'd', order);
  expect(order).toEqual(['a', 'c']);
});

it('goes on after somebody who threw when his turn came', () => {
  const semaphore = new DialSemaphore(1);
  const leave = semaphore.join(() => {});
  const leaveBroken = semaphore.join(() => {
    throw new Error('a defect');
  });
  let gone = 0;
  semaphore.join(() => {
    gone += 1;
  });
  expect(leave).toThrow('a defect');
  leaveBroken();
  expect(gone).toBe(1);
});
