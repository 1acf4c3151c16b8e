import type { FleetView } from '../fleet/fleet-view.ts';
import type { FleetFact } from '../reconcile/kind.ts';
import { conditionOf } from '../status/conditions.ts';
import type { KindObject } from '../status/status-kind.ts';
import { fleetFacts } from './socket-conditions.ts';

/** What about the fleet concerns objects that want sockets. */
export function socketFacts<O extends KindObject>(view: FleetView): FleetFact<O>[] {
  const { settled, pods, zones, rooms } = fleetFacts(view);
  return [
    // Only what changes a condition: one more pod in the second zone is no news for 100,000 bots.
    { text: JSON.stringify([settled, pods > 0, zones > 1]), concerns: () => true },
    { text: JSON.stringify(rooms), concerns: isInOneZone },
  ];
}

/** Its message says what the other zones could take. */
const isInOneZone = ({ status }: KindObject): boolean => conditionOf(status, 'Redundant')?.reason === 'SameZone';
