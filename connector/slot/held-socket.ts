import type { Socket } from '../socket/socket.ts';
import type { SlotSpec } from '../transport/slot-spec.ts';
import type { ResolveSource, SlackSelf } from '../transport/transport.ts';
import { CopiedEvents } from './copied-events.ts';
import type { Unacknowledged } from './unacknowledged.ts';

/** A socket from its dial to its end, which may come long after the slot has given it up. */
export interface HeldSocket<S extends SlotSpec> {
  socket: Socket;
  /** Of the token that it was opened with. */
  tokenDigest: string;
  self: SlackSelf;
  /** Who its events are from, by this spec; made with the first event, and again when the slot's spec is another one. */
  resolver: { spec: S; resolve: ResolveSource } | undefined;
  lastPing: number;
  /** Whether it has said hello. `foreign`: one that shows that its events are none of the slot's. */
  greeted: 'no' | 'yes' | 'foreign';
  /** What it brought that every socket of its token gets. */
  readonly copied: CopiedEvents;
  /** Events whose acknowledgement is still to come. */
  readonly unacknowledged: Set<Unacknowledged>;
  /** Whom it is kept open for although a successor is live: `acks` for those events, `slack` until Slack closes it. */
  lingers: { for: 'acks' | 'slack'; cancel(): void } | undefined;
}

/** As it is dialed. */
export const heldSocket = <S extends SlotSpec>(
  socket: Socket,
  self: SlackSelf,
  tokenDigest: string,
): HeldSocket<S> => ({
  socket,
  self,
  tokenDigest,
  resolver: undefined,
  lastPing: 0,
  greeted: 'no',
  copied: new CopiedEvents(),
  unacknowledged: new Set(),
  lingers: undefined,
});
