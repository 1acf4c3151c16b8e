import { isTransport } from '../connector/event/filter.ts';
import {
  documentedEventsApiPayloads,
  documentedRtmFrames,
  eventsApiPayloads,
  interactions,
  rtmFrames,
} from '../test/support/corpus.ts';
import { ARRIVAL, envelopeTraits, REST, rtmTraits, type Traits } from './event-probe.ts';

/** docs/events.md, whose tables are made by asking the code about every sample of Slack. */

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
const code = (text: string): string => `\`${text}\``;
const NONE = '-';

/** What is known of one type of event, over each transport that has a sample of it. */
interface KnownType {
  name: string;
  rtm?: Traits;
  socketMode?: Traits;
}

type Fields = Readonly<Record<string, unknown>>;

const nameOf = ({ type, subtype }: Fields): string =>
  typeof subtype === 'string' && subtype !== '' ? `${String(type)}, ${subtype}` : String(type);

/** What Slack puts into envelopes: its own event, or what is one as a whole. */
const insideOf = (payload: Fields): Fields => (payload.event ?? payload) as Fields;

function knownEvents(): KnownType[] {
  const payloads: Fields[] = [...documentedEventsApiPayloads(), ...eventsApiPayloads()].map(({ payload }) => payload);
  const frames: Fields[] = [...rtmFrames(), ...documentedRtmFrames()].map(({ frame }) => frame);
  // Messages of every subtype come over both transports; the samples over RTM lack most of them.
  const messages = payloads.map(insideOf).filter(({ type }) => type === 'message');
  const known = new Map<string, KnownType>();
  for (const frame of [...messages, ...frames]) {
    const traits = rtmTraits(frame);
    if (traits !== undefined) known.set(nameOf(frame), { name: nameOf(frame), rtm: traits });
  }
  for (const payload of payloads) {
    const name = nameOf(insideOf(payload));
    const traits = envelopeTraits('events_api', payload);
    const before = known.get(name) ?? { name };
    if (traits !== undefined && before.socketMode === undefined) known.set(name, { ...before, socketMode: traits });
  }
  return [...known.values()].filter(({ name }) => !isTransport(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function knownInteractions(): KnownType[] {
  const known = interactions().flatMap(({ type, payload }) => {
    const traits = envelopeTraits(type, payload);
    return traits === undefined ? [] : [{ name: traits.itemType, socketMode: traits }];
  });
  return [...new Map(known.map((each) => [each.name, each])).values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function fieldsOf(traits: Traits | undefined): string {
  if (traits === undefined) return NONE;
  const names = traits.identifiedBy.filter((name) => name !== REST).map(code);
  if (names.length === traits.identifiedBy.length) return names.join(', ');
  return names.length === 0 ? 'all that it says' : `${names.join(', ')}, the rest`;
}

const markOf = (traits: Traits | undefined): string => {
  if (traits === undefined) return NONE;
  return traits.markedBy === ARRIVAL ? 'arrival' : code(traits.markedBy);
};

function eventRow({ name, rtm, socketMode }: KnownType): string[] {
  const traits = rtm ?? socketMode;
  return [
    code(name),
    code(traits?.itemType ?? ''),
    fieldsOf(rtm),
    markOf(rtm),
    fieldsOf(socketMode),
    markOf(socketMode),
    traits?.isLossy === true ? 'if included' : 'yes',
    traits?.isUrgent === true ? 'yes' : 'if named',
  ];
}

const EVENT_HEAD = [
  "Slack's type",
  "item's `type`",
  'RTM: identified by',
  'its mark',
  'Socket Mode: identified by',
  'its mark',
  'queued',
  'urgent',
];

function interactionRow({ name, socketMode }: KnownType): string[] {
  return [code(name), fieldsOf(socketMode), markOf(socketMode), 'yes', socketMode?.isUrgent === true ? 'yes' : NONE];
}

export const eventReference =
  (): string => `<!-- Made by \`npm run generate\` from connector/event and test/fixtures/slack. Do not edit. -->
# Events, type by type

What Relax makes of each type of event: the type of its queue item, what tells it from every other event, and whether it is
queued and urgent. The tables are made by asking the code about every sample of Slack that the project has
(\`test/fixtures/slack\`). What an item holds is in [redis.md](redis.md#queue-items).

- **A type that is in no table** passes through under its own name, over both transports. Nothing has to be added to Relax
  when Slack adds an event.
- **Identified by**: the fields whose values make the end of the item's \`id\`. "The rest" is a digest of everything else that
  the event says, "all that it says" a digest of the whole event; fields that differ between copies (\`cache_ts\`, unread
  counts) are left out. In front stand, over RTM, the team, the bot's user and the type: \`<team>/<bot user>/<type>[.<subtype>]\`.
  Over Socket Mode these are the tenant, the app and the type: \`<tenant>/<app>/<type>[.<subtype>]\`.
- **Its mark**: where Relax notes that the event is on the queue. With a time of the event, every copy finds the mark, whenever
  it arrives. So they do where it has none but a number: the mark is kept under \`event_id\`. "Arrival": it has neither, so its
  copies find each other if they arrive within a minute.
- **Queued**: "if included" means only if \`spec.events.include\` names the type, because it is stale within seconds.
- **Urgent**: with \`RELAX_QUEUE_URGENT\`, what somebody at Slack waits for goes to the urgent queue. "If named": the event does
  so if \`spec.events.urgent\` names it, by either type, as \`include\` does.

The samples are abbreviated, above all those over RTM. An event with \`event_ts\` is always marked by it, whatever the table
says.

## Over Socket Mode

**Events** (\`events_api\`) have a number, \`event_id\`, which Slack keeps when it sends an event again: at once, after a
minute and after five, over any socket and in any envelope. Its \`event_time\` is no help: it is when Slack dispatched the
event. The same number may come to two apps, and one message of a shared channel may come to two teams; these are different
events, which is why tenant and app are part of the id. A message that mentions the app comes as \`message\` and as
\`app_mention\`, if the app has subscribed to both: two events with the same \`team_uid\`, \`channel_uid\` and \`timestamp\`, by
which an application that wants one of them can tell.

**Slash commands and interactions** have no number, and Slack does not send them again: each envelope is one event.

The **tenant** is the workspace that has the app: \`context_team_id\`, else the payload's \`team_id\`, else the team of its first
authorization; of an interaction \`team.id\`, else the user's; and of an app that an organization has installed as a whole, the
organization where no workspace is named. In a shared channel that is not the team of the sender, which is
\`event.user_team\` or \`event.source_team\`.

A frame that holds no event (it is not JSON, or its payload is not an object) is counted as \`failed{malformed}\`. If its
\`envelope_id\` can be read it is acknowledged nevertheless, because Slack would send the same again.

### What becomes of the verification token
Slack puts a verification token (\`token\`) into each payload. It is a secret by which older programs tell that a request is from
Slack, so Relax takes it out; nothing else is changed. \`function_executed\` and the interactions of workflow steps carry a
\`bot_access_token\` of their own, which your application needs to complete the step: whoever can read the queue can use it
for as long as it lives.

## Events

${table(EVENT_HEAD, knownEvents().map(eventRow))}

## Slash commands and interactions

Over Socket Mode only. The filters know them by the type below, and all but \`slash_commands\` also as \`interactive\`.

${table(["item's `type`", 'identified by', 'its mark', 'queued', 'urgent'], knownInteractions().map(interactionRow))}

## Never queued

Over RTM \`hello\`, \`goodbye\`, \`pong\`, \`error\`, \`reconnect_url\`, \`team_migration_started\` and answers to messages that
were sent; over Socket Mode \`hello\` and \`disconnect\`. They are about the socket.
`;
