import * as z from 'zod/mini';
import type { OutcomeCounts } from './queue/outcome.ts';

/**
 * What a connector reports to the process that forked it: its own events since its start. `relax standalone` shows the
 * sums; in a cluster there is no such parent, and the metrics say the same.
 */
export const parentReportSchema = z.object({
  events: z.object({
    /** Put onto the queue by this process. */
    queued: z.int().check(z.nonnegative()),
    /** Read, and lost for one of the reasons of `relax_events_total{outcome="failed"}`. */
    failed: z.int().check(z.nonnegative()),
    /** Waiting for Redis. */
    pending: z.int().check(z.nonnegative()),
  }),
});
export type ParentReport = z.infer<typeof parentReportSchema>;

/** Often enough for a person who watches. */
const EVERY_MS = 1_000;
/** A parent that hangs must not hold up our exit. */
const LAST_WORD_MS = 500;

export const parentReport = ({ queued, failed, pending }: OutcomeCounts): ParentReport => ({
  events: { queued, pending, failed: Object.values(failed).reduce((sum, count) => sum + count, 0) },
});

/** @returns ends it; resolves when the parent has the last report */
export type TellParent = (read: () => ParentReport | undefined) => () => Promise<void>;

/** Reports to the parent each second, on change only, and once more at the end. Without a parent it does nothing. */
export const tellParent: TellParent = (read) => {
  if (process.send === undefined) return async () => undefined;
  let told = '';
  const tell = (done: () => void): void => {
    const report = read();
    const text = JSON.stringify(report);
    // The channel closes when the parent ends.
    if (report === undefined || text === told || !process.connected) {
      done();
      return;
    }
    told = text;
    process.send?.(report, undefined, undefined, () => done());
  };
  const timer = setInterval(tell, EVERY_MS, () => undefined);
  return () =>
    new Promise((resolve) => {
      clearInterval(timer);
      const late = setTimeout(resolve, LAST_WORD_MS);
      tell(() => {
        clearTimeout(late);
        resolve();
      });
    });
};
