import { expect, it } from 'vitest';
import { itemJson } from '#connector/event/item-json.ts';
import type { Normalized } from '#connector/event/normalize.ts';
import { SlotSockets } from '#connector/slot/slot-sockets.ts';
import type { SocketHandlers } from '#connector/socket/socket.ts';
import { type RtmSpec, rtmTransport } from '#connector/transport/rtm/rtm-transport.ts';
import { noReplies } from '#test/integration/connector/slot/test-slot.ts';
import { RECEIVED_AT_MS, sourceOf } from './source.ts';

it('a frame of a socket reaches the queue item as Slack wrote it', () => {
  const { cluster: _, slackTeamID: _team, botUserID: _bot, ...source } = sourceOf();
  const spec: RtmSpec = { ...source, kind: 'rtm', slotID: 'uid-1/0', token: 'xoxb-1-abc', rebalance: false };
  const offered: Normalized[] = [];
  let handlers: SocketHandlers | undefined;
  const sockets = new SlotSockets(
    rtmTransport({ connect: () => Promise.reject(new Error('not asked')), cluster: 'c1' }),
    {
      openSocket: (_url, given) => {
        handlers = given;
        return {
          send: () => true,
          ping: () => {},
          pause: () => {},
          resume: () => {},
          close: () => {},
          terminate: () => {},
        };
      },
      offer: (normalized) => offered.push(normalized),
      replies: noReplies,
      refuse: () => {},
      timers: { monotonicMs: () => 0, after: () => () => {} },
      redisNowMs: () => RECEIVED_AT_MS,
      limitedLog: { warn: () => {} },
    },
    { spec: () => spec, feed: () => {} },
  );
  sockets.dial(1, 'wss://slack.test/x', { teamID: 'T1', teamName: 'One', botUserID: 'U1' });
  const text = '{"type":"message","ts":"1.1","channel":"C1","10":1,"2":12345678901234567890, "user":"U2"}';
  handlers?.onText(text);
  const [event] = offered;
  expect(event?.kind === 'event' && itemJson(event)).toContain(`"event":${text},`);
});
