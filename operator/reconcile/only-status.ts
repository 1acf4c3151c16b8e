import type { Change } from '../kube/store.ts';
import type { KindObject } from '../status/status-kind.ts';

/** Statuses are judged here, so that the API server's copy of one is no news. */
export function isOnlyStatus<O extends KindObject>(change: Change<O>): boolean {
  if (change.type !== 'updated') return false;
  const [before, after] = [change.previous.metadata, change.object.metadata];
  return (
    before.generation === after.generation &&
    before.deletionTimestamp === after.deletionTimestamp &&
    JSON.stringify(before.annotations) === JSON.stringify(after.annotations)
  );
}
