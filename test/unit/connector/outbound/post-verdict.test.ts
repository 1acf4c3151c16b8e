import { describe, expect, it } from 'vitest';
import { CHAT_POST_MESSAGE, postParams, whyUnpostable } from '#connector/outbound/chat-post-message.ts';
import {
  judge,
  PATIENCE_MS,
  patienceMs,
  type Trouble,
  type Verdict,
  whyGivenUp,
  whyUnsendable,
} from '#connector/outbound/post-verdict.ts';
import type { Sender } from '#connector/outbound/sender.ts';
import type { Command } from '#core/protocol/command.ts';
import { classifyAnswer, classifyFailure } from '#core/slack/classify-answer.ts';
import type { WebApiAnswer } from '#core/slack/web-api-answer.ts';

const command: Command = {
  id: 'm',
  team: 'T1',
  bot: undefined,
  channel: 'C1',
  text: 'hello',
  thread: undefined,
  blocks: undefined,
  via: 'api',
};
const sender: Sender = {
  ownerUid: 'uid',
  bot: 'bots/acme',
  teamID: 'T1',
  generation: 1,
  token: 'xoxb-token',
  credentialsDigest: 'd',
  speaksRtm: true,
  overRtm: undefined,
};
const moment = { idleMs: 0, random: 0.5 };
const slack = (body: object, status = 200, retryAfter: string | null = null): WebApiAnswer =>
  classifyAnswer(CHAT_POST_MESSAGE, { status, retryAfter, body: JSON.stringify(body) }, 0);
const error = (code: string): WebApiAnswer => slack({ ok: false, error: code });
const verdictOn = (answer: WebApiAnswer, before?: Trouble, idleMs = 0): Verdict =>
  judge({ via: 'api', answer }, command, before, { ...moment, idleMs });

/** The same answer again and again, for as long as the message is tried. */
function untilEnd(answer: WebApiAnswer, most = 20): { last: Verdict; tries: number } {
  let before: Trouble | undefined;
  for (let tries = 1; ; tries += 1) {
    const last = verdictOn(answer, before);
    if (last.kind !== 'again' || tries === most) return { last, tries };
    before = last.trouble;
  }
}

describe('what an answer of Slack means for a message', () => {
  it('ok: sent, and the channel has a second', () => {
    const verdict = verdictOn(slack({ ok: true, channel: 'D1', ts: '1.2' }));
    expect(verdict).toEqual({ kind: 'sent', channel: 'D1', ts: '1.2', paceMs: 1_000 });
  });

  it('429: everything of the token waits as long as Slack says, and at least a second', () => {
    expect(verdictOn(slack({}, 429, '7'))).toMatchObject({
      kind: 'again',
      waitMs: 7_000,
      stopMs: 7_000,
      refusal: undefined,
    });
    expect(verdictOn(slack({}, 429, '0'))).toMatchObject({ waitMs: 1_000, stopMs: 1_000 });
    expect(verdictOn(error('message_limit_exceeded'))).toMatchObject({ kind: 'again', stopMs: 30_000 });
    expect(untilEnd(slack({}, 429, '1')).last.kind).toBe('again');
  });

  it.each([
    'channel_not_found',
    'is_archived',
    'msg_too_long',
    'invalid_blocks',
    'missing_scope',
    'no_permission',
    'invalid_arguments',
  ])('%s: never posted, at once, with a remedy; the token is not to blame', (code) => {
    const verdict = verdictOn(error(code));
    expect(verdict).toMatchObject({ kind: 'failed', refusal: undefined, failure: { error: code } });
    expect(verdict.kind === 'failed' && verdict.failure.message).toContain(whyUnpostable(code));
  });

  it.each(['token_revoked', 'account_inactive', 'user_removed_from_team', 'team_disabled'])(
    '%s: the token is refused at once',
    (code) => {
      expect(verdictOn(error(code))).toMatchObject({ kind: 'failed', refusal: { error: code } });
    },
  );

  it('invalid_auth: asked again for seconds before it is believed, since Slack has been seen to take it back', () => {
    let before: Trouble | undefined;
    let waitedMs = 0;
    let last = verdictOn(error('invalid_auth'));
    while (last.kind === 'again') {
      expect(last.refusal).toBeUndefined();
      waitedMs += last.waitMs;
      before = last.trouble;
      last = verdictOn(error('invalid_auth'), before);
    }
    expect(last).toMatchObject({ kind: 'failed', refusal: { reason: 'TokenInvalid' } });
    expect(waitedMs).toBeGreaterThan(5_000);
    expect(waitedMs).toBeLessThan(30_000);
  });

  it('token_expired: recorded, and the message waits for the next token', () => {
    const { last } = untilEnd(error('token_expired'));
    expect(last).toMatchObject({ kind: 'again', refusal: { reason: 'TokenExpired' }, stopMs: 5_000 });
  });

  it('5xx, and no answer: tried again for as long as it takes, more and more slowly, by nobody sooner', () => {
    const waits: number[] = [];
    let before: Trouble | undefined;
    for (let at = 0; at < 8; at += 1) {
      const verdict = verdictOn(slack({}, 503), before);
      if (verdict.kind !== 'again') throw new Error('given up');
      expect(verdict.stopMs).toBe(verdict.waitMs);
      waits.push(verdict.waitMs);
      before = verdict.trouble;
    }
    expect(waits.toSorted((one, other) => one - other)).toEqual(waits);
    expect(waits.at(-1)).toBeLessThanOrEqual(30_000);
    expect(verdictOn(slack({}, 503, '60'))).toMatchObject({ waitMs: 60_000 });
  });

  it('a connection that was never made: the channel keeps its turn', () => {
    const unreached = classifyFailure({ how: 'network', code: 'ECONNREFUSED', text: 'refused' });
    expect(verdictOn(unreached)).toMatchObject({ kind: 'again', paceMs: 0 });
    const reset = classifyFailure({ how: 'network', code: 'ECONNRESET', text: 'reset' });
    expect(verdictOn(reset)).toMatchObject({ kind: 'again', paceMs: 1_000 });
  });

  it('an error that is new: a few times, then it is about the message, and the others of the token go on', () => {
    expect(verdictOn(error('brand_new'))).toMatchObject({ kind: 'again', stopMs: 0 });
    expect(untilEnd(error('brand_new'))).toMatchObject({
      last: { kind: 'failed', failure: { reason: 'MessageRefused', error: 'brand_new' }, refusal: undefined },
      tries: 5,
    });
  });

  it.each([slack({}, 503), slack({}, 429, '7'), error('token_expired')])(
    'anything for an hour: given up, %#',
    (answer) => {
      expect(verdictOn(answer, undefined, PATIENCE_MS - 1).kind).toBe('again');
      const verdict = verdictOn(answer, undefined, PATIENCE_MS);
      expect(verdict.kind === 'failed' && verdict.failure.message).toContain('Given up after 60 minutes');
    },
  );
});

describe('what an answer over RTM means for a message', () => {
  const over = (answer: Parameters<typeof judge>[0]['answer']) =>
    judge({ via: 'rtm', answer } as Parameters<typeof judge>[0], command, undefined, moment);

  it('sent, refused, too fast, unknown and unsent', () => {
    expect(over({ kind: 'sent', ts: '1.2' })).toMatchObject({ kind: 'sent', channel: 'C1', ts: '1.2' });
    expect(over({ kind: 'refused', code: 2, message: 'message text is missing' })).toMatchObject({
      kind: 'failed',
      failure: { reason: 'MessageRefused', error: 'rtm_2' },
    });
    expect(over({ kind: 'rateLimited' })).toMatchObject({ kind: 'again', waitMs: 10_000, stopMs: 10_000 });
    expect(over({ kind: 'unknown', why: 'the socket ended' })).toMatchObject({
      kind: 'again',
      stopMs: 0,
      paceMs: 1_000,
    });
    expect(over({ kind: 'unsent', why: 'no socket' })).toMatchObject({ kind: 'again', stopMs: 0, paceMs: 0 });
  });
});

describe('a message that can not be sent by its bot', () => {
  it('says why, with the remedy', () => {
    expect(whyUnsendable(command, sender)).toBeUndefined();
    expect(whyUnsendable(command, { ...sender, teamID: 'T2' })?.reason).toBe('TeamMismatch');
    expect(whyUnsendable(command, { ...sender, token: undefined })?.message).toContain('under the key token');
    expect(whyUnsendable({ ...command, via: 'rtm' }, { ...sender, speaksRtm: false })?.reason).toBe('RtmUnavailable');
  });

  it('was given up for its last failure, or because nobody serves it', () => {
    const before = { tries: 1, refusals: 0, failure: { reason: 'SlackUnavailable', message: 'busy.' } };
    expect(whyGivenUp(command, sender, before).reason).toBe('SlackUnavailable');
    expect(whyGivenUp(command, undefined, undefined)).toMatchObject({ reason: 'NotServed' });
    expect(whyGivenUp({ ...command, via: 'rtm' }, sender, undefined).reason).toBe('RtmUnavailable');
    expect(whyGivenUp(command, { ...sender, token: undefined }, undefined).reason).toBe('NoBotToken');
  });
});

describe('how long a message waits that nobody sends', () => {
  it('is an hour, more if this process might send it, and for ever while the fleet may just be starting', () => {
    expect(patienceMs({ upMs: 60_000, isServed: false })).toBe(3_600_000);
    expect(patienceMs({ upMs: 60_000, isServed: true })).toBeGreaterThan(3_600_000 + 300_000);
    expect(patienceMs({ upMs: 59_999, isServed: false })).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('the arguments of chat.postMessage', () => {
  it('are those of the command, blocks as JSON, and no others', () => {
    expect(postParams(command)).toEqual({ channel: 'C1', text: 'hello' });
    expect(postParams({ ...command, text: '', thread: '1.2', blocks: [{ type: 'divider' }] })).toEqual({
      channel: 'C1',
      thread_ts: '1.2',
      blocks: '[{"type":"divider"}]',
    });
  });
});
