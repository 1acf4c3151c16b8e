import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { itemJson } from '../connector/event/item-json.ts';
import { normalize } from '../connector/event/normalize.ts';
import type { QueueEntry } from '../connector/queue/buffer.ts';
import { Publisher } from '../connector/queue/publisher.ts';
import type { EnqueueResult } from '../connector/queue/redis-answer.ts';
import { SlotSockets } from '../connector/slot/slot-sockets.ts';
import type { SocketHandlers } from '../connector/socket/socket.ts';
import { rtmTransport } from '../connector/transport/rtm/rtm-transport.ts';
import type { SharedSpec, SlotSpec } from '../connector/transport/slot-spec.ts';
import { socketModeTransport } from '../connector/transport/socket-mode/socket-mode-transport.ts';
import type { SlackSelf, Transport } from '../connector/transport/transport.ts';
import { systemClock } from '../core/process/clock.ts';
import { RUNTIME } from '../core/process/runtime.ts';
import { DEFAULT_CONTRACT } from '../core/protocol/contract.ts';
import { queueKeys } from '../core/protocol/keys.ts';
import { eventsApiPayloads, rtmFrames } from '../test/support/corpus.ts';

/**
 * CPU of one event from the text of its frame to the queue entry, without socket and Redis, step by step, beside the least
 * that could be done with it: JSON.parse and a template. `node bench/event.ts [--rounds 12] [--only 'RTM']`; the same with
 * `bun --bun`.
 */
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '12' }, only: { type: 'string', default: '' } },
});
const ROUNDS = Number(values.rounds);
const EVENTS = 2_000;
/** What comes over one socket is old by the time that it brings the next event. */
const SOCKETS = 1_000;
/** What a batch of the queue takes. */
const TURN = 50;

const SELF: SlackSelf = { teamID: 'T024BE7LH', teamName: 'acme', botUserID: 'U0BOT00001' };
const SHARED: SharedSpec = {
  slotID: '7a1c8e0e-0c4c-4f7e-9a44-2d3a6f0a8f11/0',
  ownerUid: '7a1c8e0e-0c4c-4f7e-9a44-2d3a6f0a8f11',
  bot: 'bots/acme',
  generation: 1,
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  token: 'xoxb-1-abc',
  tokenDigest: 'd'.repeat(32),
  rebalance: false,
};
const neverAsked = (): never => {
  throw new Error('not asked');
};
const identities = { ask: neverAsked, get: () => undefined, refusal: () => undefined };
const rtm = rtmTransport({ connect: neverAsked, cluster: 'c1' });
const socketMode = socketModeTransport({ open: neverAsked, identities, cluster: 'c1' });

const timeOf = (n: number): string =>
  `${1_700_000_000 + Math.floor(n / 200)}.${String((n * 7_919) % 1_000_000).padStart(6, '0')}`;

/** A message as people write it: text, and the same again as blocks. */
function message(n: number, bytes: number): Record<string, unknown> {
  const said = 'All systems go, “deploy” is done.\n'.repeat(Math.max(1, Math.round((bytes - 330) / 76)));
  return {
    type: 'message',
    channel: `C0${String(n % 500).padStart(8, '0')}`,
    user: 'U0PERSON01',
    text: said,
    client_msg_id: 'f0a8f116-4c4c-4f7e-9a44-2d3a6f0a8f11',
    team: 'T024BE7LH',
    blocks: [
      {
        type: 'rich_text',
        block_id: 'Xy7',
        elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: said }] }],
      },
    ],
    source_team: 'T024BE7LH',
    user_team: 'T024BE7LH',
    suppress_notification: false,
    event_ts: timeOf(n),
    ts: timeOf(n),
  };
}

/** A plain one, as a bot with few features sees it. */
const shortMessage = (n: number): Record<string, unknown> => ({
  type: 'message',
  channel: `C0${String(n % 500).padStart(8, '0')}`,
  user: 'U0PERSON01',
  text: 'x'.repeat(180),
  team: 'T024BE7LH',
  event_ts: timeOf(n),
  ts: timeOf(n),
});

const envelope = (n: number, payload: Record<string, unknown>): string =>
  JSON.stringify({
    envelope_id: `57d6a792-4d35-4d0b-b6aa-${String(n).padStart(12, '0')}`,
    payload,
    type: 'events_api',
    accepts_response_payload: false,
    retry_attempt: 0,
    retry_reason: '',
  });

const callback = (n: number, event: unknown): Record<string, unknown> => ({
  token: 'Z26uFbvR1xHJEdHE1OQiO6t8',
  team_id: 'T024BE7LH',
  context_team_id: 'T024BE7LH',
  context_enterprise_id: null,
  api_app_id: 'A0000000001',
  event,
  type: 'event_callback',
  event_id: `Ev${String(n).padStart(9, '0')}`,
  event_time: 1_700_000_000 + n,
  authorizations: [
    {
      enterprise_id: null,
      team_id: 'T024BE7LH',
      user_id: 'U0BOT00001',
      is_bot: true,
      is_enterprise_install: false,
    },
  ],
  is_ext_shared_channel: false,
  event_context: '4-eyJldCI6Im1lc3NhZ2UiLCJ0aWQiOiJUMDI0QkU3TEgifQ',
});

const frames = (make: (n: number) => string): string[] => Array.from({ length: EVENTS }, (_, n) => make(n));
const cycled = <T>(all: readonly T[], n: number): T => all[n % all.length] as T;
/** Samples have no values: with a time of its own, each is another event. */
const timed = (event: object, n: number): object => ({ ...event, ts: timeOf(n), event_ts: timeOf(n) });

interface Load {
  name: string;
  transport: Transport<SlotSpec>;
  spec: SlotSpec;
  texts: string[];
}

function loads(): Load[] {
  const samples = rtmFrames();
  const payloads = eventsApiPayloads().filter(({ payload }) => typeof payload.event === 'object');
  const overRtm = {
    transport: rtm as Transport<SlotSpec>,
    spec: { ...SHARED, kind: 'rtm', teamID: SELF.teamID } as SlotSpec,
  };
  const overSocketMode = {
    transport: socketMode as Transport<SlotSpec>,
    spec: { ...SHARED, kind: 'socketMode', teamID: SELF.teamID, replies: false, delayedEvents: false } as SlotSpec,
  };
  return [
    { name: 'RTM, 350 B', ...overRtm, texts: frames((n) => JSON.stringify(shortMessage(n))) },
    { name: 'RTM, 1 KB', ...overRtm, texts: frames((n) => JSON.stringify(message(n, 1_000))) },
    { name: 'RTM, 8 KB', ...overRtm, texts: frames((n) => JSON.stringify(message(n, 8_000))) },
    {
      name: 'RTM, Slack’s samples',
      ...overRtm,
      texts: frames((n) => JSON.stringify(timed(cycled(samples, n).frame, n))),
    },
    { name: 'Socket Mode, 350 B', ...overSocketMode, texts: frames((n) => envelope(n, callback(n, shortMessage(n)))) },
    { name: 'Socket Mode, 1 KB', ...overSocketMode, texts: frames((n) => envelope(n, callback(n, message(n, 1_000)))) },
    { name: 'Socket Mode, 8 KB', ...overSocketMode, texts: frames((n) => envelope(n, callback(n, message(n, 8_000)))) },
    {
      name: 'Socket Mode, Slack’s samples',
      ...overSocketMode,
      texts: frames((n) => envelope(n, callback(n, timed(cycled(payloads, n).payload.event as object, n)))),
    },
  ];
}

const keys = queueKeys('relax:bench', '{relax:bench}:urgent');
const takes = (batch: readonly QueueEntry[]): Promise<EnqueueResult[]> =>
  Promise.resolve(batch.map(() => ({ kind: 'queued' })));
const newPublisher = (): Publisher =>
  new Publisher({
    shards: [{ keys, enqueue: takes }],
    contract: DEFAULT_CONTRACT,
    clock: systemClock,
    buffer: { maxBytes: 1e9, maxAgeMs: 120_000 },
    redisNowMs: () => Date.now(),
    onPressure: () => {},
  });

/** A step, with all that comes before it. */
type Step = (text: string) => unknown;

function least(text: string): string {
  const { channel, ts, event_ts } = JSON.parse(text) as Record<string, unknown>;
  return `{"id":"${channel}/${ts ?? event_ts}","event":${text}}`;
}

function stepsOf({ transport, spec }: Load, publisher: Publisher): Record<string, Step> {
  const resolve = transport.sourceResolver(spec, SELF);
  const normalized = (text: string) => {
    const frame = transport.decode(text);
    if (frame.kind !== 'event') return undefined;
    const source = resolve(frame);
    return typeof source === 'string' ? undefined : normalize(frame.event, source, Date.now(), frame);
  };
  const offer = (text: string): void => {
    const event = normalized(text);
    if (event !== undefined) publisher.offer(event);
  };
  const sockets = Array.from({ length: SOCKETS }, () => socketOf(transport, spec, publisher));
  let turn = 0;
  return {
    least,
    decode: (text) => transport.decode(text),
    normalize: normalized,
    item: (text) => {
      const event = normalized(text);
      return event?.kind === 'event' ? itemJson(event) : undefined;
    },
    publish: offer,
    slot: (text) => sockets[turn++ % SOCKETS]?.(text),
  };
}

/** What a websocket calls with a text. */
function socketOf(transport: Transport<SlotSpec>, spec: SlotSpec, publisher: Publisher): (text: string) => void {
  let handlers: SocketHandlers | undefined;
  const nothing = (): void => {};
  const replies = { open: neverAsked, takesNone: nothing };
  const sockets = new SlotSockets(
    transport,
    {
      openSocket: (_url, given) => {
        handlers = given;
        return { send: () => true, ping: nothing, pause: nothing, resume: nothing, close: nothing, terminate: nothing };
      },
      offer: (event, settled, isSentAgain) => publisher.offer(event, settled, isSentAgain),
      replies,
      refuse: nothing,
      timers: { monotonicMs: systemClock.monotonicMs, after: () => nothing },
      redisNowMs: () => Date.now(),
      limitedLog: { warn: nothing },
    },
    { spec: () => spec, feed: nothing },
  );
  sockets.dial(1, 'wss://slack.test/x', SELF);
  return (text) => handlers?.onText(text);
}

/** µs of CPU an event, those of the collector included. */
async function cost(step: Step, texts: readonly string[]): Promise<number> {
  const before = process.cpuUsage();
  for (let at = 0; at < texts.length; at += TURN) {
    for (const text of texts.slice(at, at + TURN)) step(text);
    await nextTurn();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / texts.length;
}

/** Other programs of the machine only ever make a round slower. */
const lowerQuartile = (all: readonly number[]): number =>
  [...all].sort((a, b) => a - b)[Math.floor(all.length / 4)] ?? 0;

async function measure(load: Load): Promise<Record<string, number | string>> {
  const publisher = newPublisher();
  const steps = Object.entries(stepsOf(load, publisher));
  const costs = new Map<string, number[]>(steps.map(([name]) => [name, []]));
  for (let round = -4; round < ROUNDS; round += 1) {
    for (const [name, step] of steps) {
      const micros = await cost(step, load.texts);
      if (round >= 0) costs.get(name)?.push(micros);
    }
  }
  await publisher.drain(1_000);
  const of = (name: string): number => lowerQuartile(costs.get(name) ?? []);
  const between = (name: string, before: string): number => round2(of(name) - of(before));
  return {
    '': load.name,
    bytes: Math.round(load.texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / load.texts.length),
    least: round2(of('least')),
    decode: round2(of('decode')),
    normalize: between('normalize', 'decode'),
    item: between('item', 'normalize'),
    publish: between('publish', 'item'),
    slot: between('slot', 'publish'),
    all: round2(of('slot')),
    'all ÷ least': round2(of('slot') / of('least')),
  };
}

const round2 = (value: number): number => Math.round(value * 100) / 100;

const rows = [];
for (const load of loads()) if (load.name.includes(values.only)) rows.push(await measure(load));
console.log(
  `µs of CPU an event on ${RUNTIME.name} ${RUNTIME.version}, lower quartile of ${ROUNDS} rounds of ${EVENTS}`,
);
console.table(rows);
