import type { Timers } from '../../core/process/timers.ts';

/**
 * Renews a lease at intervals until the caller ends it. A renewal that fails is tried again at the next interval: whether the
 * lease was kept is seen when the message is settled.
 * @param renew resolves to false once the lease is another's
 * @returns ends it
 */
export function keepLease(renew: () => Promise<boolean>, everyMs: number, timers: Pick<Timers, 'after'>): () => void {
  let isEnded = false;
  let cancel = plan();

  function plan(): () => void {
    return timers.after(everyMs, () => {
      void renew()
        .catch(() => true)
        .then((isOurs) => {
          if (isOurs && !isEnded) cancel = plan();
        });
    });
  }

  return () => {
    isEnded = true;
    cancel();
  };
}
