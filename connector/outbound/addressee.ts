import type { Sender } from './sender.ts';

/** A bot that this process serves: whom a message may be addressed to. */
export interface Addressee {
  ownerUid: string;
  /** "namespace/name" of the SlackBot. */
  bot: string;
  teamID: string;
  /** As it is now: another token is another sender. Undefined while it can't be told. */
  sender(): Sender | undefined;
}
