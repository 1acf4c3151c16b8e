import fc from 'fast-check';
import { beforeEach, expect, it } from 'vitest';
import type { RtmAnswer } from '#connector/outbound/sender.ts';
import { SentMessages } from '#connector/slot/sent-messages.ts';
import { FakeTimers, settle } from '#test/support/fake-timers.ts';

let timers: FakeTimers;
let sent: SentMessages;
let written: number[];
const never = new AbortController().signal;
const outgoing = (socketID = 1, isOpen = true) => ({
  socketID,
  encode: String,
  write(text: string) {
    if (isOpen) written.push(Number(text));
    return isOpen;
  },
});
/** The number of the message that was sent last. */
const last = (): number => written.at(-1) ?? 0;

beforeEach(() => {
  timers = new FakeTimers();
  sent = new SentMessages(timers, () => 0.5);
  written = [];
});

it('a message is settled by the answer to it and to no other', async () => {
  const first = sent.send(outgoing(), never);
  const second = sent.send(outgoing(), never);
  const [one = 0, two = 0] = written;
  expect(two).toBe(one + 1);
  sent.answered(two, { kind: 'sent', ts: '2.0' });
  sent.answered(one, { kind: 'rateLimited' });
  expect(await first).toEqual({ kind: 'rateLimited' });
  expect(await second).toEqual({ kind: 'sent', ts: '2.0' });
  expect(timers.pending).toBe(0);
});

it('numbers of messages are not those of pings, and begin somewhere else in every slot', () => {
  void sent.send(outgoing(), never);
  void new SentMessages(timers, () => 0.25).send(outgoing(), never);
  expect(written).toEqual([1_500_000_001, 1_250_000_001]);
});

it('nobody knows what became of a message that got no answer for 10 s', async () => {
  const answer = sent.send(outgoing(), never);
  await timers.advance(9_999);
  expect(timers.pending).toBe(1);
  await timers.advance(1);
  expect(await answer).toEqual({ kind: 'unknown', why: 'Slack did not answer within 10 s' });
  sent.answered(last(), { kind: 'sent', ts: '1.0' });
});

it('nobody knows what became of a message whose websocket ended', async () => {
  const answer = sent.send(outgoing(1), never);
  const other = sent.send(outgoing(2), never);
  sent.ended(1);
  expect(await answer).toEqual({ kind: 'unknown', why: 'the websocket ended' });
  sent.answered(last(), { kind: 'sent', ts: '1.0' });
  expect(await other).toEqual({ kind: 'sent', ts: '1.0' });
});

it('a message that its sender gives up may have been sent, unless it was given up before', async () => {
  const patience = new AbortController();
  const answer = sent.send(outgoing(), patience.signal);
  patience.abort();
  expect(await answer).toMatchObject({ kind: 'unknown' });
  expect(timers.pending).toBe(0);
  expect(await sent.send(outgoing(), patience.signal)).toMatchObject({ kind: 'unsent' });
  expect(written).toHaveLength(1);
});

it('a message that no websocket takes was not sent', async () => {
  expect(await sent.send(outgoing(1, false), never)).toEqual({ kind: 'unsent', why: 'the websocket is closing' });
  const tooLarge = { ...outgoing(), encode: () => undefined };
  expect(await sent.send(tooLarge, never)).toMatchObject({ kind: 'refused' });
  expect(written).toEqual([]);
});

it('whatever happens in whatever order, each message is settled once, and no timer is left', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('send' as const), socketID: fc.integer({ min: 1, max: 2 }) }),
    fc.record({ do: fc.constant('answer' as const), which: fc.nat(9) }),
    fc.record({ do: fc.constant('end' as const), socketID: fc.integer({ min: 1, max: 2 }) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 11_000 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      [timers, written] = [new FakeTimers(), []];
      sent = new SentMessages(timers, () => 0);
      const answers: Promise<RtmAnswer>[] = [];
      for (const input of steps) {
        if (input.do === 'send') answers.push(sent.send(outgoing(input.socketID), never));
        else if (input.do === 'answer') sent.answered(written[input.which] ?? 0, { kind: 'rateLimited' });
        else if (input.do === 'end') sent.ended(input.socketID);
        else await timers.advance(input.ms);
      }
      await timers.advance(10_000);
      expect(await Promise.all(answers)).toHaveLength(written.length);
      expect(timers.pending).toBe(0);
    }),
    { numRuns: 60 },
  );
  await settle();
});
