import { createHash } from 'node:crypto';
import { type ConnectBucket, type ConnectLimits, takeConnect } from './connect-limit.ts';
import type { Posted } from './post.ts';

/** A bot in a workspace: without `appID` the classic one of a team. */
export type BotPlace = { teamID: string; appID?: string | undefined };

/** A message that a bot posted. */
export type Post = Omit<Posted, 'username'> & {
  teamID: string;
  appID: string | undefined;
  ts: string;
  via: 'api' | 'rtm';
  /** SHA-256 of the token that it came with. */
  tokenDigest: string;
  atMs: number;
};

/** `notMember`: the bot is not in it. */
export const channelStates = ['open', 'archived', 'notMember'] as const;
export type ChannelState = (typeof channelStates)[number];

export type PostLimits = {
  /** Of one bot in one channel. */
  channel: ConnectLimits;
  /** Of one bot in its workspace. */
  workspace: ConnectLimits;
};

export type PostTotals = {
  posted: number;
  /** 429 given because a limit was passed, and not by a fault. */
  overChannelLimit: number;
  overWorkspaceLimit: number;
  /** Messages over RTM that were told to slow down. */
  overRtmLimit: number;
};

/** Where bots may post, how fast, and what they posted. Of chat.postMessage; RTM sockets keep their own pace. */
export class PostDesk {
  readonly #limits: PostLimits;
  readonly #buckets = new Map<string, ConnectBucket>();
  readonly #channels = new Map<string, ReadonlyMap<string, ChannelState>>();
  readonly #posts: Post[] = [];
  readonly #over = { channel: 0, workspace: 0, rtm: 0 };

  constructor(limits: PostLimits) {
    this.#limits = limits;
  }

  /** From now on the team has these channels and no others; undefined: any, as at first. */
  setChannels(teamID: string, channels: Record<string, ChannelState> | undefined): void {
    if (channels === undefined) this.#channels.delete(teamID);
    else this.#channels.set(teamID, new Map(Object.entries(channels)));
  }

  /** Takes one call of the limits. @returns seconds to wait if one of them is passed; it then cost nothing */
  take({ teamID, appID = '' }: BotPlace, channel: string | undefined, nowMs: number): number | undefined {
    const workspaceKey = `${appID}/${teamID}`;
    const workspace = takeConnect(this.#buckets.get(workspaceKey), this.#limits.workspace, nowMs);
    if (!workspace.granted) {
      this.#over.workspace += 1;
      return workspace.retryAfterSeconds;
    }
    if (channel !== undefined) {
      const channelKey = `${workspaceKey}/${channel}`;
      const taken = takeConnect(this.#buckets.get(channelKey), this.#limits.channel, nowMs);
      if (!taken.granted) {
        this.#over.channel += 1;
        return taken.retryAfterSeconds;
      }
      this.#buckets.set(channelKey, taken.bucket);
    }
    this.#buckets.set(workspaceKey, workspace.bucket);
    return undefined;
  }

  slowedDown(): void {
    this.#over.rtm += 1;
  }

  /** Slack's error to a message for that channel; undefined if the bot may post there. */
  refusal(teamID: string, channel: string): string | undefined {
    const channels = this.#channels.get(teamID);
    if (channels === undefined) return undefined;
    const state = channels.get(channel);
    switch (state) {
      case undefined:
        return 'channel_not_found';
      case 'archived':
        return 'is_archived';
      case 'notMember':
        return 'not_in_channel';
      case 'open':
        return undefined;
      default:
        return state satisfies never;
    }
  }

  record(post: Posted, about: BotPlace & { ts: string; via: Post['via']; token: string; atMs: number }): void {
    const { channel, text, threadTs, blocks } = post;
    const { teamID, appID, ts, via, token, atMs } = about;
    this.#posts.push({ teamID, appID, channel, text, threadTs, blocks, ts, via, tokenDigest: digest(token), atMs });
  }

  posts(): readonly Post[] {
    return this.#posts;
  }

  forget(): void {
    this.#posts.length = 0;
  }

  totals(): PostTotals {
    return {
      posted: this.#posts.length,
      overChannelLimit: this.#over.channel,
      overWorkspaceLimit: this.#over.workspace,
      overRtmLimit: this.#over.rtm,
    };
  }
}

const digest = (token: string): string => createHash('sha256').update(token).digest('hex');
