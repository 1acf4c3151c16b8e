import { errorText, type Log } from '../../core/process/log.ts';
import type { ConnectorSet } from '../../core/protocol/connector-set.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { isLaterVersion, type KubeObject, objectKey, type ResourcePath, type ResourceScope } from '../kube/object.ts';
import { Reflector } from '../kube/reflector.ts';
import type { ReflectorStats } from '../kube/reflector-options.ts';
import { NO_RETRY } from '../kube/retry.ts';
import type { Change } from '../kube/store.ts';

/** The part of a StatefulSet that says which of its pods come back. */
interface StatefulSet extends KubeObject {
  spec?: { replicas?: number; ordinals?: { start?: number } };
}

export interface ConnectorSetWatchOptions {
  client: Pick<KubeClient, 'listPage' | 'watch' | 'get'>;
  namespace: string;
  /** The StatefulSet of the connectors. */
  name: string;
  log: Log;
}

/** After that the last known size counts. */
const CONFIRM_TIMEOUT_MS = 5_000;

/**
 * The size of the connectors' StatefulSet, which is one object in one namespace. While the API server is unreachable the
 * last known size counts; before the first answer, or without the right to read it, the size is not known.
 */
export class ConnectorSetWatch {
  readonly #options: ConnectorSetWatchOptions;
  readonly #reflector: Reflector<StatefulSet>;
  #changed: () => void = () => undefined;
  /** The answer of the server when it was last asked; newer than what the watch had at that moment. */
  #confirmed: { set: StatefulSet | undefined } | undefined;

  constructor(options: ConnectorSetWatchOptions) {
    const { client, namespace, name, log } = options;
    const scope: ResourceScope = { group: 'apps', version: 'v1', plural: 'statefulsets', namespace };
    this.#options = options;
    this.#reflector = new Reflector<StatefulSet>({
      client,
      scope,
      log,
      fieldSelector: `metadata.name=${name}`,
      transform: bare,
      onChange: (change) => this.#heard(change),
    });
  }

  start(): void {
    this.#reflector.start();
  }

  async stop(): Promise<void> {
    await this.#reflector.stop();
  }

  /** Asks the server, before planning starts: a watch that fell silent may be out of date, and sockets are moved by it. */
  async confirm(): Promise<void> {
    const { client, namespace, name, log } = this.#options;
    const path: ResourcePath = { group: 'apps', version: 'v1', plural: 'statefulsets', namespace, name };
    try {
      const set = bare(await client.get<StatefulSet>(path, { timeoutMs: CONFIRM_TIMEOUT_MS, retry: NO_RETRY }));
      const known = this.#reflector.store.get(objectKey({ namespace, name }))?.metadata.resourceVersion;
      // The watch may have received something newer while we asked.
      if (known === undefined || isLaterVersion(set.metadata.resourceVersion, known)) this.#confirmed = { set };
    } catch (error) {
      if (isKubeError(error, 'notFound')) this.#confirmed = { set: undefined };
      // The server is away: what was last known counts.
      else log.info({ err: errorText(error) }, 'could not confirm the size of the connector StatefulSet');
    }
    this.#changed();
  }

  /** Called at once after each change. */
  onChange(listener: () => void): void {
    this.#changed = listener;
  }

  value(): ConnectorSet | undefined {
    const { namespace, name } = this.#options;
    if (this.#confirmed !== undefined) return sizeOf(name, this.#confirmed.set);
    return this.#reflector.hasSynced
      ? sizeOf(name, this.#reflector.store.get(objectKey({ namespace, name })))
      : undefined;
  }

  lastActivityMs(): number {
    return this.#reflector.lastActivityMs();
  }

  stats(): ReflectorStats[] {
    return [{ ...this.#reflector.stats }];
  }

  #heard({ type, object }: Change<StatefulSet>): void {
    const confirmed = this.#confirmed?.set?.metadata.resourceVersion;
    const isNews = confirmed === undefined || isLaterVersion(object.metadata.resourceVersion, confirmed);
    // The watch lags: this event is older than the answer.
    if (type !== 'deleted' && !isNews) return;
    this.#confirmed = undefined;
    this.#changed();
  }
}

/** A StatefulSet may be long: only what is needed is kept. */
function bare({ metadata, spec }: StatefulSet): StatefulSet {
  const { name, namespace, uid, resourceVersion, deletionTimestamp } = metadata;
  return {
    metadata: {
      name,
      uid,
      resourceVersion,
      ...(namespace === undefined ? {} : { namespace }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
    spec: { replicas: spec?.replicas ?? 1, ordinals: { start: spec?.ordinals?.start ?? 0 } },
  };
}

/** A set that is being deleted recreates no pods. */
function sizeOf(name: string, set: StatefulSet | undefined): ConnectorSet {
  if (set === undefined || set.metadata.deletionTimestamp !== undefined) return { kind: 'gone', name };
  return { kind: 'sized', name, first: set.spec?.ordinals?.start ?? 0, replicas: set.spec?.replicas ?? 1 };
}
