/** What an answer to a message means for it, and for the messages behind it. Pure. */

import * as z from 'zod/mini';
import { type BackoffPolicy, backoffMs } from '../../core/process/backoff.ts';
import type { Command, CommandFailure } from '../../core/protocol/command.ts';
import type { Refusal, WebApiAnswer, WebApiFailure } from '../../core/slack/web-api-answer.ts';
import { whyUnpostable } from './chat-post-message.ts';
import type { RtmAnswer, Sender } from './sender.ts';

export type PostAnswer = { via: 'api'; answer: WebApiAnswer } | { via: 'rtm'; answer: RtmAnswer };

/** How a try to post ended, for a counter. */
export type PostResult = 'ok' | 'rateLimited' | 'refused' | 'retry';

/** What is remembered of a message between its tries. */
export interface Trouble {
  /** How often it was tried without an answer that says what became of it. */
  tries: number;
  /** How often Slack has refused the token in a row. */
  refusals: number;
  failure: CommandFailure;
}

export type Verdict =
  | { kind: 'sent'; channel: string; ts: string; paceMs: number }
  /** `refusal`: of the token, so of more than this message. */
  | { kind: 'failed'; failure: CommandFailure; refusal: Refusal | undefined; paceMs: number }
  | {
      kind: 'again';
      trouble: Trouble;
      refusal: Refusal | undefined;
      waitMs: number;
      paceMs: number;
      /** For which nothing more may be sent this way. */
      stopMs: number;
      /** By whom: what Slack said of a rate counts for a new token, too; what it said of a token does not. */
      stops: 'team' | 'token';
    };

/** Slack takes one message a second in a channel (docs.slack.dev/apis/web-api/rate-limits), and over an RTM socket. */
export const PACE_MS = 1_000;
/** A message that makes no progress for so long is given up. */
export const PATIENCE_MS = 3_600_000;
/** Before others' messages are given up: a fleet that has just started may serve them in a moment. */
const SETTLED_AFTER_MS = 60_000;
/** A message that this process could send is given up by its next try; this is for one that nobody tries. */
const UNTRIED_MS = 360_000;
const BACKOFF: BackoffPolicy = { baseMs: 1_000, capMs: 30_000 };
/** A refusal that lasts seconds may be a fault of Slack: it is believed when it has come this often, at growing intervals. */
const BELIEVED_REFUSALS = 4;
const REFUSAL_WAIT_MS = 1_000;
/** How often a message waits for a new token. */
const EXPIRED_WAIT_MS = 5_000;
/** An error that is new may be temporary; if it comes this often it is not. */
const MOST_UNKNOWN_TRIES = 4;
/** RTM does not say how long to wait. */
const RTM_SLOW_DOWN_MS = 10_000;

export interface Moment {
  /** Ms for which the message makes no progress. */
  idleMs: number;
  /** In [0, 1). */
  random: number;
}

export function judge(
  { via, answer }: PostAnswer,
  command: Command,
  before: Trouble | undefined,
  moment: Moment,
): Verdict {
  const verdict = via === 'api' ? judgeApi(answer, command, before, moment) : judgeRtm(answer, command, before, moment);
  if (verdict.kind !== 'again' || moment.idleMs < PATIENCE_MS) return verdict;
  return { kind: 'failed', failure: givenUp(verdict.trouble.failure), refusal: undefined, paceMs: verdict.paceMs };
}

function judgeApi(answer: WebApiAnswer, command: Command, before: Trouble | undefined, moment: Moment): Verdict {
  switch (answer.kind) {
    case 'ok': {
      const { channel, ts } = answer.body;
      const isThere = typeof channel === 'string' && channel !== '';
      return {
        kind: 'sent',
        channel: isThere ? channel : command.channel,
        ts: typeof ts === 'string' ? ts : '',
        paceMs: PACE_MS,
      };
    }
    case 'rateLimited': {
      const failure = {
        reason: 'RateLimited',
        message: 'Slack asked for fewer messages (429). Relax retries automatically.',
      };
      const waitMs = Math.max(PACE_MS, answer.retryAfterMs);
      return again({ tries: 0, refusals: 0, ...before, failure }, { waitMs, stopMs: waitMs, stops: 'team' });
    }
    case 'terminal':
      return unpostable(answer) ?? refused(answer, before);
    case 'retry':
      return unpostable(answer) ?? retried(answer, before, moment);
    default:
      return answer satisfies never;
  }
}

function unpostable({ error }: Exclude<WebApiFailure, { kind: 'rateLimited' }>): Verdict | undefined {
  const remedy = whyUnpostable(error);
  if (remedy === undefined) return undefined;
  const reason = error === 'missing_scope' ? 'MissingScope' : 'MessageRefused';
  const failure = { reason, error, message: `Slack refused the message (${error}). ${remedy}` };
  return { kind: 'failed', failure, refusal: undefined, paceMs: PACE_MS };
}

function refused({ reason, error, message }: Refusal, before: Trouble | undefined): Verdict {
  const refusal = { reason, error, message };
  const refusals = (before?.refusals ?? 0) + 1;
  const trouble = { tries: before?.tries ?? 0, refusals, failure: refusal };
  // There will be a new token: the message waits for it.
  if (reason === 'TokenExpired') return again(trouble, { waitMs: EXPIRED_WAIT_MS, stopMs: EXPIRED_WAIT_MS, refusal });
  if (reason === 'TokenInvalid' && refusals < BELIEVED_REFUSALS) {
    const waitMs = REFUSAL_WAIT_MS * 2 ** (refusals - 1);
    return again(trouble, { waitMs, stopMs: waitMs });
  }
  return { kind: 'failed', failure: refusal, refusal, paceMs: PACE_MS };
}

type Retry = Extract<WebApiFailure, { kind: 'retry' }>;

function retried(answer: Retry, before: Trouble | undefined, { random }: Moment): Verdict {
  const { reason, error, message } = answer;
  const tries = (before?.tries ?? 0) + 1;
  const failure = { reason, error, message };
  if (answer.isUnknown === true && tries > MOST_UNKNOWN_TRIES) {
    return { kind: 'failed', failure: { ...failure, reason: 'MessageRefused' }, refusal: undefined, paceMs: PACE_MS };
  }
  const waitMs = Math.max(backoffMs(tries - 1, BACKOFF, random), answer.retryAfterMs ?? 0);
  const trouble = { tries, refusals: 0, failure };
  // An error that is new is about this message for all that is known; anything else is about all of them.
  const stopMs = answer.isUnknown === true ? 0 : waitMs;
  return again(trouble, { waitMs, stopMs, paceMs: answer.isUnreached === true ? 0 : PACE_MS });
}

function judgeRtm(answer: RtmAnswer, command: Command, before: Trouble | undefined, { random }: Moment): Verdict {
  const tries = (before?.tries ?? 0) + 1;
  const waitMs = backoffMs(tries - 1, BACKOFF, random);
  const troubled = (reason: string, message: string): Trouble => ({ tries, refusals: 0, failure: { reason, message } });
  switch (answer.kind) {
    case 'sent':
      return { kind: 'sent', channel: command.channel, ts: answer.ts, paceMs: PACE_MS };
    case 'refused': {
      const error = `rtm_${answer.code}`;
      const message = `Slack refused the message over RTM (${answer.code}: ${answer.message}). Correct it, or set via to "api".`;
      return {
        kind: 'failed',
        failure: { reason: 'MessageRefused', error, message },
        refusal: undefined,
        paceMs: PACE_MS,
      };
    }
    case 'rateLimited': {
      const failure = {
        reason: 'RateLimited',
        message: 'Slack asked for fewer messages over RTM. Relax retries automatically.',
      };
      return again(
        { tries: 0, refusals: 0, ...before, failure },
        { waitMs: RTM_SLOW_DOWN_MS, stopMs: RTM_SLOW_DOWN_MS },
      );
    }
    case 'unknown':
      return again(
        troubled('SlackUnavailable', `Slack did not answer over RTM (${answer.why}). Relax retries automatically.`),
        { waitMs },
      );
    case 'unsent':
      return again(
        troubled(
          'RtmUnavailable',
          `The message could not be sent over RTM (${answer.why}). Relax retries automatically.`,
        ),
        { waitMs, paceMs: 0 },
      );
    default:
      return answer satisfies never;
  }
}

type Again = Extract<Verdict, { kind: 'again' }>;
type Wait = Partial<Pick<Again, 'stopMs' | 'stops' | 'paceMs' | 'refusal'>> & Pick<Again, 'waitMs'>;

const again = (
  trouble: Trouble,
  { waitMs, stopMs = 0, stops = 'token', paceMs = PACE_MS, refusal }: Wait,
): Verdict => ({ kind: 'again', trouble, refusal, waitMs, paceMs, stopMs, stops });

/** Why it can't be sent by this bot at all; undefined if it can. */
export function whyUnsendable(command: Command, sender: Sender): CommandFailure | undefined {
  const { bot, teamID } = sender;
  if (command.team !== undefined && command.team !== teamID) {
    const message = `The SlackBot ${bot} belongs to the team ${teamID}, not to ${command.team}. Correct bot or team.`;
    return { reason: 'TeamMismatch', message };
  }
  if (command.via === 'rtm' && !sender.speaksRtm) {
    const message = `The SlackBot ${bot} has no RTM socket (its transport is another). Set via to "api", or leave it out.`;
    return { reason: 'RtmUnavailable', message };
  }
  return sender.token === undefined ? noBotToken(bot) : undefined;
}

const noBotToken = (bot: string): CommandFailure => ({
  reason: 'NoBotToken',
  message:
    `The SlackBot ${bot} has no bot token, which chat.postMessage needs. Put it (xoxb-...) into the Secret that ` +
    'spec.credentials names, under the key token.',
});

/**
 * Without progress for how long a process may take a message away that it does not try to send.
 * @param upMs since the process has started
 */
export function patienceMs({ upMs, isServed }: { upMs: number; isServed: boolean }): number {
  if (upMs < SETTLED_AFTER_MS) return Number.POSITIVE_INFINITY;
  return isServed ? PATIENCE_MS + UNTRIED_MS : PATIENCE_MS;
}

/** Why a message was given up whose outbox nobody could send from. */
export function whyGivenUp(command: Command, sender: Sender | undefined, before: Trouble | undefined): CommandFailure {
  if (sender !== undefined && sender.token === undefined) return noBotToken(sender.bot);
  if (before !== undefined) return givenUp(before.failure);
  const whom = command.bot === undefined ? `the team ${command.team}` : `the SlackBot ${command.bot}`;
  if (sender !== undefined && command.via === 'rtm') {
    return givenUp({ reason: 'RtmUnavailable', message: `No RTM socket of ${whom} was live. Set via to "api".` });
  }
  return givenUp({
    reason: 'NotServed',
    message: `No connector serves ${whom}. Check its name, and that such a SlackBot exists and is Ready.`,
  });
}

const givenUp = ({ message, ...failure }: CommandFailure): CommandFailure => ({
  ...failure,
  message: `${message} Given up after ${PATIENCE_MS / 60_000} minutes: push the command again once that is solved.`,
});

const troubleSchema = z.object({
  tries: z.number(),
  refusals: z.number(),
  failure: z.object({ reason: z.string(), error: z.optional(z.string()), message: z.string() }),
});

/** @param json of `Trouble`; anything else is none */
export function readTrouble(json: string): Trouble | undefined {
  try {
    return troubleSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

export function resultOf({ answer }: PostAnswer): PostResult {
  switch (answer.kind) {
    case 'ok':
    case 'sent':
      return 'ok';
    case 'rateLimited':
      return 'rateLimited';
    case 'terminal':
    case 'refused':
      return 'refused';
    case 'retry':
    case 'unknown':
    case 'unsent':
      return 'retry';
    default:
      return answer satisfies never;
  }
}
