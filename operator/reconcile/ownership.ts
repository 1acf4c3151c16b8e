import type { Log } from '../../core/process/log.ts';
import type { KubeClient } from '../kube/client.ts';
import { keyOf } from '../kube/object.ts';
import type { KindObject } from '../status/status-kind.ts';
import {
  type Carrier,
  type Claimant,
  claimingOperations,
  claimStateOf,
  foreignCarrierText,
  foreignClaimText,
  releasingOperations,
} from './claim.ts';
import { addingFinalizer, hasFinalizer, patchIfUnchanged, removingFinalizer } from './finalizer.ts';
import type { Kind } from './kind.ts';

interface OwnershipOptions<O extends KindObject> {
  kind: Pick<Kind, 'resource' | 'singular' | 'finalizer'>;
  client: Pick<KubeClient, 'patch'>;
  /** Undefined: there is no other operator, and nothing is claimed. */
  self: Claimant | undefined;
  /** Another operator owns an object: reported once per owner. */
  onForeign?: (object: O, text: string) => void;
  log: Log;
}

/** Which objects of a kind are ours, how we take them, and how we release them: the claim and the finalizer. */
export class Ownership<O extends KindObject = KindObject> {
  readonly #options: OwnershipOptions<O>;
  /** Uid -> version that our write replaced: a copy of that version is out of date. */
  readonly #writtenOver = new Map<string, string>();
  /** Uid -> the other operator that was reported last. */
  readonly #told = new Map<string, string>();

  constructor(options: OwnershipOptions<O>) {
    this.#options = options;
  }

  /**
   * What to say about an object of another operator; undefined: it is ours, or nobody's.
   * @param isLeader of several processes of an operator only the leader reports it
   * @param carrier if another operator has it, that one is to have the object
   */
  foreign(object: O, isLeader: boolean, carrier?: Carrier): string | undefined {
    const { kind, onForeign, log } = this.#options;
    const { uid } = object.metadata;
    const theirs = this.#theirs(object, carrier);
    if (theirs === undefined) {
      this.#told.delete(uid);
      return undefined;
    }
    const { text, operator } = theirs;
    if (isLeader && this.#told.get(uid) !== operator) {
      this.#told.set(uid, operator);
      const named = { kind: kind.resource.kind, object: keyOf(object), operator };
      log.warn(named, 'object is claimed by another operator, ignoring it');
      onForeign?.(object, text);
    }
    return text;
  }

  #theirs(object: O, carrier: Carrier | undefined): { text: string; operator: string } | undefined {
    const { kind, self } = this.#options;
    if (self === undefined) return undefined;
    const own = claimStateOf(object.metadata, self);
    if (own.kind === 'theirs') {
      return { operator: own.operator, text: foreignClaimText(kind, object.metadata, own.operator) };
    }
    const its = carrier && claimStateOf(carrier.metadata, self);
    if (carrier === undefined || its?.kind !== 'theirs') return undefined;
    return { operator: its.operator, text: foreignCarrierText(carrier, its.operator) };
  }

  /**
   * Gives up an object that another operator is to have: claim and finalizer. Nothing is done about one that is not ours.
   * @returns false if the object has changed meanwhile: look again
   */
  async cede(object: O, signal: AbortSignal): Promise<boolean> {
    const { kind, client, self } = this.#options;
    if (self === undefined || claimStateOf(object.metadata, self).kind !== 'ours') return true;
    const operations = [...removingFinalizer(object, kind.finalizer), ...releasingOperations(object.metadata)];
    return (await patchIfUnchanged(client, kind.resource, object, operations, { signal })) !== 'changed';
  }

  /**
   * Claims the object and, before its first socket, adds the finalizer, so that it can't be deleted while it has sockets:
   * both in one patch, and no patch if nothing is missing.
   * @returns false if the object has changed meanwhile, perhaps by another's claim: look again
   */
  async take(object: O, options: { finalizer: boolean; signal: AbortSignal }): Promise<boolean> {
    const { kind, client, self } = this.#options;
    const { uid, resourceVersion } = object.metadata;
    if (this.#writtenOver.get(uid) === resourceVersion) return true;
    const operations = [
      ...(self === undefined ? [] : claimingOperations(object.metadata, self)),
      ...(options.finalizer ? addingFinalizer(object, kind.finalizer) : []),
    ];
    if (operations.length === 0) return true;
    const { signal } = options;
    if ((await patchIfUnchanged(client, kind.resource, object, operations, { signal })) === 'changed') return false;
    this.#writtenOver.set(uid, resourceVersion);
    return true;
  }

  /** Whether its deletion waits for us. */
  isHeld(object: O): boolean {
    return hasFinalizer(object, this.#options.kind.finalizer);
  }

  /**
   * Removes the finalizer, which lets an object that is being deleted go.
   * @returns false if the object has changed meanwhile: look again
   */
  async release(object: O, signal: AbortSignal): Promise<boolean> {
    const { kind, client } = this.#options;
    const operations = removingFinalizer(object, kind.finalizer);
    if (operations.length === 0) return true;
    return (await patchIfUnchanged(client, kind.resource, object, operations, { signal })) !== 'changed';
  }

  forget(uid: string): void {
    this.#writtenOver.delete(uid);
    this.#told.delete(uid);
  }
}
