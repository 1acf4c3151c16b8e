import type { Bucket, BudgetAnswer, ConnectBudget } from '../budget/connect-budget.ts';
import type { SlotSpec } from '../transport/slot-spec.ts';
import type { Transport } from '../transport/transport.ts';
import type { Effect, Input } from './state.ts';

/** The slot that asks. */
export interface BudgetOwner<S extends SlotSpec> {
  /** As it is now. */
  spec(): S;
  /** Whether this attempt is still under way. */
  isTrying(id: number): boolean;
  feed(input: Input): void;
  /** Redis is away. */
  away(error: unknown): void;
}

/** What one slot asks of the budget that it shares, and tells it. Nothing waits for it, and nothing is thrown. */
export class SlotBudget<S extends SlotSpec> {
  readonly #transport: Pick<Transport<S>, 'bucket'>;
  readonly #budget: ConnectBudget;
  readonly #owner: BudgetOwner<S>;

  constructor(transport: Pick<Transport<S>, 'bucket'>, budget: ConnectBudget, owner: BudgetOwner<S>) {
    this.#transport = transport;
    this.#budget = budget;
    this.#owner = owner;
  }

  /** @param tokenDigest of the token in question, maybe an earlier one */
  bucket(tokenDigest = this.#owner.spec().tokenDigest): Bucket {
    return this.#transport.bucket(this.#owner.spec(), tokenDigest);
  }

  async take({ id, purpose, unspaced, sparing }: Extract<Effect, { do: 'takeBudget' }>): Promise<void> {
    const { slotID } = this.#owner.spec();
    const bucket = this.bucket();
    try {
      const answer: BudgetAnswer = await this.#budget.take(bucket, purpose, { slotID, unspaced, sparing });
      // Nobody will use the connect, and the other slots of the bucket would wait for its result.
      if (answer.granted && !this.#owner.isTrying(id)) await this.#budget.giveBack(bucket, slotID);
      this.#owner.feed({ type: 'budget', id, answer });
    } catch (error) {
      this.#owner.away(error);
      this.#owner.feed({ type: 'budget', id, answer: 'away' });
    }
  }

  giveBack(): void {
    this.#tell((bucket, slotID) => this.#budget.giveBack(bucket, slotID));
  }

  block(forMs: number): void {
    this.#tell((bucket) => this.#budget.block(bucket, forMs));
  }

  hold(forMs: number): void {
    this.#tell((bucket) => this.#budget.hold(bucket, forMs));
  }

  markLive({ tokenDigest, counted }: Extract<Effect, { do: 'markLive' }>): void {
    const mark = async (bucket: Bucket, slotID: string): Promise<void> => {
      const known = await this.#budget.markLive(bucket, slotID, counted?.sockets);
      if (counted !== undefined && known !== undefined) this.#owner.feed({ type: 'known', id: counted.id, known });
    };
    this.#tell(mark, this.bucket(tokenDigest), () => this.#owner.feed({ type: 'unmarked' }));
  }

  askElsewhere(): void {
    const { tokenDigest } = this.#owner.spec();
    this.#tell(async (bucket) => {
      const live = await this.#budget.isLive(bucket);
      this.#owner.feed({ type: 'elsewhere', tokenDigest, live });
    });
  }

  /** The slot has no socket of this bucket any more. */
  release(bucket = this.bucket()): void {
    this.#tell((_, slotID) => this.#budget.release(bucket, slotID));
  }

  #tell(
    tell: (bucket: Bucket, slotID: string) => Promise<unknown>,
    bucket = this.bucket(),
    failed: () => void = () => {},
  ): void {
    tell(bucket, this.#owner.spec().slotID).catch((error: unknown) => {
      this.#owner.away(error);
      failed();
    });
  }
}
