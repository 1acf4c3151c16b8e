import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { PodState } from './fleet/fleet-view.ts';
import { plannerMetrics } from './fleet/planner-metrics.ts';
import type { PlannerObserver } from './fleet/planner-options.ts';
import type { KubeClientObserver } from './kube/client.ts';
import type { ControllerObserver } from './kube/controller.ts';
import type { WorkQueueObserver } from './kube/workqueue.ts';
import type { Kind } from './reconcile/kind.ts';
import { type FleetParts, WORKERS } from './reconcile/kind-controller.ts';
import { OBJECT_STATES, type ObjectState } from './reconcile/object-state.ts';
import { type RotationObserver, rotationMetrics } from './rotation/rotation-metrics.ts';

/** What is read when somebody asks for metrics. */
export interface MetricSources {
  isLeader(): boolean;
  /**
   * Objects of a controller's kind. Zero of each without leadership, so that the sum over all operators is the fleet's.
   */
  states(controller: string): Record<ObjectState, number>;
  /** Whether every bot of the cluster has been judged, so that what belongs to none may be removed. */
  isComplete(): boolean;
  pods(): Record<PodState, number>;
  statusWrites(): { written: number; failed: number; waiting: number };
  queue(controller: string): { unfinishedSeconds: number; longestSeconds: number };
  watches(): { resource: string; errors: number; events: number; idleSeconds: number }[];
}

export interface OperatorMetrics {
  client: KubeClientObserver;
  /** @throws Error if no kind has such a controller */
  ofController: (name: string) => FleetParts['observer'];
  planner: PlannerObserver;
  rotation: RotationObserver;
}

const TIME_BUCKETS_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** As client-go's workqueue. */
const QUEUE_BUCKETS_S = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];

/**
 * The names of controller-runtime and client-go, so that dashboards and alerts made for those serve here, and a few of our
 * own. No label names a bot: a fleet has a hundred thousand of those. Every label value that is known exists from 0 on.
 */
export function operatorMetrics(
  registry: Registry,
  sources: MetricSources,
  kinds: readonly Pick<Kind, 'singular' | 'gauge'>[],
): OperatorMetrics {
  ownMetrics(registry, sources);
  for (const kind of kinds) stateMetrics(registry, sources, kind);
  const controllers = kinds.map(({ singular }) => singular);
  const [queueOf, controllerOf] = [queueMetrics(registry, sources, controllers), controllerMetrics(registry)];
  const observers = new Map(
    controllers.map((name) => [name, { queue: queueOf(name), controller: controllerOf(name) }]),
  );
  return {
    client: clientMetrics(registry),
    ofController: (name) => {
      const observer = observers.get(name);
      if (observer === undefined) throw new Error(`no controller ${name} has metrics`);
      return observer;
    },
    planner: plannerMetrics(registry),
    rotation: rotationMetrics(registry),
  };
}

function clientMetrics(registry: Registry): KubeClientObserver {
  const registers = [registry];
  const requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server by status code, method and host; <error> if no answer came.',
    labelNames: ['code', 'method', 'host'],
    registers,
  });
  const duration = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Time until the answer began; a watch is answered when it opens.',
    labelNames: ['verb', 'host'],
    buckets: TIME_BUCKETS_S,
    registers,
  });
  const limited = new Histogram({
    name: 'rest_client_rate_limiter_duration_seconds',
    help: "How long the operator's own rate limit held requests back.",
    buckets: TIME_BUCKETS_S,
    registers,
  });
  return {
    request: ({ code, method, host }, durationMs) => {
      requests.inc({ code, method, host });
      duration.observe({ verb: method, host }, durationMs / 1000);
    },
    limited: (waitMs) => limited.observe(waitMs / 1000),
  };
}

/** @returns what observes the queue of one of these controllers */
function queueMetrics(
  registry: Registry,
  sources: MetricSources,
  controllers: readonly string[],
): (controller: string) => WorkQueueObserver {
  const labelsOf = (controller: string) => ({ name: controller, controller });
  const shared = { labelNames: ['name', 'controller'], registers: [registry] };
  const depth = new Gauge({ ...shared, name: 'workqueue_depth', help: 'Keys waiting for a worker.' });
  const adds = new Counter({ ...shared, name: 'workqueue_adds_total', help: 'Keys added.' });
  const retries = new Counter({
    ...shared,
    name: 'workqueue_retries_total',
    help: 'Keys added again after a failure.',
  });
  const histogram = (name: string, help: string) => new Histogram({ ...shared, name, help, buckets: QUEUE_BUCKETS_S });
  const waited = histogram('workqueue_queue_duration_seconds', 'Time from added to taken.');
  const worked = histogram('workqueue_work_duration_seconds', 'Time from taken to done.');
  const read = (name: string, help: string, value: (controller: string) => number) =>
    new Gauge({
      ...shared,
      name,
      help,
      collect() {
        for (const controller of controllers) this.set(labelsOf(controller), value(controller));
      },
    });
  read(
    'workqueue_unfinished_work_seconds',
    'Sum over the keys being worked on.',
    (controller) => sources.queue(controller).unfinishedSeconds,
  );
  read(
    'workqueue_longest_running_processor_seconds',
    'Seconds that the longest running reconcile has taken so far.',
    (controller) => sources.queue(controller).longestSeconds,
  );
  return (controller) => {
    const labels = labelsOf(controller);
    depth.set(labels, 0);
    adds.inc(labels, 0);
    retries.inc(labels, 0);
    return {
      depth: (items) => depth.set(labels, items),
      added: () => adds.inc(labels),
      retried: () => retries.inc(labels),
      waited: (seconds) => waited.observe(labels, seconds),
      worked: (seconds) => worked.observe(labels, seconds),
    };
  };
}

/** @returns what observes a controller */
function controllerMetrics(registry: Registry): (controller: string) => ControllerObserver {
  const shared = { labelNames: ['controller'], registers: [registry] };
  const counter = (name: string, help: string) => new Counter({ ...shared, name, help });
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciles by result.',
    labelNames: ['controller', 'result'],
    registers: [registry],
  });
  const errors = counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed.');
  const terminal = counter(
    'controller_runtime_terminal_reconcile_errors_total',
    'Reconciles that failed with a terminal error.',
  );
  const panics = counter('controller_runtime_reconcile_panics_total', 'Reconciles that threw: a defect of Relax.');
  const time = new Histogram({
    ...shared,
    buckets: TIME_BUCKETS_S,
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Time of one reconcile.',
  });
  const workers = new Gauge({
    ...shared,
    name: 'controller_runtime_max_concurrent_reconciles',
    help: 'Workers.',
  });
  const active = new Gauge({ ...shared, name: 'controller_runtime_active_workers', help: 'Workers that are busy.' });
  return (controller) => {
    for (const result of ['success', 'requeue_after', 'requeue', 'error']) total.inc({ controller, result }, 0);
    for (const made of [errors, terminal, panics]) made.inc({ controller }, 0);
    workers.set({ controller }, WORKERS);
    active.set({ controller }, 0);
    return {
      reconciled: (result, seconds) => {
        total.inc({ controller, result });
        time.observe({ controller }, seconds);
      },
      failed: () => errors.inc({ controller }),
      failedForGood: () => terminal.inc({ controller }),
      threw: () => panics.inc({ controller }),
      activeWorkers: (count) => active.set({ controller }, count),
    };
  };
}

function stateMetrics(
  registry: Registry,
  sources: MetricSources,
  { singular, gauge }: Pick<Kind, 'singular' | 'gauge'>,
): void {
  new Gauge({
    ...gauge,
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const counts = sources.states(singular);
      for (const state of OBJECT_STATES) this.set({ state }, counts[state]);
    },
  });
}

function ownMetrics(registry: Registry, sources: MetricSources): void {
  const registers = [registry];
  const leader = new Gauge({
    name: 'leader_election_master_status',
    help: '1 if this process leads.',
    labelNames: ['name'],
    registers,
    collect() {
      this.set({ name: 'relax-operator' }, sources.isLeader() ? 1 : 0);
    },
  });
  leader.set({ name: 'relax-operator' }, 0);
  new Gauge({
    name: 'relax_desired_complete',
    registers,
    help: '1 once the leader has reconciled every SlackBot; until then no orphaned socket is closed.',
    collect() {
      this.set(sources.isComplete() ? 1 : 0);
    },
  });
  new Gauge({
    name: 'relax_pods',
    help: 'Connector pods by state, seen by the leader.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(sources.pods())) this.set({ state }, count);
    },
  });
  new Gauge({
    name: 'relax_status_writes_waiting',
    help: 'Status writes waiting to be sent.',
    registers,
    collect() {
      this.set(sources.statusWrites().waiting);
    },
  });
  growing(registry, 'relax_status_writes_total', 'Status writes by result.', 'result', () => {
    const { written, failed } = sources.statusWrites();
    return { written, failed };
  });
  const ofWatches = (field: 'errors' | 'events') => () =>
    Object.fromEntries(sources.watches().map((watch) => [watch.resource, watch[field]]));
  growing(registry, 'relax_watch_errors_total', 'Lists and watches that failed.', 'resource', ofWatches('errors'));
  growing(registry, 'relax_watch_events_total', 'Watch events received.', 'resource', ofWatches('events'));
  new Gauge({
    name: 'relax_watch_idle_seconds',
    help: 'Seconds since the watch last showed activity.',
    labelNames: ['resource'],
    registers,
    collect() {
      for (const { resource, idleSeconds } of sources.watches()) this.set({ resource }, idleSeconds);
    },
  });
}

/** A counter that is kept elsewhere: set to what it is there. */
function growing(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: () => Record<string, number>,
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count);
    },
  });
}
