import type { Caller } from './caller.ts';
import type { Frame } from './frames.ts';
import { extrasOf, type Posted, readPost } from './post.ts';
import type { BotPlace, PostDesk } from './post-desk.ts';

/** A bot's caller: an app-level token can't post. */
export type BotCaller = Exclude<Caller, { kind: 'app' }>;

export const placeOf = (caller: BotCaller): BotPlace =>
  caller.kind === 'classic'
    ? { teamID: caller.team.teamID }
    : { teamID: caller.installation.teamID, appID: caller.app.appID };

/**
 * chat.postMessage. `publish` makes the message an event and returns its timestamp.
 * @returns Slack's error, or the answer's fields
 */
export function postMessage(
  args: Frame,
  caller: BotCaller,
  token: string,
  { desk, publish }: { desk: PostDesk; publish(caller: BotCaller, post: Posted): string },
): string | Frame {
  const read = readPost(args);
  if (!read.ok) return read.error;
  const { post } = read;
  const place = placeOf(caller);
  const refused = desk.refusal(place.teamID, post.channel);
  if (refused !== undefined) return refused;
  const ts = publish(caller, post);
  desk.record(post, { ...place, ts, via: 'api', token, atMs: Date.now() });
  const { botUserID, botID } = caller.kind === 'classic' ? caller.team : caller.installation;
  const { channel, text } = post;
  const said = { type: 'message', user: botUserID, bot_id: botID, text, ts, team: place.teamID, ...extrasOf(post) };
  return { channel, ts, message: said };
}
