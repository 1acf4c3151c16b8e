import { randomUUID } from 'node:crypto';
import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import { sleep, type Timers } from '../../core/process/timers.ts';
import { type Command, deadLetter } from '../../core/protocol/command.ts';
import { tokenDigest } from '../../core/protocol/token.ts';
import { redisErrorText } from '../../core/redis/fault.ts';
import type { WebApi } from '../../core/slack/web-api.ts';
import type { Refusal } from '../../core/slack/web-api-answer.ts';
import { encodeResult, isoTime } from './arrival.ts';
import { CHAT_POST_MESSAGE, postParams } from './chat-post-message.ts';
import { keepLease } from './lease-renewal.ts';
import { type Address, addressOf, type Entry, parseEntry, senderOf } from './outbox.ts';
import { type Claim, NO_CHANGE, type OutboxStore, type Settled, type SettleRequest } from './outbox-store.ts';
import {
  judge,
  type PostAnswer,
  type PostResult,
  readTrouble,
  resultOf,
  type Trouble,
  type Verdict,
  whyGivenUp,
  whyUnsendable,
} from './post-verdict.ts';
import type { Sender, Senders } from './sender.ts';
import { ToldRefusals } from './told-refusals.ts';

export interface DeliveryObserver {
  /** @param waitedMs since it was accepted */
  ended(outcome: 'sent' | 'failed', waitedMs: number): void;
  posted(result: PostResult): void;
}

export interface DeliveryDeps {
  store: Pick<OutboxStore, 'claim' | 'renew' | 'settle'>;
  /** While a message is being sent, its lease is renewed so often. */
  renewMs: number;
  senders: Pick<Senders, 'ofTeam' | 'ofBot'>;
  webApi: Pick<WebApi, 'call'>;
  /** Slack takes this bot's token no longer: records that, and does not throw. */
  refuse(sender: Sender, refusal: Refusal): void;
  observer: DeliveryObserver;
  timers: Timers;
  random(): number;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
}

/** Another pod may serve another SlackBot of the team, one that has a token. */
const TOKENLESS_PATIENCE_MS = 10_000;
/** Until a mark is tried again that Redis did not take. */
const SETTLE_AGAIN_MS = 250;
/** No digest of a token: for an outbox that nobody can send from. */
const NO_TOKEN = 'none';

type Claimed = Extract<Claim, { kind: 'claimed' }>;

/** What is leased by this process, and under which names. */
interface Lease {
  outbox: string;
  address: Address;
  team: string;
  digest: string;
  nonce: string;
  claimed: Claimed;
  claimedAtMs: number;
  entry: Entry;
  before: Trouble | undefined;
}

/** Brings the head of an outbox to Slack: claim, post, settle. What the answers mean is decided elsewhere (`post-verdict.ts`). */
export class Delivery {
  readonly #deps: DeliveryDeps;
  /** Nothing is claimed any more. */
  #closing = false;
  readonly #aborting = new AbortController();
  readonly #told: ToldRefusals;

  constructor(deps: DeliveryDeps) {
    this.#deps = deps;
    this.#told = new ToldRefusals(deps.timers);
  }

  /** From now on what has not been sent is given back. */
  close(): void {
    this.#closing = true;
  }

  /** Calls that still wait for an answer are given up, and so are their marks. */
  abort(): void {
    this.#closing = true;
    this.#aborting.abort();
  }

  /**
   * @returns ms until the outbox is worth another look; undefined if that depends on somebody else, such as one with a socket
   * @throws Redis's error, if it did not let us claim
   */
  async send(outbox: string): Promise<number | 'elsewhere' | undefined> {
    const address = addressOf(outbox);
    const sender = senderOf(address, this.#deps.senders);
    if (sender === undefined) return undefined;
    const isOfTeam = 'team' in address.addressee;
    const giveUpMs = isOfTeam && sender.token === undefined ? TOKENLESS_PATIENCE_MS : 0;
    return await this.#serve(outbox, address, sender, giveUpMs);
  }

  /**
   * Takes away a head that makes no progress.
   * @returns whether there is another behind it
   * @throws as `send`
   */
  async giveUp(outbox: string, idleMs: number): Promise<boolean> {
    const address = addressOf(outbox);
    const sender = senderOf(address, this.#deps.senders);
    return (await this.#serve(outbox, address, sender, idleMs)) === 0;
  }

  async #serve(
    outbox: string,
    address: Address,
    sender: Sender | undefined,
    giveUpMs: number,
  ): Promise<number | 'elsewhere' | undefined> {
    const { store, renewMs, timers } = this.#deps;
    if (this.#closing) return undefined;
    const digest = sender?.token === undefined ? NO_TOKEN : tokenDigest(sender.token);
    const nonce = randomUUID();
    // A bot without RTM is no reason to wait: its message fails.
    const overRtm = sender !== undefined && (sender.overRtm !== undefined || !sender.speaksRtm);
    const claimedAtMs = timers.monotonicMs();
    const team = sender?.teamID ?? '';
    const ours = { outbox, channel: address.channel, team, digest, nonce };
    const claimed = await store.claim({ ...ours, overRtm, giveUpMs });
    switch (claimed.kind) {
      case 'none':
        return undefined;
      case 'elsewhere':
        return claimed.kind;
      case 'leased':
      case 'wait':
        return claimed.waitMs;
      case 'claimed': {
        const entry = parseEntry(claimed.entry);
        const before = readTrouble(claimed.trouble);
        const lease = { outbox, address, team, digest, nonce, claimed, claimedAtMs, entry, before };
        const end = keepLease(() => store.renew(ours), renewMs, timers);
        return await this.#handle(lease, sender, giveUpMs > 0).finally(end);
      }
      default:
        return claimed satisfies never;
    }
  }

  async #handle(lease: Lease, sender: Sender | undefined, isGivenUp: boolean): Promise<number | undefined> {
    if (this.#closing) return await this.#settle(lease, 'api', { what: 'back' });
    const { parsed } = lease.entry;
    if ('failure' in parsed) return await this.#fail(lease, 'api', { failure: parsed.failure, paceMs: 0 });
    const { command } = parsed;
    if (sender === undefined || isGivenUp) {
      const failure = whyGivenUp(command, sender, lease.before);
      return await this.#fail(lease, command.via, { failure, paceMs: 0 });
    }
    const failure = whyUnsendable(command, sender);
    if (failure !== undefined) return await this.#fail(lease, command.via, { failure, paceMs: 0 });

    const answer = await this.#post(command, sender);
    const { observer, random } = this.#deps;
    observer.posted(resultOf(answer));
    const verdict = judge(answer, command, lease.before, { idleMs: lease.claimed.idleMs, random: random() });
    return await this.#conclude(lease, command, sender, verdict);
  }

  async #post(command: Command, sender: Sender): Promise<PostAnswer> {
    const { signal } = this.#aborting;
    if (command.via === 'rtm') {
      const { channel, text, thread } = command;
      const answer = await sender.overRtm?.({ channel, text, thread }, signal);
      return { via: 'rtm', answer: answer ?? { kind: 'unsent', why: 'its websocket has just gone' } };
    }
    const call = { method: CHAT_POST_MESSAGE, token: sender.token ?? '', params: postParams(command), signal };
    return { via: 'api', answer: await this.#deps.webApi.call(call) };
  }

  async #conclude(lease: Lease, command: Command, sender: Sender, verdict: Verdict): Promise<number | undefined> {
    const at = this.#now(lease);
    const refusal = verdict.kind === 'sent' ? undefined : verdict.refusal;
    if (refusal !== undefined && this.#told.isNews(sender, refusal)) this.#deps.refuse(sender, refusal);
    switch (verdict.kind) {
      case 'sent': {
        const { channel, ts, paceMs } = verdict;
        const result = encodeResult({ state: 'sent', at, channel, ts, bot: sender.bot });
        const next = await this.#settle(lease, command.via, { what: 'sent', result, paceMs });
        this.#deps.observer.ended('sent', this.#waitedMs(lease));
        return next;
      }
      case 'failed':
        return await this.#fail(lease, command.via, verdict);
      case 'again': {
        const { trouble, waitMs, paceMs, stopMs, stops } = verdict;
        const result = encodeResult({ state: 'queued', at, ...trouble.failure });
        const failure = JSON.stringify(trouble);
        const change = { what: 'again', trouble: failure, result, waitMs, paceMs, stopMs, stops } as const;
        return await this.#settle(lease, command.via, change);
      }
      default:
        return verdict satisfies never;
    }
  }

  async #fail(
    lease: Lease,
    via: string,
    { failure, paceMs }: Pick<Extract<Verdict, { kind: 'failed' }>, 'failure' | 'paceMs'>,
  ): Promise<number | undefined> {
    const { id, text } = lease.entry;
    const at = this.#now(lease);
    const letter = deadLetter(failure, { id: id === '' ? randomUUID() : id, at, command: text });
    const result = encodeResult({ state: 'failed', at, ...failure });
    const next = await this.#settle(lease, via, { what: 'failed', result, letter, paceMs });
    const { observer, limitedLog } = this.#deps;
    observer.ended('failed', this.#waitedMs(lease));
    const { reason, error, message } = failure;
    limitedLog.warn(
      'command failed',
      { reason, slackError: error, cause: message, outbox: lease.outbox },
      'a message was not sent: see the dead letters',
    );
    return next;
  }

  /** Until Redis has taken it: what Slack has must not be sent again. */
  async #settle(
    lease: Lease,
    via: string,
    change: Pick<SettleRequest, 'what'> & Partial<typeof NO_CHANGE>,
  ): Promise<number | undefined> {
    const { store, timers } = this.#deps;
    const { outbox, team, digest, nonce, address, entry } = lease;
    const request: SettleRequest = {
      ...NO_CHANGE,
      ...change,
      outbox,
      channel: address.channel,
      team,
      digest,
      nonce,
      via,
      id: entry.id,
    };
    // Nobody can ask for the result of a command without an id.
    if (entry.id === '') request.result = '';
    const { signal } = this.#aborting;
    for (;;) {
      try {
        return this.#settled(await store.settle(request), outbox);
      } catch (error) {
        this.#warn('could not mark a message, retrying', redisErrorText(error));
      }
      if (signal.aborted) return undefined;
      await sleep(timers, SETTLE_AGAIN_MS, signal);
    }
  }

  #settled(settled: Settled, outbox: string): number | undefined {
    switch (settled.kind) {
      case 'settled':
        return settled.nextMs;
      case 'late':
        this.#deps.limitedLog.warn(
          'settled late',
          { outbox },
          'a message was marked after its lease had ended, or Redis was emptied: it may be sent twice',
        );
        return undefined;
      case 'refused':
        this.#warn('could not write a dead letter: the message is tried again', settled.error);
        return undefined;
      default:
        return settled satisfies never;
    }
  }

  #warn(words: string, error: string): void {
    this.#deps.limitedLog.warn(words, { error }, words);
  }

  /** By Redis's clock. */
  #nowMs({ claimed, claimedAtMs }: Lease): number {
    return claimed.redisMs + this.#deps.timers.monotonicMs() - claimedAtMs;
  }

  #now(lease: Lease): string {
    return isoTime(this.#nowMs(lease));
  }

  #waitedMs(lease: Lease): number {
    return Math.max(0, this.#nowMs(lease) - lease.entry.acceptedMs);
  }
}
