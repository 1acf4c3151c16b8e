import type { RtmAnswer } from '../outbound/sender.ts';
import type { SlotSpec } from '../transport/slot-spec.ts';
import type { Input } from './state.ts';

/** The slot that the sockets belong to. */
export interface SocketsOwner<S extends SlotSpec> {
  /** As it is now. */
  spec(): S;
  feed(input: Input): void;
  /** Slack answered a message that was sent over one of them. */
  answered?(n: number, answer: RtmAnswer): void;
}
