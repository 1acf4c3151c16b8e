import type { KubeObject } from '#operator/kube/object.ts';
import type { Kind } from '#operator/reconcile/kind.ts';
import type { KindReconciler, ReconcilerParts } from '#operator/reconcile/kind-controller.ts';
import { registerKind } from '#operator/reconcile/registered-kind.ts';
import { type ConditionedStatus, conditionOf, conditionsOf, hasFlipped } from '#operator/status/conditions.ts';
import type { KindObject } from '#operator/status/status-kind.ts';

/** A kind that no program serves: a lamp that shines when the Secret it names has a fuse. */
export interface Lamp extends KindObject {
  spec: { watts: number; fuseRef?: string };
  status?: LampStatus;
}

interface LampStatus extends ConditionedStatus {
  watts?: number;
}

const GROUP = 'lamps.test';
export const UNPLUG = 'lamps.test/unplug';
const CONDITIONS = ['Ready', 'Bright'] as const;

/** Its definition, as little as an API server takes. */
export const LAMP_DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `lamps.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: { plural: 'lamps', singular: 'lamp', kind: 'Lamp' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

export const lampKind: Kind<Lamp> = {
  resource: { group: GROUP, version: 'v1', plural: 'lamps', kind: 'Lamp' },
  singular: 'lamp',
  many: 'Lamps',
  finalizer: UNPLUG,
  gauge: { name: 'test_lamps', help: 'Lamps by state.' },
  parse: (object: KubeObject) => object as Lamp,
  secretKeyOf: fuseKeyOf,
  urgencyOf: (before, after) => (JSON.stringify(before) === JSON.stringify(after) ? 'none' : 'bad'),
  eventsOf: (before, after) => {
    const ready = conditionOf(after, 'Ready');
    if (ready === undefined || !hasFlipped(before, ready)) return [];
    return [{ type: 'Normal', reason: ready.reason, action: 'Switch', note: ready.message }];
  },
  statusNotRun: ({ metadata, status }, reason, nowMs, message = 'nobody runs this lamp') => {
    const history = { previous: status?.conditions ?? [], generation: metadata.generation, nowMs };
    return { conditions: conditionsOf(CONDITIONS, () => ({ status: 'Unknown', reason, message }), history), watts: 0 };
  },
  summaryOf: () => undefined,
  factsOf: ({ pods }) => [{ text: String(pods.length), concerns: () => true }],
};

class LampReconciler implements KindReconciler {
  readonly #parts: ReconcilerParts<Lamp>;

  constructor(parts: ReconcilerParts<Lamp>) {
    this.#parts = parts;
  }

  deleted(_key: string, uid: string): void {
    this.#parts.leadership()?.status.forget(uid);
    this.#parts.desired.set(uid, { kind: 'none' });
    this.#parts.onStatus(uid, undefined);
  }

  async reconcile(key: string, signal: AbortSignal): ReturnType<KindReconciler['reconcile']> {
    const { objects, ownership, desired } = this.#parts;
    const leadership = this.#parts.leadership();
    const lamp = objects.get(key);
    if (lamp === undefined || leadership === undefined) return { kind: 'done' };
    const again = { kind: 'requeueAfter', delayMs: 100 } as const;
    if (lamp.metadata.deletionTimestamp !== undefined) {
      return (await ownership.release(lamp, signal)) ? { kind: 'done' } : again;
    }
    if (!(await ownership.take(lamp, { finalizer: true, signal }))) return again;
    const status = await this.#judge(lamp, leadership.status.baseOf(lamp), signal);
    desired.set(lamp.metadata.uid, { kind: 'none' }, lamp.metadata.generation);
    leadership.status.offer(lamp, status);
    this.#parts.onStatus(lamp.metadata.uid, { object: lamp, status });
    return { kind: 'done' };
  }

  async #judge(lamp: Lamp, before: LampStatus | undefined, signal: AbortSignal): Promise<LampStatus> {
    const { secrets, planner, timers } = this.#parts;
    const { uid, generation } = lamp.metadata;
    const wanted = { uid, generation, secretKey: fuseKeyOf(lamp), valueKeys: ['amperes'] };
    const { secret } = await secrets.read(wanted, signal);
    const amperes = secret.kind === 'found' ? (secret.data.amperes ?? '') : '';
    const history = { previous: before?.conditions ?? [], generation, nowMs: timers.wallMs() };
    const judgements = {
      Ready: amperes === '' ? judgement(false, 'NoFuse', 'it has no fuse') : judgement(true, 'Fused', `${amperes} A`),
      Bright: judgement(lamp.spec.watts >= 60, 'Watts', `${lamp.spec.watts} W near ${planner.view().pods.length} pods`),
    };
    return { conditions: conditionsOf(CONDITIONS, (type) => judgements[type], history), watts: lamp.spec.watts };
  }
}

function fuseKeyOf({ metadata, spec }: Lamp): string | undefined {
  return spec.fuseRef === undefined ? undefined : `${metadata.namespace}/${spec.fuseRef}`;
}

const judgement = (holds: boolean, reason: string, message: string) => ({
  status: holds ? ('True' as const) : ('False' as const),
  reason,
  message,
});

export const lamps = registerKind(lampKind, (parts) => new LampReconciler(parts));
