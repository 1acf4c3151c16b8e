import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import type { SlotSpec } from '../transport/slot-spec.ts';
import type { Transport } from '../transport/transport.ts';
import type { TwinSocket } from '../twins/twin-socket.ts';
import type { TwinSlot } from '../twins/twin-watch.ts';
import { namesOf } from './slot-names.ts';
import type { SlotSockets } from './slot-sockets.ts';
import type { Input, SlotState } from './state.ts';

export interface SlotTwinDeps {
  limitedLog: Pick<RateLimitedLog, 'warn'>;
  observer?: { withheld?(): void };
}

/** The slot as it is now. */
export interface TwinOwner<S extends SlotSpec> {
  spec(): S;
  state(): SlotState;
  feed(input: Input): void;
}

/** A slot as its socket is compared with others of the same token. */
export class SlotTwin<S extends SlotSpec> implements TwinSlot {
  readonly #transport: Transport<S>;
  readonly #deps: SlotTwinDeps;
  readonly #owner: TwinOwner<S>;
  readonly #sockets: Pick<SlotSockets<S>, 'copiedAtMs'>;

  constructor(
    transport: Transport<S>,
    deps: SlotTwinDeps,
    owner: TwinOwner<S>,
    sockets: Pick<SlotSockets<S>, 'copiedAtMs'>,
  ) {
    this.#transport = transport;
    this.#deps = deps;
    this.#owner = owner;
    this.#sockets = sockets;
  }

  socket(): TwinSocket | undefined {
    const { twins } = this.#transport;
    const { current } = this.#owner.state();
    if (twins === undefined || current === undefined || current.pausedSinceMs !== undefined || current.leaving) {
      return undefined;
    }
    const { id, tokenDigest, readSinceMs } = current;
    const stream = twins.stream(this.#owner.spec(), tokenDigest);
    return { id, stream, readSinceMs, broughtAtMs: this.#sockets.copiedAtMs(id) };
  }

  withheld(id: number): void {
    const isFound = (): boolean => this.#owner.state().current?.withheld === 'found';
    if (isFound()) return;
    this.#owner.feed({ type: 'withheld', id });
    if (!isFound()) return;
    this.#deps.observer?.withheld?.();
    const names = namesOf(this.#transport, this.#owner.spec());
    this.#deps.limitedLog.warn('withheld', names, 'a websocket brings no events, although another of its team does');
  }

  brought(id: number): void {
    this.#owner.feed({ type: 'brought', id });
  }
}
