import type { ChannelState, Post, PostDesk } from './post-desk.ts';

/** What bots post, as a test reads it, and where they may. */
export type PostControls = {
  /** Everything that was posted since the start or the last `forget`, in order. */
  list(teamID?: string): Post[];
  forget(): void;
  /** The team has these channels and no others from now on; undefined: any, as at first. */
  setChannels(teamID: string, channels: Record<string, ChannelState> | undefined): void;
};

export const postControlsOf = (desk: PostDesk): PostControls => ({
  list: (teamID) => desk.posts().filter((post) => teamID === undefined || post.teamID === teamID),
  forget: () => desk.forget(),
  setChannels: (teamID, channels) => desk.setChannels(teamID, channels),
});
