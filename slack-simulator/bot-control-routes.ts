import { z } from 'zod';
import { count, ms, name, type Route } from './control-route.ts';
import { channelStates } from './post-desk.ts';
import { withdrawals } from './token-controls.ts';

const bot = { teamID: name, appID: name.optional() };
const channels = z.strictObject({
  teamID: name,
  /** Left out: any channel, as at first. */
  channels: z.record(z.string(), z.enum(channelStates)).optional(),
});
const rotation = z.strictObject({
  ...bot,
  clientID: name,
  clientSecret: name,
  expiresInSeconds: count.optional(),
  graceMs: ms.optional(),
  reuse: z.enum(['new', 'same']).optional(),
  accessToken: name.optional(),
  refreshToken: name.optional(),
});
const withdrawal = z.strictObject({
  ...bot,
  how: z.enum(withdrawals),
  error: name.optional(),
  keepSockets: z.boolean().optional(),
});

/** The part of the control API that is of what bots post, and of their tokens. */
export const botRoutes: readonly Route[] = [
  { method: 'GET', path: 'posts', handle: ({ slack, query }) => slack.posts.list(query.get('team') ?? undefined) },
  { method: 'DELETE', path: 'posts', handle: ({ slack }) => slack.posts.forget() },
  {
    method: 'POST',
    path: 'channels',
    handle: ({ slack, body }) => {
      const asked = channels.parse(body);
      slack.posts.setChannels(asked.teamID, asked.channels);
    },
  },
  {
    method: 'POST',
    path: 'rotations',
    handle: ({ slack, body }) => {
      const { teamID, appID, ...spec } = rotation.parse(body);
      return slack.tokens.rotate({ teamID, appID }, spec);
    },
  },
  { method: 'GET', path: 'rotations', handle: ({ slack }) => slack.tokens.rotations() },
  {
    method: 'POST',
    path: 'tokens/expire',
    handle: ({ slack, body }) => slack.tokens.expire(z.strictObject({ token: name }).parse(body).token),
  },
  {
    method: 'POST',
    path: 'tokens/withdraw',
    handle: ({ slack, body }) => {
      const { teamID, appID, how, ...options } = withdrawal.parse(body);
      slack.tokens.withdraw({ teamID, appID }, how, options);
    },
  },
];
