import type { DialSemaphore } from './dial-semaphore.ts';
import type { Outage } from './outage.ts';

/** What the attempts of a process share. */
export interface ConnectLine {
  outage: Outage;
  dialSemaphore: DialSemaphore;
}

/**
 * The line for a turn to connect: past an outage, then for one of the dials. Whoever waits for a dial when an outage is declared
 * goes back to wait for its end, or a pod that starts during an outage would spend a connect of every team.
 * @param permitted called once when the turn has come, perhaps before this returns; `sparing` as of `Outage.pass`
 * @returns gives the turn back, or the place in the line
 */
export function joinLine(
  { outage, dialSemaphore }: ConnectLine,
  streamID: string,
  permitted: (sparing: boolean) => void,
): () => void {
  let leaveOutage = (): void => {};
  let leaveDials = (): void => {};
  const join = (): void => {
    leaveOutage = outage.pass(streamID, (sparing) => {
      const isProbe = outage.isDeclared;
      leaveDials = dialSemaphore.join(() => {
        if (isProbe || !outage.isDeclared) return permitted(sparing);
        leaveDials();
        join();
      });
    });
  };
  join();
  return () => {
    leaveOutage();
    leaveDials();
  };
}
