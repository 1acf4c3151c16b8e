import type { RotationRecord, TokenPair } from '../../core/protocol/rotation.ts';
import { tokenDigest } from '../../core/protocol/token.ts';
import type { LineageState } from './lineage-state.ts';
import { absorb } from './rotation-memory.ts';
import type { RotationOptions } from './rotation-options.ts';
import type { RotationStore } from './rotation-store.ts';

/** Brings what is known of a rotating token up to date with Redis, and Redis with what it has lost. Throws when Redis is away. */
export class LineageReader {
  readonly #options: Pick<RotationOptions, 'fleetKeys' | 'mayRefresh'>;
  readonly #store: RotationStore;

  constructor(options: Pick<RotationOptions, 'fleetKeys' | 'mayRefresh'>, store: RotationStore) {
    this.#options = options;
    this.#store = store;
  }

  async read(state: LineageState): Promise<void> {
    const { fleetKeys, mayRefresh } = this.#options;
    const stored = await this.#store.read(state.lineage);
    const { known, sealed, rewrite } = absorb(state, stored, fleetKeys());
    state.stored = stored;
    state.known = known;
    state.sealed = sealed;
    if (rewrite !== undefined && known !== undefined && mayRefresh()) await this.#rewrite(state, rewrite, known.pair);
  }

  /** So that no ancestor is forgotten that a Secret still shows. */
  async show({ stored, lineage, users }: LineageState): Promise<void> {
    if (stored?.record === undefined || !this.#options.mayRefresh()) return;
    for (const { uid, secret } of users.values()) {
      const shows = tokenDigest(secret.pair.refreshToken);
      if (stored.shown.get(this.#store.fieldOf(uid)) !== shows) await this.#store.show(lineage, uid, shows);
    }
  }

  async #rewrite(state: LineageState, record: RotationRecord, pair: TokenPair): Promise<void> {
    const text = JSON.stringify(record);
    const { stored } = state;
    if (stored === undefined || !(await this.#store.store(state.lineage, stored.text, text))) return;
    state.stored = { ...stored, record, text };
    state.known = { record, pair };
  }
}
