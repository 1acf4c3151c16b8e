import { type KindFields, type Slot, teamOf } from '../../core/protocol/assignment.ts';
import { type FleetKey, seal } from '../../core/protocol/seal.ts';
import { tokenDigest } from '../../core/protocol/token.ts';

/** A slot as the planner assigns it, of a bot whose every event is queued. */
export function assignedSlot(
  { token, bot, kind }: { token: string; bot: string; kind: KindFields },
  key: FleetKey,
  owner: { cluster: string; ownerUid: string },
): Slot {
  return {
    epoch: 1,
    generation: 1,
    role: 'active',
    ...kind,
    bot,
    queueNamespace: '',
    events: { include: [], exclude: [], own: false },
    tokenDigest: tokenDigest(token),
    assignedAtMs: Date.now(),
    cause: 'place',
    token: seal(token, key, { ...owner, teamID: teamOf(kind) }),
  };
}
