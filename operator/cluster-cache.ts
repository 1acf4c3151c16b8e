import type { OperatorConfig } from '../core/config/config.ts';
import type { Log } from '../core/process/log.ts';
import { systemTimers } from '../core/process/timers.ts';
import type { KubeClient } from './kube/client.ts';
import type { KubeObject } from './kube/object.ts';
import type { ReflectorStats } from './kube/reflector-options.ts';
import type { ResourceWatch } from './kube/resource-watch.ts';
import { ConnectorSetWatch } from './reconcile/connector-set-watch.ts';
import { watchLabelledSecrets } from './reconcile/labeled-secrets.ts';
import type { RegisteredKind, WatchedKind } from './reconcile/registered-kind.ts';

/** Each event, bookmark, failure and try is activity: a watch without any for longer than all its timeouts has hung. */
const WATCH_HUNG_MS = 300_000;

export interface WatchNumbers {
  resource: string;
  errors: number;
  events: number;
  idleSeconds: number;
}

interface Watch {
  start(): void;
  stop(): Promise<void>;
  lastActivityMs(): number;
  stats(): ReflectorStats[];
}

/** An operator's cache of the cluster's objects: every kind of ours, labelled Secrets, and the set of connectors. */
export class ClusterCache {
  readonly kinds: readonly WatchedKind[];
  readonly secrets: ResourceWatch<KubeObject>;
  /** Undefined: it is not known which set the connectors are in. */
  readonly connectors: ConnectorSetWatch | undefined;

  constructor(
    kinds: readonly RegisteredKind[],
    { client, config, log }: { client: KubeClient; config: OperatorConfig; log: Log },
  ) {
    const shared = { client, log, namespaces: config.watchNamespaces };
    this.kinds = kinds.map((kind) => kind.watch(shared));
    this.secrets = watchLabelledSecrets(shared);
    const { connectorSet: name, leaderNamespace: namespace } = config;
    this.connectors = name === undefined ? undefined : new ConnectorSetWatch({ client, log, namespace, name });
  }

  start(): void {
    for (const [, watch] of this.#all()) watch.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all().map(([, watch]) => watch.stop()));
  }

  numbers(): WatchNumbers[] {
    const nowMs = systemTimers.monotonicMs();
    return this.#all().map(([resource, watch]) => ({
      resource,
      errors: watch.stats().reduce((sum, { errors }) => sum + errors, 0),
      events: watch.stats().reduce((sum, { events }) => sum + events, 0),
      idleSeconds: (nowMs - watch.lastActivityMs()) / 1000,
    }));
  }

  /** Why not all of it is up to date, for readiness. */
  faults(): string[] {
    return [
      ...this.kinds.flatMap(({ kind: { many, resource }, watch }) =>
        watchFaults(
          many,
          watch,
          `is the ${resource.kind} definition installed? kubectl apply -f crds/${resource.plural}.yaml`,
        ),
      ),
      ...watchFaults('Secrets', this.secrets, 'does the API server serve Secrets?'),
    ];
  }

  /** Watches that will not recover by themselves, for liveness. */
  hung(): string[] {
    return this.numbers()
      .filter(({ idleSeconds }) => idleSeconds * 1000 > WATCH_HUNG_MS)
      .map(({ resource, idleSeconds }) => `the watch of ${resource} has been stuck for ${Math.round(idleSeconds)} s`);
  }

  #all(): [resource: string, watch: Watch][] {
    return [
      ...this.kinds.map(({ kind, watch }): [string, Watch] => [kind.resource.plural, watch]),
      ['secrets', this.secrets],
      ...(this.connectors === undefined ? [] : [['statefulsets', this.connectors] satisfies [string, Watch]]),
    ];
  }
}

/** @param ifMissing what to ask when the server does not know the resource */
function watchFaults(
  what: string,
  watch: Pick<ResourceWatch<KubeObject>, 'errors' | 'unlisted'>,
  ifMissing: string,
): string[] {
  const failing = watch.errors();
  const named = new Set(failing.map(({ namespace }) => namespace));
  const late = watch.unlisted().filter((namespace) => !named.has(namespace));
  return [
    ...failing.map(
      ({ namespace, error }) =>
        `${what}${inNamespace(namespace)} are not being watched: ${error}${hintFor(namespace, error, ifMissing)}`,
    ),
    ...late.map((namespace) => `${what}${inNamespace(namespace)} are not listed yet`),
  ];
}

const inNamespace = (namespace: string): string => (namespace === '' ? '' : ` of namespace ${namespace}`);

/** The most common mistakes: an installation by hand, a namespace that is gone or whose Role is. */
function hintFor(namespace: string, error: string, ifMissing: string): string {
  if (/ 404 /.test(error)) return ` (${ifMissing})`;
  if (namespace === '' || !/ 403 /.test(error)) return '';
  return ' (its bots stay as they are; is the namespace gone, or the Role in it? Give it back, or take the namespace out of RELAX_WATCH_NAMESPACES)';
}
