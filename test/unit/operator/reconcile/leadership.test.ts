import { expect, it } from 'vitest';
import { RetryLimiter } from '../../../../operator/kube/retry-limiter.ts';
import { RETRY_LIMITS } from '../../../../operator/reconcile/leadership.ts';

it('10,000 bots that all failed are looked at again within a minute, however often they failed', () => {
  const limiter = new RetryLimiter<number>(RETRY_LIMITS);
  let latestMs = 0;
  for (let minute = 0; minute < 5; minute++) {
    for (let bot = 0; bot < 10_000; bot++) latestMs = Math.max(latestMs, limiter.delayMs(bot, minute * 60_000));
  }
  expect(latestMs).toBeLessThan(60_000);
});
