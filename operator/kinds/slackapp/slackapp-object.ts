import { GROUP, VERSION } from '../../../core/api/api-group.ts';
import { appTokenKeyOf, type SlackApp } from '../../../core/api/slackapp.ts';
import type { KubeObject, ResourceKind } from '../../kube/object.ts';
import type { WantedSecret } from '../../reconcile/secret-reads.ts';

/** A SlackApp as the API server gives it. */
export type SlackAppObject = SlackApp & KubeObject;

export const SLACKAPPS: ResourceKind = { group: GROUP, version: VERSION, plural: 'slackapps', kind: 'SlackApp' };

export const secretKeyOf = ({ metadata, spec }: SlackAppObject): string =>
  `${metadata.namespace}/${spec.credentials.secretRef.name}`;

/** Of its Secret only the app-level token is needed. */
export function wantedSecretOf(app: SlackAppObject): WantedSecret {
  const { uid, generation } = app.metadata;
  return { uid, generation, secretKey: secretKeyOf(app), valueKeys: [appTokenKeyOf(app.spec)] };
}
