import { ResourceWatch, type ResourceWatchOptions } from '../kube/resource-watch.ts';
import type { KindObject } from '../status/status-kind.ts';
import { indexersOf, type Kind } from './kind.ts';
import { type FleetParts, KindController, type KindReconciler, type ReconcilerParts } from './kind-controller.ts';

type WatchParts = Pick<ResourceWatchOptions<KindObject>, 'client' | 'log' | 'namespaces' | 'timers'>;

/** The controller of some kind. */
export type KindControl = Pick<KindController<KindObject>, keyof KindController<KindObject>>;

/** A kind whose objects are watched; their type is known only inside. */
export interface WatchedKind {
  readonly kind: Kind;
  readonly watch: Omit<ResourceWatch<KindObject>, 'listen'>;
  control(parts: FleetParts): KindControl;
}

/** A kind that the operator serves. */
export interface RegisteredKind {
  readonly kind: Kind;
  watch(parts: WatchParts): WatchedKind;
}

/** Ties a kind to its reconciler; the type of its objects does not leave this function. */
export function registerKind<O extends KindObject>(
  kind: Kind<O>,
  makeReconciler: (parts: ReconcilerParts<O>) => KindReconciler,
): RegisteredKind {
  return {
    kind,
    watch: (parts) => {
      const watch = new ResourceWatch<O>({
        ...parts,
        resource: kind.resource,
        transform: (object) => kind.parse(object),
        indexers: indexersOf(kind),
      });
      return { kind, watch, control: (fleet) => new KindController(kind, watch, fleet, makeReconciler) };
    },
  };
}
