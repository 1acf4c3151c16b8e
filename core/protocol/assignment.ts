import * as z from 'zod/mini';

/**
 * Assignments: one hash per connector pod, keyed by the stable pod name, so that a new incarnation of the pod
 * adopts its slots without the operator. A slot is enough to run the bot.
 * Readers ignore unknown fields: an older connector must read what a newer operator wrote.
 */

export const eventFilterSchema = z.object({
  /** Event types to queue; empty means all. */
  include: z._default(z.array(z.string()), []),
  exclude: z._default(z.array(z.string()), []),
  /** Also queue plain messages of the bot itself. */
  own: z._default(z.boolean(), false),
  /** Event types that go to the urgent queue, beside those that always do; absent: none. */
  urgent: z.optional(z.array(z.string())),
});
export type EventFilter = z.infer<typeof eventFilterSchema>;

/** What a slot of every kind has. */
const anySlotSchema = z.object({
  /** Rises with each new placement of this slot; matches reports to assignments, nothing else. */
  epoch: z.int().check(z.nonnegative()),
  /** `metadata.generation` of the SlackBot; the fence is compared with it. */
  generation: z.int().check(z.nonnegative()),
  /** `incoming` takes over from another pod, which keeps its entry until this one reports hello. */
  role: z.enum(['active', 'incoming']),
  /** "namespace/name" of the SlackBot. */
  bot: z.string(),
  /** The `namespace` field of queue items, as in the Relax of 2015; empty if none. */
  queueNamespace: z.string(),
  events: eventFilterSchema,
  /** The token, sealed for the fleet (`core/protocol/seal.ts`). */
  token: z.string(),
  /** `tokenDigest` of the plain token: distinguishes a new token from a new seal, and identifies the connect budget. */
  tokenDigest: z.string(),
  /** Wall time when the planner placed it here: the `since` of the status. */
  assignedAtMs: z._default(z.number(), 0),
  /**
   * Why it is here: a `rebalance` connects from a full budget only, a `spread` repairs a set whose sockets are all in one
   * zone (design rule 11). An unknown cause is tolerated, because an unreadable slot would not be run.
   */
  cause: z.catch(z._default(z.enum(['place', 'drain', 'spread', 'rebalance']), 'place'), 'place'),
});

/** A bot of one team, over RTM. */
const rtmSlotSchema = z.extend(anySlotSchema, {
  kind: z.literal('rtm'),
  /** `spec.teamID`: the workspace or organization that the token must be of. */
  teamID: z.string(),
});
/** What the slots of Socket Mode have. Their `token` holds an app's credentials (`core/protocol/app-credentials.ts`). */
const envelopeFields = {
  /** Whether payloads that take an answer wait for one from the application. */
  replies: z._default(z.enum(['wait', 'off']), 'wait'),
  /** The app has Slack's Delayed Events switched on: marks live for 26 h (`core/protocol/dedupe-window.ts`). */
  delayedEvents: z._default(z.boolean(), false),
};
/** A bot of one team, over Socket Mode by an app of its own. */
const socketModeSlotSchema = z.extend(anySlotSchema, {
  kind: z.literal('socketMode'),
  teamID: z.string(),
  ...envelopeFields,
});
/** One of the few sockets of an app, which carry the events of all its teams. */
const appSlotSchema = z.extend(anySlotSchema, {
  kind: z.literal('app'),
  appID: z._default(z.string(), ''),
  ...envelopeFields,
  /** What becomes of the events of a team that no SlackBot names. */
  unknownTeams: z._default(z.enum(['deliver', 'drop']), 'deliver'),
});

const slotSchema = z.discriminatedUnion('kind', [rtmSlotSchema, socketModeSlotSchema, appSlotSchema]);
export type Slot = z.infer<typeof slotSchema>;
export type RtmSlot = z.infer<typeof rtmSlotSchema>;
export type SocketModeSlot = z.infer<typeof socketModeSlotSchema>;
export type AppSlot = z.infer<typeof appSlotSchema>;

type KindFieldsOf<S> = S extends Slot ? Omit<S, keyof z.infer<typeof anySlotSchema>> : never;
/** The kind of a slot, with what only slots of this kind have. */
export type KindFields = KindFieldsOf<Slot>;

export function kindFieldsOf(from: KindFields): KindFields {
  switch (from.kind) {
    case 'rtm':
      return { kind: from.kind, teamID: from.teamID };
    case 'socketMode': {
      const { kind, teamID, replies, delayedEvents } = from;
      return { kind, teamID, replies, delayedEvents };
    }
    case 'app': {
      const { kind, appID, replies, delayedEvents, unknownTeams } = from;
      return { kind, appID, replies, delayedEvents, unknownTeams };
    }
    default:
      return from satisfies never;
  }
}

export function sameKindFields(a: KindFields, b: KindFields): boolean {
  switch (a.kind) {
    case 'rtm':
      return b.kind === a.kind && b.teamID === a.teamID;
    case 'socketMode':
      return (
        b.kind === a.kind && b.teamID === a.teamID && b.replies === a.replies && b.delayedEvents === a.delayedEvents
      );
    case 'app':
      return (
        b.kind === a.kind &&
        b.appID === a.appID &&
        b.replies === a.replies &&
        b.delayedEvents === a.delayedEvents &&
        b.unknownTeams === a.unknownTeams
      );
    default:
      return a satisfies never;
  }
}

/** The team that a slot is of, for seals and lists of slots; empty for an app, which is of no team. */
export const teamOf = (slot: KindFields): string => (slot.kind === 'app' ? '' : slot.teamID);

/** `<owner uid>/<n>`, n from 0. */
export type SlotID = string;
export type Slots = ReadonlyMap<SlotID, Slot>;

export const slotID = (ownerUid: string, index: number): SlotID => `${ownerUid}/${index}`;

export function parseSlotID(id: SlotID): { ownerUid: string; index: number } {
  const cut = id.lastIndexOf('/');
  return { ownerUid: id.slice(0, cut), index: Number(id.slice(cut + 1)) };
}

/** Programs from before `spread` can't read a slot with an unknown cause, so it is written as the closest known one. */
const wireSchema = z.object({ spread: z.catch(z._default(z.boolean(), false), false) });

/** One field of an assignment hash. */
export function encodeSlot(slot: Slot): string {
  return JSON.stringify(slot.cause === 'spread' ? { ...slot, cause: 'rebalance', spread: true } : slot);
}

/** One field of an assignment hash; undefined when it can't be read, which is "unknown", never "removed". */
export function decodeSlot(json: string): Slot | undefined {
  try {
    const fields: unknown = JSON.parse(json);
    const slot = slotSchema.parse(fields);
    return slot.cause === 'rebalance' && wireSchema.parse(fields).spread ? { ...slot, cause: 'spread' } : slot;
  } catch {
    return undefined;
  }
}
