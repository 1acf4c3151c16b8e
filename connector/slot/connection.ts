import type { Log } from '../../core/process/log.ts';
import type { Timers } from '../../core/process/timers.ts';
import { redisErrorText } from '../../core/redis/fault.ts';
import type { ConnectBudget } from '../budget/connect-budget.ts';
import type { DialSemaphore } from '../budget/dial-semaphore.ts';
import type { Outage } from '../budget/outage.ts';
import { refuseToken } from '../slack/classify-connect.ts';
import type { ConnectAnswer, RtmConnect } from '../slack/connect-answer.ts';
import type { ConnectionSpec, ConnectionStatus, SlotConnection } from './connection-status.ts';
import type { HeartbeatWheel } from './heartbeat-wheel.ts';
import { type FrameObserver, namesOf, SlotSockets, type SlotSocketsDeps } from './slot-sockets.ts';
import { sameStatus, statusOf, waitUntilMs } from './slot-status.ts';
import { type Effect, type Input, initialState, type SlotFacts, type SlotState, wakeAtMs } from './state.ts';
import { step } from './step.ts';

/** For metrics. Callbacks must not throw. */
export interface ConnectionObserver extends FrameObserver {
  transition?(change: { from: ConnectionStatus['state']; to: ConnectionStatus['state']; cause: Input['type'] }): void;
  connect?(answer: ConnectAnswer['kind']): void;
}

/** Shared by all connections of a process. */
export interface ConnectionDeps extends SlotSocketsDeps {
  rtmConnect: RtmConnect;
  budget: ConnectBudget;
  dialSemaphore: DialSemaphore;
  outage: Outage;
  heartbeats: HeartbeatWheel;
  /** For what others read of waits; see `SlotReport.waitUntilMs`. */
  redisNowMs(): number;
  /** Of the dedupe contract: a socket stays unread for half of it at most. */
  windowMs: number;
  timers: Timers;
  random(): number;
  log: Log;
  observer?: ConnectionObserver;
}

/** Runs one slot: performs what `step` decides, and tells it what came of it. Decides nothing itself. */
export class Connection implements SlotConnection {
  readonly #deps: ConnectionDeps;
  readonly #onStatus: () => void;
  #spec: ConnectionSpec;
  #state: SlotState;
  #status: ConnectionStatus;
  readonly #sockets: SlotSockets;
  readonly #inbox: Input[] = [];
  #busy = false;
  #wakeAtMs: number | undefined;
  #cancelWake: (() => void) | undefined;
  #leaveLine: (() => void) | undefined;
  #leaveHeartbeats: (() => void) | undefined;
  #leaveOutage: (() => void) | undefined;
  #calling: AbortController | undefined;
  #stopped: PromiseWithResolvers<void> | undefined;

  constructor(spec: ConnectionSpec, deps: ConnectionDeps, onStatus: () => void) {
    this.#spec = spec;
    this.#deps = deps;
    this.#onStatus = onStatus;
    this.#sockets = new SlotSockets(spec, deps, (input) => this.#feed(input));
    this.#state = initialState(factsOf(spec, deps.windowMs));
    this.#status = statusOf(this.#state);
  }

  start(): void {
    this.#leaveOutage ??= this.#deps.outage.onRecovered(() => this.#feed({ type: 'recovered' }));
    this.#feed({ type: 'start' });
  }

  update(spec: ConnectionSpec): void {
    this.#spec = spec;
    this.#sockets.setSpec(spec);
    this.#feed({ type: 'update', spec: factsOf(spec, this.#deps.windowMs) });
  }

  setPressure(pressed: boolean): void {
    this.#feed({ type: 'pressure', pressed });
  }

  status(): ConnectionStatus {
    return this.#status;
  }

  stop(): Promise<void> {
    if (this.#stopped === undefined) {
      this.#stopped = Promise.withResolvers();
      this.#leaveOutage?.();
      this.#feed({ type: 'stop' });
      this.#resolveIfGone();
    }
    return this.#stopped.promise;
  }

  /** One input after the other: what an effect brings about at once comes after the step that wanted it. */
  #feed(input: Input): void {
    this.#inbox.push(input);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) this.#take(next);
    } finally {
      this.#busy = false;
    }
  }

  #take(input: Input): void {
    const { timers, random } = this.#deps;
    const before = this.#state;
    const { state, effects } = step(before, input, { nowMs: timers.monotonicMs(), random: random() });
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    this.#setWake();
    // Most inputs are frames, which change nothing.
    if (state !== before) {
      this.#setHeartbeats();
      this.#tell(input);
      this.#tellOutage(before, state);
    }
    if (input.type === 'closed') this.#resolveIfGone();
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case 'joinLine':
        this.#joinLine(effect.id);
        return;
      case 'leaveLine':
        this.#leaveLine?.();
        this.#leaveLine = undefined;
        return;
      case 'takeBudget':
        void this.#takeBudget(effect);
        return;
      case 'giveBack':
        this.#tellBudget((budget, { teamID, tokenDigest, slotID }) => budget.giveBack(teamID, tokenDigest, slotID));
        return;
      case 'blockBudget':
        this.#tellBudget((budget, { teamID, tokenDigest }) => budget.block(teamID, tokenDigest, effect.forMs));
        return;
      case 'holdBudget':
        this.#tellBudget((budget, { teamID, tokenDigest }) => budget.hold(teamID, tokenDigest, effect.forMs));
        return;
      case 'markLive':
        this.#tellBudget((budget, { teamID, slotID }) => budget.markLive(teamID, effect.tokenDigest, slotID));
        return;
      case 'askElsewhere':
        this.#tellBudget(async (budget, { teamID, tokenDigest }) => {
          const live = await budget.isLive(teamID, tokenDigest);
          this.#feed({ type: 'elsewhere', tokenDigest, live });
        });
        return;
      case 'connect':
        void this.#connect(effect.id);
        return;
      case 'abortConnect':
        this.#calling?.abort();
        this.#calling = undefined;
        return;
      case 'dial':
        this.#sockets.dial(effect.id, effect.url, effect.self);
        return;
      case 'ping':
        this.#sockets.ping(effect.id);
        return;
      case 'pause':
      case 'resume':
      case 'close':
      case 'terminate':
        this.#sockets.get(effect.id)?.[effect.do]();
        return;
      case 'disableBot':
        this.#sockets.disableBot(effect.error);
        return;
      default:
        effect satisfies never;
    }
  }

  #joinLine(id: number): void {
    const { outage, dialSemaphore } = this.#deps;
    let leaveDials: (() => void) | undefined;
    const leaveOutage = outage.pass(this.#spec.teamID, (sparing) => {
      leaveDials = dialSemaphore.join(() => this.#feed({ type: 'permitted', id, sparing }));
    });
    this.#leaveLine = () => {
      leaveOutage();
      leaveDials?.();
    };
  }

  async #takeBudget({ id, purpose, unspaced, sparing }: Extract<Effect, { do: 'takeBudget' }>): Promise<void> {
    const { teamID, tokenDigest, slotID } = this.#spec;
    try {
      const answer = await this.#deps.budget.take(teamID, tokenDigest, purpose, { slotID, unspaced, sparing });
      // Nobody will use it, and the team's other slots would wait for what comes of it.
      if (answer.granted && !this.#isTrying(id)) await this.#deps.budget.giveBack(teamID, tokenDigest, slotID);
      this.#feed({ type: 'budget', id, answer });
    } catch (error) {
      this.#budgetAway(error);
      this.#feed({ type: 'budget', id, answer: 'away' });
    }
  }

  #isTrying(id: number): boolean {
    const { attempt } = this.#state;
    return 'id' in attempt && attempt.id === id;
  }

  #tellBudget(tell: (budget: ConnectBudget, spec: ConnectionSpec) => Promise<void>): void {
    tell(this.#deps.budget, this.#spec).catch((error: unknown) => this.#budgetAway(error));
  }

  #budgetAway(error: unknown): void {
    const fields = { error: redisErrorText(error) };
    this.#deps.limitedLog.warn('budget', fields, 'connect budget is away: each socket connects once a minute at most');
  }

  async #connect(id: number): Promise<void> {
    const { rtmConnect, observer } = this.#deps;
    const calling = new AbortController();
    this.#calling = calling;
    const answer = await rtmConnect(this.#spec.token, calling.signal);
    if (this.#calling === calling) this.#calling = undefined;
    if (!calling.signal.aborted) observer?.connect?.(answer.kind);
    this.#feed({ type: 'answer', id, answer });
  }

  #resolveIfGone(): void {
    if (this.#sockets.size === 0) this.#stopped?.resolve();
  }

  #setWake(): void {
    const atMs = wakeAtMs(this.#state);
    if (atMs === this.#wakeAtMs) return;
    this.#cancelWake?.();
    this.#wakeAtMs = atMs;
    this.#cancelWake = undefined;
    if (atMs === undefined) return;
    const { timers } = this.#deps;
    this.#cancelWake = timers.after(atMs - timers.monotonicMs(), () => {
      // A timer may be early by a fraction of a millisecond; the step says so by wanting the same time again.
      this.#wakeAtMs = undefined;
      this.#feed({ type: 'wake' });
    });
  }

  #setHeartbeats(): void {
    if ((this.#state.current !== undefined) === (this.#leaveHeartbeats !== undefined)) return;
    this.#leaveHeartbeats?.();
    this.#leaveHeartbeats =
      this.#state.current === undefined
        ? undefined
        : this.#deps.heartbeats.join(() => this.#feed({ type: 'heartbeat' }));
  }

  #tellOutage(before: SlotState, now: SlotState): void {
    const { outage } = this.#deps;
    const { tag } = now.attempt;
    if (before.attempt.tag === 'asking' && (tag === 'waiting' || tag === 'yielding')) outage.unused(now.spec.teamID);
    if (now.current !== undefined && now.current.id !== before.current?.id) outage.succeeded();
    const failed =
      now.attempt !== before.attempt && now.attempt.tag === 'backingOff' && before.attempt.tag !== 'backingOff';
    if (failed && now.trouble !== undefined) outage.failed(now.spec.teamID, now.trouble.reason);
  }

  #tell(input: Input): void {
    const before = this.#status;
    const now = this.#statusNow();
    if (this.#state.life === 'stopped' || sameStatus(before, now)) return;
    this.#status = now;
    if (before.state !== now.state) {
      const change = { from: before.state, to: now.state, cause: input.type };
      this.#deps.observer?.transition?.(change);
      const level = now.state === 'failed' ? 'warn' : 'debug';
      const { reason, message } = now;
      this.#deps.log[level]({ ...namesOf(this.#spec), ...change, reason, detail: message }, 'socket changes state');
    }
    this.#onStatus();
  }

  /** The slot's own clock is monotonic; what others read is Redis time. */
  #statusNow(): ConnectionStatus {
    const { timers, redisNowMs } = this.#deps;
    const inMs = (untilMs: number): number => untilMs - timers.monotonicMs();
    const wait = waitUntilMs(this.#state, this.#status.waitUntilMs, redisNowMs(), inMs);
    return { ...statusOf(this.#state), waitUntilMs: wait };
  }
}

function factsOf(spec: ConnectionSpec, windowMs: number): SlotFacts {
  const { teamID, tokenDigest, generation, rebalance, spread, token } = spec;
  const verdict = refuseToken(token);
  const refusal = verdict?.kind === 'terminal' ? verdict : undefined;
  return { teamID, tokenDigest, generation, rebalance, spread, refusal, pauseLimitMs: windowMs / 2 };
}
