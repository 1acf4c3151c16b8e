import type { BotPlace, ChannelState, Post } from './post-desk.ts';
import type { RotationSpec, RotationView, TokenPair } from './rotation.ts';
import type { Withdrawal, WithdrawalOptions } from './token-controls.ts';

type Call = <T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => Promise<T>;

/** PostControls of a simulator in another process. */
export type PostControl = {
  list(teamID?: string): Promise<Post[]>;
  forget(): Promise<void>;
  setChannels(teamID: string, channels: Record<string, ChannelState> | undefined): Promise<void>;
};

/** TokenControls of a simulator in another process. */
export type TokenControl = {
  rotate(bot: BotPlace, spec: RotationSpec): Promise<TokenPair>;
  rotations(): Promise<RotationView[]>;
  expire(token: string): Promise<void>;
  withdraw(bot: BotPlace, how: Withdrawal, options?: WithdrawalOptions): Promise<void>;
};

export const postControlOf = (call: Call): PostControl => ({
  list: (teamID) => call('GET', teamID === undefined ? 'posts' : `posts?team=${encodeURIComponent(teamID)}`),
  forget: () => call('DELETE', 'posts'),
  setChannels: (teamID, channels) => call('POST', 'channels', { teamID, channels }),
});

export const tokenControlOf = (call: Call): TokenControl => ({
  rotate: (bot, spec) => call('POST', 'rotations', { ...bot, ...spec }),
  rotations: () => call('GET', 'rotations'),
  expire: (token) => call('POST', 'tokens/expire', { token }),
  withdraw: (bot, how, options = {}) => call('POST', 'tokens/withdraw', { ...bot, how, ...options }),
});
