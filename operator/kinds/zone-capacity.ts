import type { PodSummary } from '../fleet/fleet-view.ts';

/** Whether a zone could take another socket, according to the best of its pods. */
type ZoneRoom =
  | 'room'
  | 'full'
  /** Its pods get no new sockets: they share no fleet key with the operator, or are to be removed. */
  | 'closed'
  /** Its pods are restarting, or unreachable. */
  | 'away';

/** By zone, in order of names, so that equal facts are equal as text. */
export type ZoneCapacity = Readonly<Record<string, ZoneRoom>>;

/** @param pods those that are not dead */
export function zoneCapacityOf(pods: readonly PodSummary[]): ZoneCapacity {
  const zones = [...Map.groupBy(pods, ({ zone }) => zone)].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(zones.map(([zone, members]) => [zone, roomOf(members)]));
}

function roomOf(pods: readonly PodSummary[]): ZoneRoom {
  const staying = pods.filter(({ takesSlots }) => takesSlots);
  const up = staying.filter(({ state }) => state === 'up');
  if (up.some(({ slots, capacity }) => slots < capacity)) return 'room';
  if (up.length > 0) return 'full';
  return staying.length > 0 ? 'away' : 'closed';
}

const WHY: Record<Exclude<ZoneRoom, 'room'>, string> = {
  full: 'its connectors are full: add connectors there, or raise RELAX_CAPACITY',
  closed: 'its connectors take no new sockets, since they lack the fleet key or are about to be removed',
  away: 'its connectors are restarting or unreachable',
};
/** More would only repeat the same reasons. */
const ZONES_TOLD = 4;

/**
 * Why all live sockets of a bot are in one zone although the fleet has more zones.
 * @param opening a socket of the bot that is being opened in another zone
 */
export function whySameZone(
  zone: string,
  rooms: ZoneCapacity,
  opening: { zone: string; message: string } | undefined,
): string {
  const start = `All sockets are live, but in one zone, ${zone}`;
  if (opening !== undefined) {
    const why = opening.message === '' ? 'it is being opened' : opening.message;
    return `${start}. One is being moved to zone ${opening.zone}: ${why}`;
  }
  const others = Object.entries(rooms).filter(([other]) => other !== zone);
  const free = others.find(([, room]) => room === 'room');
  if (free !== undefined) return `${start}. One is about to be moved to zone ${free[0]}.`;
  const reasons = others
    .slice(0, ZONES_TOLD)
    .flatMap(([other, room]) => (room === 'room' ? [] : [`Zone ${other}: ${WHY[room]}.`]));
  return [`${start}.`, ...reasons, 'One is moved as soon as another zone has room.'].join(' ');
}
