import { AnswerDesk } from '#connector/reply/answer-desk.ts';
import type { PendingReply } from '#connector/reply/reply-desk.ts';
import type { ReplyFault } from '#core/protocol/reply.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { silentLog } from '#test/support/silent-log.ts';

/** What Slack was told of an envelope; `plain` is an acknowledgement without an answer. */
export type Told = string;

/** A desk with a clock of its own, and everything that it tells anybody. */
export class DeskFixture {
  readonly timers = new FakeTimers();
  readonly told: [id: string, Told][] = [];
  readonly faults: [id: string, ReplyFault][] = [];
  readonly counted: string[] = [];
  readonly warned: string[] = [];
  /** Whether sockets still take what is sent. */
  open = true;
  readonly desk = new AnswerDesk({
    to: 'answers:a',
    timers: this.timers,
    redisNowMs: () => this.timers.wallMs() + 7,
    record: (id, fault) => this.faults.push([id, fault]),
    observer: {
      ended: (end) => this.counted.push(end),
      wasted: (outcome) => this.counted.push(outcome),
      passed: () => this.counted.push('passed'),
    },
    limitedLog: { warn: (kind) => this.warned.push(kind) },
    log: silentLog,
  });

  read(id: string): PendingReply {
    return this.desk.open(
      id,
      (payload) => `{"envelope_id":"${id}","payload":${payload}}`,
      (answer) => {
        if (this.open) this.told.push([id, answer ?? 'plain']);
        return this.open;
      },
    );
  }

  /** Read, and its event is queued. */
  queued(id: string): PendingReply {
    const reply = this.read(id);
    reply.settled({ kind: 'queued' });
    return reply;
  }

  answer(id: string, payload: unknown = { text: 'done' }, left = false): void {
    this.push(JSON.stringify({ id, payload }), left);
  }

  push(text: string, left = false): void {
    this.desk.take({ text, readAtMs: this.timers.monotonicMs(), left });
  }
}
