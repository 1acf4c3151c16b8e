import { beforeEach, describe, expect, it } from 'vitest';
import { ANSWER_WITHIN_MS } from '#core/protocol/reply.ts';
import { DeskFixture } from './desk-fixture.ts';

let slack: DeskFixture;

beforeEach(() => {
  slack = new DeskFixture();
});

const DONE = '{"text":"done"}';
const fault = (outcome: string, reason: RegExp) => ({
  outcome,
  reason: expect.stringMatching(reason),
  at: expect.any(String),
});

describe('the desk', () => {
  it('says where and until when to answer, by the clock of Redis', () => {
    const before = new Date(slack.timers.wallMs() + 7 + ANSWER_WITHIN_MS).toISOString();
    expect(slack.read('e1').address).toEqual({ to: 'answers:a', id: 'e1', before });
  });

  it('brings an answer to its envelope and to no other', () => {
    slack.queued('e1');
    slack.queued('e2');
    slack.answer('e2');
    expect(slack.told).toEqual([['e2', DONE]]);
    expect(slack.counted).toEqual(['answered', 'passed']);
    expect(slack.desk.waiting).toBe(1);
  });

  it('acknowledges each plainly 2.5 s after it was read, with one timer for all', async () => {
    slack.queued('e1');
    await slack.timers.advance(1_000);
    slack.queued('e2');
    expect(slack.timers.pending).toBe(1);
    await slack.timers.advance(1_499);
    expect(slack.told).toEqual([]);
    await slack.timers.advance(1);
    expect(slack.told).toEqual([['e1', 'plain']]);
    await slack.timers.advance(1_000);
    expect(slack.told).toEqual([
      ['e1', 'plain'],
      ['e2', 'plain'],
    ]);
    expect(slack.counted).toEqual(['timeout', 'timeout']);
    expect(slack.timers.pending).toBe(0);
  });

  it('keeps no timer when nothing waits', () => {
    slack.queued('e1');
    slack.answer('e1');
    expect(slack.timers.pending).toBe(0);
  });

  it('keeps the deadline of the second when the first is answered', async () => {
    slack.queued('e1');
    await slack.timers.advance(500);
    slack.queued('e2');
    slack.answer('e1');
    await slack.timers.advance(ANSWER_WITHIN_MS);
    expect(slack.told.at(-1)).toEqual(['e2', 'plain']);
  });

  it('acknowledges what is queued plainly when its socket is about to close, and what is not when it is', () => {
    const [queued, unsettled] = [slack.queued('a'), slack.read('b')];
    queued.expire();
    unsettled.expire();
    expect(slack.told).toEqual([['a', 'plain']]);
    unsettled.settled({ kind: 'queued' });
    expect(slack.told).toEqual([
      ['a', 'plain'],
      ['b', 'plain'],
    ]);
    queued.expire();
    expect(slack.told).toHaveLength(2);
  });

  it('does not acknowledge what is not queued at the deadline, and does when it is', async () => {
    const reply = slack.read('e1');
    await slack.timers.advance(ANSWER_WITHIN_MS);
    expect(slack.told).toEqual([]);
    expect(slack.desk.waiting).toBe(0);
    reply.settled({ kind: 'queued' });
    expect(slack.told).toEqual([['e1', 'plain']]);
    expect(slack.counted).toEqual(['timeout']);
  });

  it('tells a late answer that it is late, before and after the plain acknowledgement', async () => {
    const reply = slack.read('e1');
    await slack.timers.advance(ANSWER_WITHIN_MS);
    slack.answer('e1');
    reply.settled({ kind: 'queued' });
    slack.answer('e1');
    const late = fault('late', /after reply\.before/);
    expect(slack.faults).toEqual([
      ['e1', late],
      ['e1', late],
    ]);
    expect(slack.counted).toEqual(['late', 'timeout', 'late']);
  });

  it('refuses an answer that is too large, and passes on a smaller one', () => {
    slack.queued('e1');
    slack.answer('e1', { text: 'x'.repeat(20_000) });
    expect(slack.told).toEqual([]);
    expect(slack.faults).toEqual([['e1', fault('refused', /would have 20\d\d\d bytes/)]]);
    slack.answer('e1');
    expect(slack.told).toEqual([['e1', DONE]]);
    expect(slack.counted).toEqual(['refused', 'answered', 'passed']);
  });

  it('counts the bytes of the whole acknowledgement, not the characters of the payload', () => {
    slack.queued('e1');
    slack.answer('e1', { text: 'ü'.repeat(9_990) });
    expect(slack.faults).toEqual([['e1', fault('refused', /bytes/)]]);
  });

  it('refuses what is too large even to be parsed', () => {
    slack.queued('e1');
    slack.answer('e1', { text: 'x'.repeat(200_000) });
    expect(slack.faults).toEqual([['e1', fault('refused', /characters/)]]);
    expect(slack.desk.waiting).toBe(1);
  });

  it('refuses a second answer', () => {
    slack.queued('e1');
    slack.answer('e1');
    slack.answer('e1', { text: 'again' });
    expect(slack.told).toEqual([['e1', DONE]]);
    expect(slack.faults).toEqual([['e1', fault('refused', /one answer/)]]);
  });

  it('acknowledges plainly and at once for an application that has nothing to say, as soon as the event is queued', () => {
    const reply = slack.read('e1');
    slack.push('{"id":"e1"}');
    expect(slack.told).toEqual([]);
    expect(slack.desk.waiting).toBe(0);
    slack.answer('e1');
    expect(slack.faults).toEqual([['e1', fault('refused', /one answer/)]]);
    reply.settled({ kind: 'queued' });
    expect(slack.told).toEqual([['e1', 'plain']]);
    expect(slack.counted).toEqual(['refused', 'answered']);
  });

  it('refuses an answer to an envelope that takes none', () => {
    slack.desk.takesNone('e1');
    slack.answer('e1');
    expect(slack.faults).toEqual([['e1', fault('refused', /takes no answer/)]]);
  });

  it('tells an answer to nothing that it is unknown, and one that was left by an earlier process that it is late', () => {
    slack.answer('e1');
    slack.answer('e2', {}, true);
    expect(slack.faults).toEqual([
      ['e1', fault('unknown', /reply\.id/)],
      ['e2', fault('late', /has ended/)],
    ]);
  });

  it('counts what is no answer, and says so at most once a minute', () => {
    slack.push('ok');
    expect([slack.counted, slack.warned, slack.faults]).toEqual([['malformed'], ['malformed answer'], []]);
  });

  it('gives both copies of an envelope the one answer', () => {
    slack.queued('e1');
    slack.read('e1').settled({ kind: 'duplicate' });
    slack.answer('e1');
    expect(slack.told).toEqual([
      ['e1', DONE],
      ['e1', DONE],
    ]);
    expect(slack.counted).toEqual(['answered', 'answered', 'passed']);
    expect(slack.desk.waiting).toBe(0);
  });

  it('acknowledges at once what no application will see', () => {
    slack.read('e1').settled({ kind: 'filtered', reason: 'excluded' });
    expect(slack.told).toEqual([['e1', 'plain']]);
    expect(slack.counted).toEqual(['not_queued']);
  });

  it('does not count as answered what its socket no longer took', () => {
    slack.queued('e1');
    slack.open = false;
    slack.answer('e1');
    expect(slack.counted).toEqual(['unacknowledged', 'late']);
    expect(slack.faults).toEqual([['e1', fault('late', /websocket/)]]);
  });

  it('survives an acknowledgement that throws', () => {
    const reply = slack.desk.open(
      'e1',
      (payload) => payload,
      () => {
        throw new Error('a defect');
      },
    );
    reply.settled({ kind: 'queued' });
    slack.answer('e1');
    expect(slack.counted).toEqual(['unacknowledged', 'late']);
  });

  it('acknowledges nothing at its deadline once it is stopped', async () => {
    slack.queued('e1');
    slack.desk.stop();
    await slack.timers.advance(10_000);
    expect(slack.told).toEqual([]);
    expect(slack.timers.pending).toBe(0);
  });
});
