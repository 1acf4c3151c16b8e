import { z } from 'zod';
import type { SpecRule } from './spec-rule.ts';

/** The field `events` of every kind: which events reach the queue, and which of them go first. */
const eventTypes = z
  .array(
    z
      .string()
      .regex(/^[a-z][a-z0-9_.]*$/, "must be an event type such as message_new: lower case letters, digits, '_' and '.'")
      .min(1)
      .max(64),
  )
  .max(100)
  .optional();

export const eventSelectionSchema = z.object({
  include: eventTypes.meta({
    description:
      "Event types to queue: as in the field `type` of queue items, or Slack's own. All of them if absent or empty.",
    'x-kubernetes-list-type': 'atomic',
  }),
  exclude: eventTypes.meta({
    description: 'Event types not to queue. None of them may also be in include.',
    'x-kubernetes-list-type': 'atomic',
  }),
  own: z.boolean().optional().meta({
    description: 'If true, messages and mentions written by the bot itself are queued too.',
    codeDefault: false,
  }),
  urgent: eventTypes.meta({
    description:
      'Event types that go to the urgent queue (RELAX_QUEUE_URGENT), beside slash commands and interactive payloads, which ' +
      'always do. None of them may be in exclude. Without an urgent queue they go to the usual one.',
    'x-kubernetes-list-type': 'atomic',
  }),
});
type EventSelection = z.infer<typeof eventSelectionSchema>;

/** In the form of slots and routes (`EventFilter` of core/protocol/assignment.ts), with the defaults. */
export function eventFilterOf({ events }: { events?: EventSelection | undefined }) {
  const urgent = events?.urgent ?? [];
  return {
    include: events?.include ?? [],
    exclude: events?.exclude ?? [],
    own: events?.own ?? false,
    ...(urgent.length > 0 && { urgent }),
  };
}

/** The part of a spec that the rules below look at. */
export interface EventsSpec {
  events?:
    | {
        include?: readonly string[] | undefined;
        exclude?: readonly string[] | undefined;
        urgent?: readonly string[] | undefined;
      }
    | undefined;
}

/** CEL: neither list is given, or they have no type in common. */
const apart = (list: 'include' | 'urgent'): string =>
  `!has(self.events) || !has(self.events.${list}) || !has(self.events.exclude) || ` +
  `!self.events.${list}.exists(type, type in self.events.exclude)`;

const areApart = ({ events }: EventsSpec, list: 'include' | 'urgent'): boolean => {
  const exclude = events?.exclude ?? [];
  return !(events?.[list] ?? []).some((type) => exclude.includes(type));
};

export const EVENT_RULES: readonly SpecRule<EventsSpec>[] = [
  {
    name: 'include and exclude apart',
    field: 'events',
    cel: apart('include'),
    message: 'events.include and events.exclude name the same event type: remove it from one of them',
    check: (spec) => areApart(spec, 'include'),
  },
  {
    name: 'urgent and exclude apart',
    field: 'events',
    cel: apart('urgent'),
    message: 'events.urgent names an event type that events.exclude keeps off the queue: remove it from one of them',
    check: (spec) => areApart(spec, 'urgent'),
  },
];
