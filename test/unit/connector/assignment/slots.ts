import type { Slot } from '#core/protocol/assignment.ts';

/** An assigned slot for tests, over RTM unless the changes say otherwise. */
export const slotOf = (changes: Partial<Slot> = {}): Slot =>
  ({
    epoch: 1,
    generation: 1,
    role: 'active',
    kind: 'rtm',
    teamID: 'T024BE7LH',
    bot: 'bots/acme',
    queueNamespace: '',
    events: { include: [], exclude: [], own: false },
    token: 'v1.aa.bb',
    tokenDigest: 'd'.repeat(32),
    assignedAtMs: 0,
    cause: 'place',
    ...changes,
  }) as Slot;
