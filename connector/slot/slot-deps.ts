import type { Log } from '../../core/process/log.ts';
import type { Timers } from '../../core/process/timers.ts';
import type { ConnectBudget } from '../budget/connect-budget.ts';
import type { ConnectLine } from '../budget/connect-line.ts';
import type { OpenAnswer } from '../transport/transport.ts';
import type { TwinWatch } from '../twins/twin-watch.ts';
import type { HeartbeatWheel } from './heartbeat-wheel.ts';
import type { FrameObserver, SlotSocketsDeps } from './slot-sockets.ts';
import type { TransitionObserver } from './slot-teller.ts';

/** For metrics. Callbacks must not throw. */
export interface SlotObserver extends FrameObserver, TransitionObserver {
  connect?(answer: OpenAnswer['kind']): void;
  /** The slot's socket is kept from events. */
  withheld?(): void;
}

/** Shared by all slots of a process. */
export interface SlotDeps extends SlotSocketsDeps, ConnectLine {
  budget: ConnectBudget;
  heartbeats: HeartbeatWheel;
  /** Absent: sockets are not compared with others of their token. */
  twins?: Pick<TwinWatch, 'join'>;
  /** The dedupe window of the contract: a socket stays unread for at most half of it. */
  windowMs: number;
  timers: Timers;
  random(): number;
  log: Log;
  observer?: SlotObserver;
}
