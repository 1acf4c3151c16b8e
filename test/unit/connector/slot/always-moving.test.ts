import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetAnswer } from '#connector/budget/connect-budget.ts';
import type { HeartbeatMember } from '#connector/slot/heartbeat-wheel.ts';
import { NO_SIGN } from '#connector/slot/signs-of-life.ts';
import { SlotAlarm } from '#connector/slot/slot-alarm.ts';
import { statusOf } from '#connector/slot/slot-status.ts';
import { type Effect, HEARTBEAT_MS, type Input, type SlotFacts, type SlotState } from '#connector/slot/state.ts';
import type { OpenAnswer } from '#connector/transport/transport.ts';
import { facts, LINK_DISABLED, MISMATCH, ok, SlotWorld, TOO_MANY } from './slot-world.ts';

/** Slack is asked about a refused token after 8 h at most; nothing else makes a slot wait for so long. */
const MOST_REFUSED_MS = 8 * 3_600_000;
const MOST_WAIT_MS = 11 * 60_000;
const DAY_MS = 86_400_000;

/** What moves a slot next. */
type Mover = 'start' | 'nobody, for it has ended' | 'its socket' | 'its turn' | 'a timer' | 'another token';

/** What a slot waits for, as its shell holds it. */
interface Outstanding {
  inLine: boolean;
  /** When its wake comes, by the same clock. */
  wakeAtMs: number | undefined;
  /** It hears heartbeats, which end a socket that is dead, mute or unread for too long. */
  hasHeartbeats: boolean;
}

/** @returns undefined: the slot is stuck */
function moverOf(state: SlotState, outstanding: Outstanding, nowMs: number): Mover | undefined {
  const { inLine, wakeAtMs, hasHeartbeats } = outstanding;
  if (state.life === 'running') return moverOfRunning(state, outstanding, nowMs);
  if (wakeAtMs !== undefined || inLine || hasHeartbeats || state.current !== undefined) return undefined;
  return state.life === 'new' ? 'start' : 'nobody, for it has ended';
}

function moverOfRunning(
  { current, attempt, spec }: SlotState,
  { inLine, wakeAtMs, hasHeartbeats }: Outstanding,
  nowMs: number,
): Mover | undefined {
  const isWokenWithin = (ms: number): boolean => wakeAtMs !== undefined && wakeAtMs - nowMs <= ms;
  if ((current !== undefined) !== hasHeartbeats) return undefined;
  switch (attempt.tag) {
    case 'none':
      return hasHeartbeats ? 'its socket' : undefined;
    case 'inLine':
      return inLine ? 'its turn' : undefined;
    case 'refused':
      // A value that is not a token, or that Slack would refuse, is never sent: a person changes it.
      if (spec.refusal !== undefined && wakeAtMs === undefined) return 'another token';
      return isWokenWithin(MOST_REFUSED_MS) ? 'a timer' : undefined;
    case 'asking':
    case 'waiting':
    case 'yielding':
    case 'connecting':
    case 'dialing':
    case 'greeting':
    case 'backingOff':
      return isWokenWithin(MOST_WAIT_MS) ? 'a timer' : undefined;
    default:
      return attempt satisfies never;
  }
}

interface Alarm {
  dueMs: number;
  fire(): void;
}

/** A slot with its real alarm, whose time passes in one go. */
class AlarmedSlot extends SlotWorld {
  readonly #alarms = new Set<Alarm>();
  #member: HeartbeatMember | undefined;
  readonly #alarm: SlotAlarm;
  /** Attempts that have called Slack: each does so once, with a grant of its own or a minute after the last (`SlotWorld`). */
  readonly #called = new Set<number>();

  constructor(spec: SlotFacts) {
    super(spec);
    const timers = {
      wallMs: () => this.nowMs,
      monotonicMs: () => this.nowMs,
      after: (delayMs: number, fire: () => void) => {
        expect(delayMs, 'a timer for a time that is a number').not.toBeNaN();
        // As Node's timers, it may be early by a fraction of a millisecond.
        const earlyMs = delayMs > 1 ? 0.4 : 0;
        const alarm = { dueMs: this.nowMs + Math.max(0, delayMs - earlyMs), fire };
        this.#alarms.add(alarm);
        return () => this.#alarms.delete(alarm);
      },
    };
    const heartbeats = {
      join: (member: HeartbeatMember) => {
        this.#member = member;
      },
      leave: () => {
        this.#member = undefined;
      },
    };
    this.#alarm = new SlotAlarm(
      { timers, heartbeats },
      { feed: (input) => this.play(input), heartbeat: () => this.heartbeat() },
    );
    this.#expectMoving();
  }

  override play(input: Input): readonly Effect[] {
    const effects = super.play(input);
    for (const effect of effects) if (effect.do === 'connect') this.#call(effect.id);
    this.#alarm.set(this.state);
    this.#expectMoving();
    expect(() => statusOf(this.state)).not.toThrow();
    return effects;
  }

  /** Everything that becomes due meanwhile happens in its order; heartbeats once, as after a delay of the process. */
  override pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let turns = 0; turns < 1_000; turns += 1) {
      const next = [...this.#alarms].sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > endMs) break;
      this.#alarms.delete(next);
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.fire();
    }
    this.nowMs = endMs;
    this.beat();
  }

  /** The machine was suspended: the time is another one, and what was due comes late. */
  jump(ms: number): void {
    this.nowMs += ms;
    this.pass(0);
  }

  beat(): void {
    this.#member?.heartbeat(this.steadySinceMs);
  }

  get outstanding(): Outstanding {
    const [alarm] = this.#alarms;
    return { inLine: this.inLine, wakeAtMs: alarm?.dueMs, hasHeartbeats: this.#member !== undefined };
  }

  get mover(): Mover | undefined {
    return moverOf(this.state, this.outstanding, this.nowMs);
  }

  #call(id: number): void {
    expect(this.#called, 'an attempt that calls Slack twice').not.toContain(id);
    this.#called.add(id);
  }

  #expectMoving(): void {
    expect(this.#alarms.size, 'one wake at most').toBeLessThanOrEqual(1);
    expect(this.mover, `stuck: ${this.log.slice(-3).join(', ')}`).toBeDefined();
  }
}

/** Whatever a peer, a proxy, another clock or a defect may name as a time. */
const absurdMs = fc.constantFrom(
  0,
  -1,
  -3_600_000,
  1,
  999,
  30_000,
  3_600_000,
  1e12,
  1e300,
  Number.POSITIVE_INFINITY,
  Number.NaN,
);
/** Relative to the latest attempt: of the next one, the current one, earlier ones, none. */
const age = fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 5, -1, Number.NaN);
type Aged = { age: number };
const withAge = <T extends object>(rest: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T & Aged> =>
  fc.record({ age, ...rest }) as unknown as fc.Arbitrary<T & Aged>;

const unavailable = { kind: 'retry', reason: 'SlackUnavailable', error: 'x', message: 'x' } as const;
const openAnswer: fc.Arbitrary<OpenAnswer> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(ok()) },
  fc.constantFrom(MISMATCH, { ...MISMATCH, isUnasked: true }),
  absurdMs.map((retryAfterMs) => ({ kind: 'rateLimited' as const, retryAfterMs })),
  absurdMs.map((retryAfterMs) => ({ ...unavailable, retryAfterMs })),
  fc.constant({ ...unavailable, isUnreached: true }),
  fc.constantFrom('invalid_auth', 'token_expired', 'not_allowed_token_type').map((error) => ({
    kind: 'terminal' as const,
    reason: 'TokenInvalid' as const,
    error,
    message: 'no',
  })),
);
const budgetAnswer: fc.Arbitrary<BudgetAnswer | 'away'> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ granted: true as const }) },
  fc.constant('away' as const),
  fc.record({ granted: fc.constant(false as const), waitMs: absurdMs, yields: fc.boolean(), full: fc.boolean() }),
);
const close = absurdMs.chain((retryAfterMs) =>
  fc.constantFrom(
    { kind: 'closed' as const, code: 1006, detail: 'lost' },
    { kind: 'refused' as const, code: 1006, detail: 'HTTP 429', retryAfterMs },
    { kind: 'tooLarge' as const, code: 1009, detail: 'too large' },
  ),
);
type Of<T extends Input['type']> = Omit<Extract<Input, { type: T }>, 'type' | 'id'>;

/** Every kind of input: one that is new does not compile until it is here. */
const INPUTS: { [T in Input['type']]: fc.Arbitrary<Of<T> & Partial<Aged>> } = {
  start: fc.constant({}),
  stop: fc.constant({}),
  wake: fc.constant({}),
  heartbeat: fc.record({
    signs: fc.record({ heardAtMs: absurdMs, answeredAtMs: absurdMs }),
    steadySinceMs: fc.constantFrom(Number.NEGATIVE_INFINITY, 0, 5_000),
  }),
  recovered: fc.constant({}),
  unmarked: fc.constant({}),
  update: fc.record({
    spec: fc.record({
      tokenDigest: fc.constantFrom('d1', 'd1', 'd2'),
      streamID: fc.constantFrom('T1', 'T1', 'T1', 'T2'),
      generation: fc.integer({ min: 1, max: 3 }),
      rebalance: fc.boolean(),
      spread: fc.boolean(),
      refusal: fc.constantFrom(undefined, undefined, undefined, LINK_DISABLED),
    }),
  }) as unknown as fc.Arbitrary<Of<'update'>>,
  pressure: fc.record({ pressed: fc.boolean() }),
  permitted: withAge<Of<'permitted'>>({ sparing: fc.boolean() }),
  budget: withAge<Of<'budget'>>({ answer: budgetAnswer }),
  answer: withAge<Of<'answer'>>({ answer: openAnswer }),
  opened: withAge<Of<'opened'>>({}),
  hello: withAge<Of<'hello'>>({ sockets: fc.constantFrom(undefined, 0, 1, 3, 11, Number.NaN) }),
  known: withAge<Of<'known'>>({ known: fc.constantFrom(0, 1, 3, Number.NaN) }),
  withheld: withAge<Of<'withheld'>>({}),
  brought: withAge<Of<'brought'>>({}),
  leaving: withAge<Of<'leaving'>>({}),
  closing: withAge<Of<'closing'>>({
    trouble: fc.constantFrom(TOO_MANY, { reason: 'MigrationInProgress' as const, message: 'on the move' }),
  }),
  refused: withAge<Of<'refused'>>({ refusal: fc.constant(LINK_DISABLED), mismatch: fc.boolean() }),
  revoked: fc.record({ tokenDigest: fc.constantFrom('d1', 'd2'), refusal: fc.constant(LINK_DISABLED) }),
  error: withAge<Of<'error'>>({ code: fc.constantFrom(1, 0, Number.NaN), msg: fc.constant('Socket URL has expired') }),
  closed: withAge<Of<'closed'>>({ close }),
  elsewhere: fc.record({ tokenDigest: fc.constantFrom('d1', 'd2'), live: fc.boolean() }),
};

/** What may come next in the state as it is: without it, chance seldom leads far. */
const fitting = fc.record({
  do: fc.constant('fitting' as const),
  ofCurrent: fc.boolean(),
  which: fc.nat({ max: 9 }),
  budget: budgetAnswer,
  answer: openAnswer,
  close,
  sockets: fc.constantFrom(undefined, 1, 3),
});
type Fitting = typeof fitting extends fc.Arbitrary<infer F> ? F : never;
const MIGRATION = { reason: 'MigrationInProgress', message: 'on the move' } as const;

function ofCurrent(id: number, { which, close: ended }: Fitting): Input {
  const all: Input[] = [
    { type: 'closed', id, close: ended },
    { type: 'closing', id, trouble: which % 2 === 0 ? TOO_MANY : MIGRATION },
    { type: 'refused', id, refusal: LINK_DISABLED, mismatch: false },
    { type: 'withheld', id },
    { type: 'brought', id },
    { type: 'known', id, known: 1 },
    { type: 'heartbeat', signs: NO_SIGN, steadySinceMs: Number.NEGATIVE_INFINITY },
    { type: 'unmarked' },
  ];
  return all[which] ?? { type: 'leaving', id };
}

function ofAttempt({ attempt }: SlotState, { which, budget, answer, close: ended, sockets }: Fitting): Input {
  switch (attempt.tag) {
    case 'inLine':
      return { type: 'permitted', id: attempt.id, sparing: which > 7 };
    case 'asking':
      return { type: 'budget', id: attempt.id, answer: budget };
    case 'connecting':
      return { type: 'answer', id: attempt.id, answer };
    case 'dialing':
      return which < 7 ? { type: 'opened', id: attempt.id } : { type: 'closed', id: attempt.id, close: ended };
    case 'greeting': {
      const { id } = attempt;
      const all: Input[] = [
        { type: 'closed', id, close: ended },
        { type: 'closing', id, trouble: TOO_MANY },
        { type: 'refused', id, refusal: LINK_DISABLED, mismatch: true },
        { type: 'error', id, code: 1, msg: 'Socket URL has expired' },
      ];
      return all[which] ?? { type: 'hello', id, sockets };
    }
    case 'none':
    case 'waiting':
    case 'yielding':
    case 'backingOff':
    case 'refused':
      return which < 3 ? { type: 'recovered' } : { type: 'wake' };
    default:
      return attempt satisfies never;
  }
}

type Move =
  | Fitting
  | { do: 'favour' }
  | { do: 'pass' | 'jump'; ms: number }
  | { do: 'input'; type: Input['type']; rest: object };

const inputs: fc.Arbitrary<Move>[] = Object.entries(INPUTS)
  .filter(([type]) => type !== 'stop')
  .map(([type, rest]) => rest.map((fields) => ({ do: 'input', type: type as Input['type'], rest: fields })));
const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 30, arbitrary: fitting },
  { weight: 12, arbitrary: fc.constant<Move>({ do: 'favour' }) },
  { weight: 12, arbitrary: fc.oneof(...inputs) },
  { weight: 3, arbitrary: fc.constantFrom(1, 2_500, 20_000, 90_000).map((ms): Move => ({ do: 'pass', ms })) },
  { weight: 1, arbitrary: fc.constantFrom(3_600_000, DAY_MS).map((ms): Move => ({ do: 'jump', ms })) },
);

function play(slot: AlarmedSlot, move: Move): void {
  switch (move.do) {
    case 'favour':
      slot.favour();
      return;
    case 'fitting': {
      const { current } = slot.state;
      const isOfCurrent = current !== undefined && (move.ofCurrent || slot.state.attempt.tag === 'none');
      slot.play(isOfCurrent ? ofCurrent(current.id, move) : ofAttempt(slot.state, move));
      return;
    }
    case 'pass':
      slot.pass(move.ms);
      return;
    case 'jump':
      slot.jump(move.ms);
      return;
    case 'input': {
      const { age: howOld, spec, ...rest } = move.rest as { age?: number; spec?: Partial<SlotFacts> };
      const id = howOld === undefined ? {} : { id: slot.id - howOld };
      const whole = spec === undefined ? {} : { spec: { ...slot.state.spec, ...spec } };
      slot.play({ type: move.type, ...rest, ...id, ...whole } as Input);
      return;
    }
    default:
      move satisfies never;
  }
}

/** Where a sequence begins: what chance seldom leads to, and leaves again soon, is among it. */
const BEGINNINGS: readonly ((slot: AlarmedSlot) => void)[] = [
  () => {},
  (slot) => slot.play({ type: 'start' }),
  (slot) => slot.live(),
  (slot) => {
    slot.live().play({ type: 'leaving', id: slot.id });
    refuse(slot);
  },
  (slot) => {
    slot.live().play({ type: 'update', spec: { ...slot.state.spec, tokenDigest: 'd2' } });
    refuse(slot);
  },
];

/** Slack refuses the token of the attempt that is under way. */
function refuse(slot: AlarmedSlot): void {
  const { id } = slot.until('connecting');
  slot.play({
    type: 'answer',
    id,
    answer: { kind: 'terminal', reason: 'TokenInvalid', error: 'invalid_auth', message: 'no' },
  });
}

const TRANSPORTS: [string, Partial<SlotFacts>][] = [
  ['RTM', { callsOften: false, redelivers: false, answersPings: false }],
  ['Socket Mode', { callsOften: true, redelivers: true, answersPings: true }],
];

describe.each(TRANSPORTS)('over %s, from any state and under any sequence of inputs', (_, transport) => {
  const sequences = fc.array(moves, { maxLength: 50 });

  it('a slot has a socket, has ended, or has a turn, a timer or a refusal that will move it', () => {
    fc.assert(
      fc.property(sequences, fc.constantFrom(...BEGINNINGS), (sequence, begin) => {
        const slot = new AlarmedSlot(facts(transport));
        begin(slot);
        for (const move of sequence) play(slot, move);
      }),
      { numRuns: 300 },
    );
  });

  it('and when nobody answers any more, its timers bring it to its next turn', () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const slot = new AlarmedSlot(facts(transport));
        slot.play({ type: 'start' });
        for (const move of sequence) play(slot, move);
        const { mover } = slot;
        // A dead socket: pings, and nothing that answers them. One that is not read is given up last.
        const mostBeats = (1.1 * slot.state.spec.pauseLimitMs) / HEARTBEAT_MS;
        for (let beats = 0; slot.state.current !== undefined; beats += 1) {
          expect(beats, 'heartbeats until a dead socket, or one that is not read, is given up').toBeLessThan(mostBeats);
          slot.pass(HEARTBEAT_MS);
        }
        for (let wakes = 0; slot.mover === 'a timer'; wakes += 1) {
          expect(wakes, 'timers until the next turn').toBeLessThan(12);
          slot.pass(Math.max(0, (slot.outstanding.wakeAtMs ?? 0) - slot.nowMs));
        }
        expect(['its turn', 'another token']).toContain(slot.mover);
        expect(mover).toBeDefined();
      }),
      { numRuns: 100 },
    );
  });

  it('and once it is stopped, nothing is left, and nothing brings it back', () => {
    fc.assert(
      fc.property(sequences, fc.array(moves, { maxLength: 8 }), (sequence, after) => {
        const slot = new AlarmedSlot(facts(transport));
        slot.play({ type: 'start' });
        for (const move of sequence) play(slot, move);
        slot.play({ type: 'stop' });
        for (const move of after) play(slot, move);
        expect(slot.mover).toBe('nobody, for it has ended');
        expect([slot.open.size, slot.inLine, slot.calling]).toEqual([0, false, undefined]);
      }),
      { numRuns: 100 },
    );
  });
});
