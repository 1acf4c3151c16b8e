import { expect } from 'vitest';
import { NO_SIGN, type SignsOfLife } from '#connector/slot/signs-of-life.ts';
import {
  type Effect,
  type Input,
  initialState,
  type SlotFacts,
  type SlotState,
  type Step,
  wakeAtMs,
} from '#connector/slot/state.ts';
import { step } from '#connector/slot/step.ts';

export const facts = (changes: Partial<SlotFacts> = {}): SlotFacts => ({
  streamID: 'T1',
  openMethod: 'rtm.connect',
  tokenDigest: 'd1',
  generation: 1,
  rebalance: false,
  refusal: undefined,
  callsOften: false,
  redelivers: false,
  answersPings: false,
  pauseLimitMs: 1_800_000,
  ...changes,
});

export const ok = (teamID = 'T1') =>
  ({ kind: 'ok', url: 'wss://slack.test/ticket', self: { teamID, teamName: 'Acme', botUserID: 'U1' } }) as const;

export const MISMATCH = {
  kind: 'mismatch',
  reason: 'TeamMismatch',
  error: 'team_mismatch',
  message: 'The token belongs to team T9',
} as const;

export const LINK_DISABLED = {
  reason: 'SocketModeDisabled',
  error: 'link_disabled',
  message: 'Switch Socket Mode on.',
} as const;

export const TOO_MANY = { reason: 'TooManyWebsockets', message: 'The app has 10 websockets.' } as const;

export const CLOSED = { kind: 'closed', code: 1006, detail: 'the connection was lost' } as const;

/**
 * A slot with the world that its effects act on: what is open, in line and under way. Each step is checked against it,
 * so that whatever a test plays also proves that nothing leaks and nothing is done to what is no longer there.
 */
export class SlotWorld {
  state: SlotState;
  nowMs = 0;
  random = 0.5;
  /** Sockets that were dialed and neither ended nor were told to. */
  readonly open = new Set<number>();
  readonly paused = new Set<number>();
  /** Of the current socket. */
  signs: Readonly<SignsOfLife> = NO_SIGN;
  /** Since when the process has not been delayed. */
  steadySinceMs = Number.NEGATIVE_INFINITY;
  inLine = false;
  calling: number | undefined;
  /** The budget said yes to this attempt. */
  #granted: number | undefined;
  #connectedAtMs = Number.NEGATIVE_INFINITY;
  readonly log: string[] = [];

  constructor(spec = facts()) {
    this.state = initialState(spec);
  }

  play(input: Input): readonly Effect[] {
    const before = this.state;
    if (input.type === 'closed') this.#forget(input.id);
    if (input.type === 'answer' && this.calling === input.id) {
      this.calling = undefined;
      // What did not get to Slack counts for nothing there.
      if (input.answer.kind === 'retry' && input.answer.isUnreached) this.#connectedAtMs = Number.NEGATIVE_INFINITY;
    }
    if (input.type === 'budget' && input.answer !== 'away' && input.answer.granted) this.#granted = input.id;
    const next = step(before, input, { nowMs: this.nowMs, random: this.random });
    this.state = next.state;
    for (const effect of next.effects) this.#act(effect);
    this.log.push(`${input.type} -> ${next.state.attempt.tag}${next.state.current === undefined ? '' : ' + current'}`);
    this.#check(before, input, next);
    return next.effects;
  }

  pass(ms: number): void {
    this.nowMs += ms;
  }

  /** The current socket brings something. @param answered the answer to a websocket ping, among others */
  hear(answered = true): void {
    this.signs = { heardAtMs: this.nowMs, answeredAtMs: answered ? this.nowMs : this.signs.answeredAtMs };
  }

  heartbeat(): readonly Effect[] {
    return this.play({ type: 'heartbeat', signs: this.signs, steadySinceMs: this.steadySinceMs });
  }

  /** Lets the time come that the slot waits for. */
  wake(): readonly Effect[] {
    this.nowMs = Math.max(this.nowMs, wakeAtMs(this.state) ?? this.nowMs);
    return this.play({ type: 'wake' });
  }

  /** What a friendly world answers to the attempt as it stands. @returns false when there is nothing to answer */
  favour(): boolean {
    const { attempt } = this.state;
    switch (attempt.tag) {
      case 'inLine':
        this.play({ type: 'permitted', id: attempt.id });
        return true;
      case 'asking':
        this.play({ type: 'budget', id: attempt.id, answer: { granted: true } });
        return true;
      case 'connecting':
        this.play({ type: 'answer', id: attempt.id, answer: ok(this.state.spec.streamID) });
        return true;
      case 'dialing':
        this.play({ type: 'opened', id: attempt.id });
        return true;
      case 'greeting':
        this.play({ type: 'hello', id: attempt.id });
        return true;
      case 'waiting':
      case 'yielding':
      case 'backingOff':
        this.wake();
        return true;
      case 'refused':
        if (wakeAtMs(this.state) === undefined) return false;
        this.wake();
        return true;
      case 'none':
        return false;
      default:
        return attempt satisfies never;
    }
  }

  /** Answers in favour until the attempt is `tag`. */
  until(tag: SlotState['attempt']['tag']): this {
    for (let turn = 0; this.state.attempt.tag !== tag; turn += 1) {
      if (turn > 20 || !this.favour()) throw new Error(`never ${tag}: ${this.log.join(', ')}`);
    }
    return this;
  }

  live(): this {
    if (this.state.life === 'new') this.play({ type: 'start' });
    return this.until('none');
  }

  /** Number of the attempt under way. */
  get id(): number {
    return this.state.serial;
  }

  #forget(id: number): void {
    this.open.delete(id);
    this.paused.delete(id);
  }

  #act(effect: Effect): void {
    switch (effect.do) {
      case 'joinLine':
        expect(this.inLine, 'joins the line while in it').toBe(false);
        this.inLine = true;
        return;
      case 'leaveLine':
        expect(this.inLine, 'leaves a line that it is not in').toBe(true);
        this.inLine = false;
        return;
      case 'connect':
        this.#connect(effect.id);
        return;
      case 'abortConnect':
        expect(this.calling).toBeDefined();
        this.calling = undefined;
        return;
      case 'dial':
        this.open.add(effect.id);
        return;
      case 'pause':
      case 'resume':
      case 'ping':
      case 'close':
      case 'letClose':
      case 'terminate':
        expect(this.open, `${effect.do} of a socket that is gone`).toContain(effect.id);
        if (effect.do === 'pause') this.paused.add(effect.id);
        if (effect.do === 'resume') this.paused.delete(effect.id);
        if (effect.do === 'close' || effect.do === 'letClose' || effect.do === 'terminate') this.#forget(effect.id);
        return;
      case 'takeBudget':
      case 'blockBudget':
      case 'holdBudget':
      case 'giveBack':
      case 'markLive':
      case 'askElsewhere':
      case 'disableBot':
        return;
      default:
        effect satisfies never;
    }
  }

  #connect(id: number): void {
    expect(this.calling).toBeUndefined();
    const allowed = this.#granted === id || this.nowMs - this.#connectedAtMs >= 60_000;
    expect(allowed, 'connects without a grant, sooner than once a minute').toBe(true);
    this.#connectedAtMs = this.nowMs;
    this.calling = id;
  }

  #check(before: SlotState, input: Input, { state, effects }: Step): void {
    const { attempt, current, life } = state;
    const sockets = [current?.id, attempt.tag === 'dialing' || attempt.tag === 'greeting' ? attempt.id : undefined];
    expect([...this.open].sort(), 'open sockets are those that the state knows').toEqual(
      sockets.filter((id) => id !== undefined).sort(),
    );
    expect([...this.paused], 'the current socket is paused as long as there is pressure').toEqual(
      state.pressed && !state.spec.redelivers && current !== undefined ? [current.id] : [],
    );
    if ('id' in attempt) expect(attempt.id, 'an answer to an earlier attempt was taken').toBe(state.serial);
    expect(this.inLine).toBe(['inLine', 'asking', 'connecting', 'dialing'].includes(attempt.tag));
    expect(this.calling).toBe(attempt.tag === 'connecting' ? attempt.id : undefined);
    if (life === 'running') expect(isStuck(state), 'stuck: nothing pending and no socket').toBe(false);
    if (before.life === 'stopped') expect(effects).toEqual([]);
    if (state.failures < before.failures) expect(mayForgetFailures(before, input, this.nowMs)).toBe(true);
    const ended = effects.some(
      (effect) => (effect.do === 'close' || effect.do === 'terminate') && effect.id === before.current?.id,
    );
    if (ended) expect(['hello', 'stop', 'closing', 'refused', 'revoked', 'heartbeat', 'update']).toContain(input.type);
    if (ended && input.type === 'hello') expect(current).toBeDefined();
    for (const effect of effects) {
      if (effect.do === 'takeBudget') expect(purposesOf(state)).toContain(effect.purpose);
    }
  }
}

/** A socket is never replaced from the last connects only to hear Slack count. */
const purposesOf = ({ current, refusal, withheldTimes }: SlotState): readonly string[] => {
  if (current !== undefined) {
    const isIdle = current.looksAgain || (current.withheld === 'found' && withheldTimes > 1);
    return isIdle ? ['rebalance', 'refresh'] : ['refresh'];
  }
  return refusal === undefined ? ['needed', 'spread', 'rebalance'] : ['recheck'];
};

function isStuck(state: SlotState): boolean {
  if (wakeAtMs(state) !== undefined || state.attempt.tag === 'inLine') return false;
  return state.current === undefined && state.spec.refusal === undefined;
}

function mayForgetFailures(before: SlotState, input: Input, nowMs: number): boolean {
  if (input.type === 'update' || input.type === 'recovered') return true;
  return before.current !== undefined && nowMs - before.current.sinceMs >= 60_000;
}

export function started(spec = facts()): SlotWorld {
  const world = new SlotWorld(spec);
  world.play({ type: 'start' });
  return world;
}

export const live = (spec = facts()): SlotWorld => new SlotWorld(spec).live();
