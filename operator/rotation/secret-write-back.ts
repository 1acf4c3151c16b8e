import { backoffMs } from '../../core/process/backoff.ts';
import { errorText } from '../../core/process/log.ts';
import { redactTokens } from '../../core/process/redact.ts';
import { systemTimers } from '../../core/process/timers.ts';
import { isKubeError } from '../kube/kube-error.ts';
import type { KnownPair, LineageUser } from './lineage-state.ts';
import type { RotationOptions } from './rotation-options.ts';

const RETRY = { baseMs: 1_000, capMs: 60_000 };
/** For the Secret to be read again, and judged. */
const SETTLE_MS = 3_000;

/** Puts the newest pair into the Secrets that show an older one, until they show it. */
export class SecretWriteBack {
  readonly #options: RotationOptions;

  constructor(options: RotationOptions) {
    this.#options = options;
  }

  /** When the Secret of this SlackBot may be written next, monotonic; undefined: not by us. */
  dueMs({ secret, write }: LineageUser): number | undefined {
    const { writes } = this.#options;
    return secret.home === undefined || writes?.right() === undefined ? undefined : write.dueMs;
  }

  /** Never rejects. */
  async run(user: LineageUser, { pair, record }: KnownPair): Promise<void> {
    const { writes, observer, log, random = Math.random } = this.#options;
    const { home } = user.secret;
    const right = writes?.right();
    if (writes === undefined || home === undefined || right === undefined) return;
    const { write } = user;
    write.dueMs = Number.POSITIVE_INFINITY;
    try {
      const outcome = await writes.write(home, pair, record.expiresAtMs, right);
      observer.wrote(outcome);
      user.write = { dueMs: systemTimers.monotonicMs() + SETTLE_MS, failures: 0, error: undefined };
      writes.onWritten(user.uid);
    } catch (error) {
      const delayMs = backoffMs(write.failures, RETRY, random());
      const said = whyNot(error, home);
      user.write = { dueMs: systemTimers.monotonicMs() + delayMs, failures: write.failures + 1, error: said };
      if (right.aborted) return;
      observer.wrote('failed');
      const secret = `${home.namespace}/${home.name}`;
      log.warn(
        { secret, error: redactTokens(errorText(error)) },
        'a refreshed token waits to be written into its Secret',
      );
    }
  }
}

/** The same for each try, since what it says is written into the status. */
function whyNot(error: unknown, { namespace, name }: { namespace: string; name: string }): string {
  if (isKubeError(error, 'forbidden')) {
    return (
      `the operator may not patch Secret ${name} in namespace ${namespace}: set config.credentialsWriteBack in the chart, or grant the ` +
      'verb patch on secrets.'
    );
  }
  if (isKubeError(error, 'invalid')) {
    return `the API server does not take the change of Secret ${name}: it may be immutable, or an admission policy forbids it.`;
  }
  return 'the API server does not answer. Relax tries again.';
}
