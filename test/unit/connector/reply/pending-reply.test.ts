import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '#connector/queue/outcome.ts';
import {
  isEnded,
  type PendingInput,
  type PendingState,
  type PendingStep,
  stepPending,
} from '#connector/reply/pending-reply.ts';

const settled = (outcome: Outcome): PendingInput => ({ kind: 'settled', outcome });
const failed = (reason: Extract<Outcome, { kind: 'failed' }>['reason']): PendingInput =>
  settled({ kind: 'failed', reason });
const QUEUED = settled({ kind: 'queued' });
const DUPLICATE = settled({ kind: 'duplicate' });
const FENCED = settled({ kind: 'fenced' });
const FILTERED = settled({ kind: 'filtered', reason: 'excluded' });
const DEADLINE: PendingInput = { kind: 'deadline' };
const ANSWER: PendingInput = { kind: 'answer', payload: '{"text":"done"}' };
const NOTHING: PendingInput = { kind: 'answer', payload: undefined };
const UNSENT: PendingInput = { kind: 'unsent' };

interface Run {
  state: PendingState;
  acknowledged: (string | undefined)[];
}

function run(inputs: readonly PendingInput[]): Run {
  const acknowledged: (string | undefined)[] = [];
  let state: PendingState = 'unsettled';
  for (const input of inputs) {
    const step: PendingStep = stepPending(state, input);
    state = step.state;
    if (step.acknowledge !== undefined) acknowledged.push(step.acknowledge.answer);
  }
  return { state, acknowledged };
}

const PAYLOAD = '{"text":"done"}';
const PLAINLY = [undefined];

describe('an envelope that takes an answer', () => {
  it.each<[string, PendingInput[], PendingState, (string | undefined)[]]>([
    ['waits for the answer once its event is queued', [QUEUED], 'queued', []],
    ['is acknowledged with the answer', [QUEUED, ANSWER], 'answered', [PAYLOAD]],
    ['is acknowledged at once if the application has nothing to say', [QUEUED, NOTHING], 'answered', PLAINLY],
    ['is acknowledged plainly when its time is over', [QUEUED, DEADLINE], 'timeout', PLAINLY],
    ['takes an answer that is faster than what Redis tells us', [ANSWER, QUEUED], 'answered', [PAYLOAD]],
    ['is not acknowledged plainly before its outcome is known', [NOTHING], 'satisfied', []],
    ['but right then, long before its time is over', [NOTHING, QUEUED], 'answered', PLAINLY],
    ['even if that is after its time', [NOTHING, DEADLINE, QUEUED], 'answered', PLAINLY],
    ['and never if it could not be queued', [NOTHING, failed('shutdown')], 'unacknowledged', []],
    ['takes no other answer than none', [NOTHING, ANSWER, QUEUED], 'answered', PLAINLY],
    ['takes one answer', [QUEUED, ANSWER, ANSWER, DEADLINE], 'answered', [PAYLOAD]],
    ['takes no answer after its time', [QUEUED, DEADLINE, ANSWER], 'timeout', PLAINLY],
    ['waits as well if a copy of its event is on the queue', [DUPLICATE, ANSWER], 'answered', [PAYLOAD]],
    ['that nobody answers, because another connector has asked', [DUPLICATE, DEADLINE], 'timeout', PLAINLY],
    ['is acknowledged at once if its event is filtered', [FILTERED], 'not_queued', PLAINLY],
    ['is acknowledged at once if its bot is suspended', [FENCED], 'not_queued', PLAINLY],
    ['is acknowledged at once if its event is malformed', [failed('malformed')], 'not_queued', PLAINLY],
    ['is acknowledged at once if its event is too large', [failed('too_large')], 'not_queued', PLAINLY],
    ['is acknowledged at once if its event is no JSON', [failed('unencodable')], 'not_queued', PLAINLY],
    ['is acknowledged at once if Redis refuses its event', [failed('refused')], 'not_queued', PLAINLY],
    ['is not acknowledged if the buffer was full', [failed('buffer_full'), DEADLINE], 'unacknowledged', []],
    ['is not acknowledged if its event waited too long', [failed('stale'), DEADLINE], 'unacknowledged', []],
    ['is not acknowledged if the process ends', [failed('shutdown')], 'unacknowledged', []],
    ['is not acknowledged at its deadline while the outcome is unknown', [DEADLINE], 'overdue', []],
    ['but as soon as it is known', [DEADLINE, QUEUED], 'timeout', PLAINLY],
    ['even if that is a filter', [DEADLINE, FILTERED], 'not_queued', PLAINLY],
    ['and never if it is not queued then', [DEADLINE, failed('stale')], 'unacknowledged', []],
    ['takes no answer while it is overdue', [DEADLINE, ANSWER, QUEUED], 'timeout', PLAINLY],
    ['whose socket has ended is not acknowledged', [QUEUED, ANSWER, UNSENT], 'unacknowledged', [PAYLOAD]],
  ])('%s', (_name, inputs, state, acknowledged) => {
    expect(run(inputs)).toEqual({ state, acknowledged });
  });

  const outcome = fc.constantFrom<PendingInput>(
    ...[QUEUED, DUPLICATE, FENCED, FILTERED],
    ...(['malformed', 'too_large', 'unencodable', 'refused', 'buffer_full', 'stale', 'shutdown'] as const).map(failed),
  );
  const input = fc.oneof(fc.constantFrom<PendingInput>(ANSWER, NOTHING, DEADLINE), outcome);
  const NEVER = ['buffer_full', 'stale', 'shutdown'];
  const isFinal = (one: PendingInput): boolean =>
    one.kind === 'settled' && !(one.outcome.kind === 'failed' && NEVER.includes(one.outcome.reason));

  it('is acknowledged at most once, whatever comes in whatever order', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 8 }), (inputs) => {
        expect(run(inputs).acknowledged.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });

  it('is acknowledged exactly if its outcome was final, or the application answered in time', () => {
    // Publisher and clock each say something once at most; an application may say what it likes.
    const life = fc
      .record({ outcome, answers: fc.array(fc.constantFrom(ANSWER, NOTHING), { maxLength: 3 }), due: fc.boolean() })
      .chain(({ outcome: end, answers, due }) => {
        const all = [end, ...answers, ...(due ? [DEADLINE] : [])];
        return fc.shuffledSubarray(all, { minLength: all.length });
      });
    fc.assert(
      fc.property(life, (inputs) => {
        const { acknowledged, state } = run(inputs);
        const at = (matches: (one: PendingInput) => boolean): number => {
          const index = inputs.findIndex(matches);
          return index < 0 ? inputs.length : index;
        };
        const [answer, due, end] = [
          at(({ kind }) => kind === 'answer'),
          at(({ kind }) => kind === 'deadline'),
          at(({ kind }) => kind === 'settled'),
        ];
        const final = isFinal(inputs[end] ?? DEADLINE);
        const waits = final && ['queued', 'duplicate'].includes(outcomeKind(inputs[end]));
        const early = answer < end && answer < due;
        const answered = early ? inputs[answer] === ANSWER || waits : answer < due && waits;
        const over = due < inputs.length;
        expect(acknowledged.length === 1).toBe(answered || (final && (!waits || over)));
        expect(state === 'answered').toBe(answered);
        if (over) expect(isEnded(state)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

const outcomeKind = (one: PendingInput | undefined): string => (one?.kind === 'settled' ? one.outcome.kind : '');
