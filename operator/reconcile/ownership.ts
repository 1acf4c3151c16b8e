import { botName } from '../../core/api/slackbot.ts';
import type { Log } from '../../core/process/log.ts';
import type { SlackBotObject } from '../kinds/slackbot/slackbot-object.ts';
import type { KubeClient } from '../kube/client.ts';
import { type Claimant, claimingOperations, claimStateOf, foreignClaimText } from './claim.ts';
import { addingFinalizer, patchIfUnchanged } from './finalizer.ts';

export interface OwnershipOptions {
  client: Pick<KubeClient, 'patch'>;
  /** Undefined: there is no other operator, and nothing is claimed. */
  self: Claimant | undefined;
  /** A bot is another's: told once for each that holds it. */
  onForeign?: (bot: SlackBotObject, text: string) => void;
  log: Log;
}

/** Which SlackBots are ours, and how they become so. */
export class Ownership {
  readonly #options: OwnershipOptions;
  /** Uid -> version over which we wrote: a copy of that version is only late. */
  readonly #writtenOver = new Map<string, string>();
  /** Uid -> who else holds it. */
  readonly #told = new Map<string, string>();

  constructor(options: OwnershipOptions) {
    this.#options = options;
  }

  /**
   * What to say of a bot that is another operator's; undefined: it is ours, or free to be.
   * @param inOffice of several processes of an operator only the one in office tells people
   */
  foreign(bot: SlackBotObject, inOffice: boolean): string | undefined {
    const { self, onForeign, log } = this.#options;
    const { uid } = bot.metadata;
    const state = self === undefined ? undefined : claimStateOf(bot.metadata, self);
    if (state?.kind !== 'theirs') {
      this.#told.delete(uid);
      return undefined;
    }
    const text = foreignClaimText(bot.metadata, state.operator);
    if (inOffice && this.#told.get(uid) !== state.operator) {
      this.#told.set(uid, state.operator);
      log.warn({ bot: botName(bot), operator: state.operator }, 'SlackBot is claimed by another operator, ignoring it');
      onForeign?.(bot, text);
    }
    return text;
  }

  /**
   * Claims the bot and, before its first socket, puts the finalizer on, so that no deletion can pass a socket by: both in
   * one patch, and none if nothing is missing.
   * @returns false if the object has changed since, which may be another's claim: look again
   */
  async take(bot: SlackBotObject, options: { finalizer: boolean; signal: AbortSignal }): Promise<boolean> {
    const { client, self } = this.#options;
    const { uid, resourceVersion } = bot.metadata;
    if (this.#writtenOver.get(uid) === resourceVersion) return true;
    const operations = [
      ...(self === undefined ? [] : claimingOperations(bot.metadata, self)),
      ...(options.finalizer ? addingFinalizer(bot) : []),
    ];
    if (operations.length === 0) return true;
    if ((await patchIfUnchanged(client, bot, operations, { signal: options.signal })) === 'changed') return false;
    this.#writtenOver.set(uid, resourceVersion);
    return true;
  }

  forget(uid: string): void {
    this.#writtenOver.delete(uid);
    this.#told.delete(uid);
  }
}
