import { redisErrorText } from '../../core/redis/fault.ts';
import { joinLine } from '../budget/connect-line.ts';
import type { Addressee } from '../outbound/addressee.ts';
import type { RtmAnswer } from '../outbound/sender.ts';
import type { SlotSpec } from '../transport/slot-spec.ts';
import type { Transport } from '../transport/transport.ts';
import { isOutlived } from './attempt.ts';
import { type AlarmedSlot, SlotAlarm } from './slot-alarm.ts';
import { SlotBudget } from './slot-budget.ts';
import type { SlotDeps } from './slot-deps.ts';
import { factsOf } from './slot-facts.ts';
import { namesOf } from './slot-names.ts';
import { SlotSockets } from './slot-sockets.ts';
import { SlotSpeaker } from './slot-speaker.ts';
import { type SlotStatus, statusOf } from './slot-status.ts';
import { SlotTeller, type TellingSlot } from './slot-teller.ts';
import { SlotTwin } from './slot-twin.ts';
import { type Effect, type Input, initialState, type SlotState } from './state.ts';
import { step } from './step.ts';

/**
 * Runs one slot: performs the effects that `step` decides, and feeds the results back. Decides nothing itself. All methods
 * are quick and never throw. There are thousands, so its parts hold the slot itself rather than functions made for each.
 */
export class SlotRunner<S extends SlotSpec> implements AlarmedSlot, TellingSlot {
  readonly #transport: Transport<S>;
  readonly #deps: SlotDeps;
  /** Called on changes only. */
  readonly onStatus: () => void;
  #spec: S;
  #state: SlotState;
  readonly #sockets: SlotSockets<S>;
  readonly #speaker: SlotSpeaker<S>;
  readonly #budget: SlotBudget<S>;
  readonly #alarm: SlotAlarm;
  readonly #teller: SlotTeller;
  /** What came while another input was processed. */
  #inbox: Input[] | undefined;
  #busy = false;
  #leaveLine: (() => void) | undefined;
  #leaveOutage: (() => void) | undefined;
  #leaveTwins: (() => void) | undefined;
  #calling: AbortController | undefined;
  #stopped: PromiseWithResolvers<void> | undefined;
  #isReleased = false;

  /**
   * @param transport of the spec's kind
   * @param onStatus called on changes only
   */
  constructor(spec: S, transport: Transport<S>, deps: SlotDeps, onStatus: () => void) {
    this.#spec = spec;
    this.#transport = transport;
    this.#deps = deps;
    this.onStatus = onStatus;
    this.#sockets = new SlotSockets(transport, deps, this);
    this.#speaker = new SlotSpeaker(transport, deps, this);
    this.#budget = new SlotBudget(transport, deps.budget, this);
    this.#state = initialState(factsOf(transport, spec, deps.windowMs));
    this.#alarm = new SlotAlarm(deps, this);
    this.#teller = new SlotTeller(statusOf(this.#state), deps, this);
  }

  start(): void {
    this.#leaveOutage ??= this.#deps.outage.onRecovered(() => this.feed({ type: 'recovered' }));
    this.#joinTwins();
    this.feed({ type: 'start' });
  }

  /**
   * A new generation, filter or namespace applies to the next frame; a new token opens a socket before the old one closes.
   * @param spec of the same kind
   */
  update(spec: S): void {
    const left = this.#budget.bucket();
    this.#spec = spec;
    if (left.key !== this.#budget.bucket().key) this.#budget.release(left);
    this.feed({ type: 'update', spec: factsOf(this.#transport, this.#spec, this.#deps.windowMs) });
  }

  /** Stops or resumes reading, as the publisher's buffer asks. */
  setPressure(pressed: boolean): void {
    this.feed({ type: 'pressure', pressed });
  }

  /** Redis may have lost the mark of the live socket. */
  markAgain(): void {
    this.feed({ type: 'unmarked' });
  }

  /** For messages in the bot's name; undefined if its sockets are of no single bot. */
  addressee(): Addressee | undefined {
    return this.#speaker.addressee();
  }

  status(): SlotStatus {
    return this.#teller.status;
  }

  /**
   * Closes for good; resolves when every socket of it is gone. Bounded by about 1 s, of a paused one 2 s, and of one with
   * unacknowledged events 4 s.
   */
  stop(): Promise<void> {
    if (this.#stopped === undefined) {
      this.#stopped = Promise.withResolvers();
      this.#leaveOutage?.();
      this.#leaveTwins?.();
      this.feed({ type: 'stop' });
      this.#sockets.closeAll();
      this.#resolveIfGone();
    }
    return this.#stopped.promise;
  }

  // What its parts ask of it, and tell it.

  spec(): S {
    return this.#spec;
  }

  state(): SlotState {
    return this.#state;
  }

  names(): Readonly<Record<string, string>> {
    return namesOf(this.#transport, this.#spec);
  }

  /** Whether this attempt is still under way. */
  isTrying(id: number): boolean {
    const { attempt } = this.#state;
    return 'id' in attempt && attempt.id === id;
  }

  write(socketID: number, text: string): boolean {
    return this.#sockets.write(socketID, text);
  }

  answered(n: number, answer: RtmAnswer): void {
    this.#speaker.answered(n, answer);
  }

  /** Redis, which holds the budget, is away. */
  away(error: unknown): void {
    const fields = { error: redisErrorText(error) };
    this.#deps.limitedLog.warn(
      'budget',
      fields,
      'connect budget unavailable: each socket connects at most once a minute',
    );
  }

  heartbeat(steadySinceMs: number): void {
    const { current } = this.#state;
    if (current !== undefined) this.feed({ type: 'heartbeat', signs: this.#sockets.signs(current.id), steadySinceMs });
  }

  /** Processes one input after the other: what an effect causes immediately is handled after the step that caused it. */
  feed(input: Input): void {
    if (this.#busy) {
      this.#inbox ??= [];
      this.#inbox.push(input);
      return;
    }
    this.#busy = true;
    try {
      for (let next: Input | undefined = input; next !== undefined; next = this.#inbox?.shift()) this.#take(next);
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
    this.#alarm.set(state);
    // Most inputs are heartbeats that find nothing to do.
    if (state !== before) {
      this.#teller.tell(state, input.type);
      this.#tellOutage(before, state);
      this.#speaker.reads(state.current);
    }
    if (input.type !== 'closed') return;
    this.#speaker.ended(input.id);
    this.#resolveIfGone();
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case 'joinLine': {
        const { id } = effect;
        const permitted = (sparing: boolean): void => this.feed({ type: 'permitted', id, sparing });
        this.#leaveLine = joinLine(this.#deps, this.#state.spec.streamID, permitted);
        return;
      }
      case 'leaveLine':
        this.#leaveLine?.();
        this.#leaveLine = undefined;
        return;
      case 'takeBudget':
        void this.#budget.take(effect);
        return;
      case 'giveBack':
        this.#budget.giveBack();
        return;
      case 'blockBudget':
        this.#budget.block(effect.forMs);
        return;
      case 'holdBudget':
        this.#budget.hold(effect.forMs);
        return;
      case 'markLive':
        this.#budget.markLive(effect);
        return;
      case 'askElsewhere':
        this.#budget.askElsewhere();
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
      case 'letClose':
      case 'terminate':
        this.#sockets[effect.do](effect.id);
        return;
      case 'disableBot':
        this.#tellDisabled(effect.error);
        return;
      default:
        effect satisfies never;
    }
  }

  #joinTwins(): void {
    const { twins } = this.#deps;
    if (this.#transport.twins === undefined || twins === undefined) return;
    this.#leaveTwins ??= twins.join(new SlotTwin(this.#transport, this.#deps, this, this.#sockets));
  }

  #tellDisabled(slackError: string): void {
    const { offer, redisNowMs } = this.#deps;
    const normalized = this.#transport.disableBot(this.#spec, slackError, redisNowMs());
    if (normalized !== undefined) offer(normalized);
  }

  async #connect(id: number): Promise<void> {
    const { observer } = this.#deps;
    const calling = new AbortController();
    this.#calling = calling;
    const answer = await this.#transport.open(this.#spec, calling.signal);
    if (this.#calling === calling) this.#calling = undefined;
    if (!calling.signal.aborted) observer?.connect?.(answer.kind);
    this.feed({ type: 'answer', id, answer });
  }

  #resolveIfGone(): void {
    if (this.#stopped === undefined || this.#sockets.size > 0) return;
    // Only now: until its sockets have closed, Slack counts them.
    if (!this.#isReleased) this.#budget.release();
    this.#isReleased = true;
    this.#stopped.resolve();
  }

  #tellOutage(before: SlotState, now: SlotState): void {
    const { outage } = this.#deps;
    const { tag } = now.attempt;
    if (before.attempt.tag === 'asking' && (tag === 'waiting' || tag === 'yielding')) outage.unused(now.spec.streamID);
    if (now.current !== undefined && now.current.id !== before.current?.id) outage.succeeded();
    const failed =
      now.attempt !== before.attempt && now.attempt.tag === 'backingOff' && before.attempt.tag !== 'backingOff';
    const { trouble } = now;
    if (!failed || isOutlived(before) || trouble === undefined || trouble.isOfOne === true) return;
    outage.failed(now.spec.streamID, trouble.reason);
  }
}
