import type { SlackAppSpec, SlackAppStatus } from '../../../core/api/slackapp.ts';
import type { BotView } from '../../fleet/fleet-view.ts';
import type { Claim } from '../../reconcile/rivals.ts';
import type { CredentialsVerdict } from '../credentials-verdict.ts';
import type { FleetFacts, Stop } from '../socket-conditions.ts';
import type { OwnerMetadata } from '../socket-owner.ts';
import { socketStatusOf } from '../socket-status.ts';

interface StatusInput {
  app: { metadata: Pick<OwnerMetadata, 'namespace' | 'generation'>; spec: SlackAppSpec };
  verdict: CredentialsVerdict;
  /** The SlackApp that serves the same app. */
  duplicateOf: Pick<Claim, 'namespace' | 'name'> | undefined;
  /** Undefined: the fleet has no slot and no report of it. */
  view: BotView | undefined;
  fleet: FleetFacts;
  /** SlackBots that it carries. */
  teams: number;
  previous: SlackAppStatus | undefined;
  /** Wall time. */
  nowMs: number;
}

/** Pure and idempotent: with its own result as `previous`, it returns the same status. */
export function statusOf({ app, duplicateOf, teams, ...judged }: StatusInput): SlackAppStatus {
  const { metadata, spec } = app;
  const sockets = socketStatusOf({
    ...judged,
    generation: metadata.generation,
    replicas: spec.replicas,
    isSuspended: spec.suspend === true,
    duplicate: duplicateStop(metadata.namespace, duplicateOf),
  });
  return { ...sockets, teams };
}

function duplicateStop(namespace: string, other: StatusInput['duplicateOf']): Stop {
  if (other === undefined) return undefined;
  // A tenant must not learn the names of another tenant's objects.
  const name = other.namespace === namespace ? `SlackApp ${other.name}` : 'an older SlackApp in another namespace';
  return { reason: 'DuplicateApp', message: `${name} serves the same app: delete one of the two` };
}
