/** Gets a starting connector its pod's name (ADR 0006). */

import type { Clock } from '../../core/process/clock.ts';
import { foreignScopeText } from '../../core/protocol/scope.ts';
import { type NameHolder, nameVerdict } from './name-verdict.ts';
import type { ProcessState } from './process-identity.ts';
import { Silence } from './silence.ts';

/** What Redis says about the pod's name, read at one moment. */
export interface NameLook {
  /** Of the scope; empty when Redis does not know. */
  scopeOwner: string;
  holder: NameHolder | undefined;
  /** Redis time of the last renewal under this name; empty for none. */
  renewedAt: string;
}

/** The holder that was judged: taken over only if it is still the same and has not renewed since. */
export interface NameClaim {
  incarnation: string;
  renewedAt: string;
}

export type Sought =
  | { kind: 'claim'; claim: NameClaim }
  /** Nothing may be written or run under this name now; `words` are for people. */
  | { kind: 'barred'; by: 'waiting' | 'foreign'; words: string };

export interface NameSeekerOptions {
  look(): Promise<NameLook>;
  cluster: string;
  self: { pod: string; incarnation: string; owner: string };
  clock: Clock;
  /** Whether the holder's process lives, as far as this machine can tell. */
  processOf(holder: NameHolder): ProcessState;
}

/** How a starting connector gets its pod name: reads who holds it, decides (`name-verdict.ts`), and claims it. */
export class NameSeeker {
  readonly #options: NameSeekerOptions;
  readonly #silence = new Silence();

  constructor(options: NameSeekerOptions) {
    this.#options = options;
  }

  /** @throws what Redis gave */
  async seek(): Promise<Sought> {
    const { look, self, clock, processOf } = this.#options;
    const { scopeOwner, holder, renewedAt } = await look();
    const nowMs = clock.monotonicMs();
    const sign = holder === undefined ? undefined : `${holder.incarnation} ${renewedAt}`;
    const silentMs = this.#silence.saw(sign, nowMs);
    const verdict = nameVerdict({
      scopeOwner,
      holder,
      process: holder === undefined ? 'unknown' : processOf(holder),
      self,
      silentMs,
    });
    switch (verdict) {
      case 'take':
        return { kind: 'claim', claim: { incarnation: holder?.incarnation ?? '', renewedAt } };
      case 'foreign':
        return { kind: 'barred', by: 'foreign', words: this.foreignWords(scopeOwner) };
      case 'wait':
        this.#silence.begin(nowMs);
        return { kind: 'barred', by: 'waiting', words: this.#waitingWords(holder) };
      default:
        return verdict satisfies never;
    }
  }

  /** Redis did not answer. */
  broke(): void {
    this.#silence.broke();
  }

  foreignWords(scopeOwner: string): string {
    const { cluster, self } = this.#options;
    return `${foreignScopeText(cluster, scopeOwner, 'this connector', self.owner)}; until then it takes no assignments there`;
  }

  #waitingWords(holder: NameHolder | undefined): string {
    const { cluster, self } = this.#options;
    const owner = holder?.owner === '' ? 'owner unknown' : `of ${holder?.owner}`;
    const who = holder === undefined ? '' : ` (${owner}, incarnation ${holder.incarnation})`;
    return (
      `another process${who} renews this pod name, ${self.pod} in cluster scope "${cluster}": no sockets are held here until ` +
      'it is gone. Give each connector a RELAX_POD of its own, or each cluster its own RELAX_CLUSTER'
    );
  }
}
