import { namespaceOf } from '../../core/api/object-name.ts';
import { systemTimers, type Timers } from '../../core/process/timers.ts';
import type { KubeClient } from '../kube/client.ts';
import { everyItem } from '../kube/every-item.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { isLaterVersion, type KubeObject, keyOf, scopesOf } from '../kube/object.ts';
import type { ObjectsView } from '../kube/resource-watch.ts';
import { LABELLED, SECRETS } from './labeled-secrets.ts';
import type { SecretRead } from './secret-read.ts';

interface SecretObject extends KubeObject {
  data?: Record<string, string>;
}

interface SecretReadsOptions {
  client: Pick<KubeClient, 'get' | 'listPage'>;
  /** Metadata of the labelled Secrets. */
  labelled: Pick<ObjectsView<KubeObject>, 'get'>;
  timers?: Timers;
  random?: () => number;
}

/** What an object needs of a Secret. */
export interface WantedSecret {
  /** Of the object. */
  uid: string;
  generation: number;
  /** `namespace/name` of the Secret; undefined if the object names none. */
  secretKey: string | undefined;
  /** Keys inside it whose values are needed. */
  valueKeys: readonly string[];
}

/** Promised in docs/install.md: without the label, a changed token takes effect within 5 minutes. */
export const REREAD_MS = 300_000;
/** What is wrong or missing is read again sooner, because somebody is probably about to fix it. */
export const REREAD_WRONG_MS = 30_000;

interface Known {
  secretKey: string;
  generation: number;
  /** resourceVersion of the Secret that was read; undefined if there was none. */
  version: string | undefined;
  read: SecretRead;
  /** When an unwatched one is read again. */
  dueMs: number;
}

/** The Secrets of objects, read when they may have changed and not for every reconcile. */
export class SecretReads {
  readonly #options: SecretReadsOptions;
  readonly #timers: Timers;
  readonly #random: () => number;
  readonly #known = new Map<string, Known>();
  /** From `prime`: used only while the watch has the same version. */
  readonly #primed = new Map<string, SecretObject>();

  constructor(options: SecretReadsOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#random = options.random ?? Math.random;
  }

  /**
   * @returns the Secret, and when to read again even if no change is seen
   * @throws KubeError if the server did not answer and nothing is known from before
   */
  async read(wanted: WantedSecret, signal: AbortSignal): Promise<{ secret: SecretRead; againMs: number | undefined }> {
    const { uid, secretKey } = wanted;
    if (secretKey === undefined) return { secret: { kind: 'missing' }, againMs: undefined };
    const known = this.#known.get(uid);
    if (known !== undefined && this.#isFresh(known, wanted, secretKey)) return this.#answer(known);
    try {
      const read = await this.#get(wanted, secretKey, signal);
      this.#known.set(uid, read);
      return this.#answer(read);
    } catch (error) {
      if (known === undefined || known.secretKey !== secretKey || signal.aborted) throw error;
      // What was read last still counts; the server will be asked again soon.
      return { secret: known.read, againMs: REREAD_WRONG_MS / 6 };
    }
  }

  /**
   * Reads the labelled Secrets of namespaces (none: all) by a few long lists, so that a new process with 100,000 bots does
   * not need as many calls. The first read of each object uses them; `endPriming` drops them. It only saves calls: where it
   * fails, each Secret is read by a call of its own.
   */
  async prime(namespaces: readonly string[], signal: AbortSignal): Promise<void> {
    for (const scope of scopesOf(SECRETS, namespaces)) {
      try {
        const query = { labelSelector: LABELLED };
        for await (const secret of everyItem<SecretObject>(this.#options.client, [scope], query, { signal })) {
          this.#primed.set(keyOf(secret), secret);
        }
      } catch {
        // The next namespace may be readable.
      }
    }
  }

  endPriming(): void {
    this.#primed.clear();
  }

  /** The Secret was judged to be wrong: it is read again sooner. */
  lookSooner(uid: string): void {
    const known = this.#known.get(uid);
    if (known !== undefined) known.dueMs = Math.min(known.dueMs, this.#timers.monotonicMs() + REREAD_WRONG_MS);
  }

  forget(uid: string): void {
    this.#known.delete(uid);
  }

  #isFresh(known: Known, { generation }: WantedSecret, secretKey: string): boolean {
    if (known.secretKey !== secretKey || known.generation !== generation) return false;
    const labelled = this.#options.labelled.get(secretKey);
    const watched = known.read.kind === 'found' && known.read.watched;
    if (labelled === undefined || known.read.kind === 'unreadable')
      return !watched && this.#timers.monotonicMs() < known.dueMs;
    return watched && !isLaterVersion(labelled.metadata.resourceVersion, known.version ?? '0');
  }

  #answer({ read, dueMs }: Known): { secret: SecretRead; againMs: number | undefined } {
    if (read.kind === 'found' && read.watched) return { secret: read, againMs: undefined };
    return { secret: read, againMs: Math.max(1, dueMs - this.#timers.monotonicMs()) };
  }

  async #get({ generation, valueKeys }: WantedSecret, secretKey: string, signal: AbortSignal): Promise<Known> {
    const namespace = namespaceOf(secretKey);
    const name = secretKey.slice(namespace.length + 1);
    const base = { secretKey, generation };
    try {
      const labelled = this.#options.labelled.get(secretKey);
      const primed = this.#primed.get(secretKey);
      const isCurrent = primed?.metadata.resourceVersion === labelled?.metadata.resourceVersion;
      const path = { ...SECRETS, namespace, name };
      const secret =
        primed !== undefined && isCurrent ? primed : await this.#options.client.get<SecretObject>(path, { signal });
      const watched = this.#options.labelled.get(secretKey) !== undefined;
      const data = onlyWanted(secret.data ?? {}, valueKeys);
      const version = secret.metadata.resourceVersion;
      const { annotations = {} } = secret.metadata;
      const metadata = { resourceVersion: version, annotations };
      return { ...base, version, read: { kind: 'found', data, watched, metadata }, dueMs: this.#dueMs(REREAD_MS) };
    } catch (error) {
      const dueMs = this.#dueMs(REREAD_WRONG_MS);
      if (isKubeError(error, 'notFound')) return { ...base, version: undefined, read: { kind: 'missing' }, dueMs };
      if (!isKubeError(error, 'forbidden')) throw error;
      const why = `the operator may not get Secrets in namespace ${namespace}: check RELAX_WATCH_NAMESPACES and its Role`;
      return { ...base, version: undefined, read: { kind: 'unreadable', why }, dueMs };
    }
  }

  /** Jittered downwards, so that the promise holds and 100,000 reads don't coincide. */
  #dueMs(delayMs: number): number {
    return this.#timers.monotonicMs() + delayMs * (1 - 0.2 * this.#random());
  }
}

/** The names of all keys, but only these values: what is not needed is not kept. */
function onlyWanted(data: Record<string, string>, valueKeys: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      valueKeys.includes(key) ? Buffer.from(value, 'base64').toString('utf8') : '',
    ]),
  );
}
