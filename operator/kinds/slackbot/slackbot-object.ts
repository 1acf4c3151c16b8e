import { GROUP, VERSION } from '../../../core/api/api-group.ts';
import type { SlackBot } from '../../../core/api/slackbot.ts';
import type { KubeObject, ResourceKind } from '../../kube/object.ts';
import type { WantedSecret } from '../../reconcile/secret-reads.ts';
import { hasOwnSockets, secretValuesOf } from './credentials.ts';

/** A SlackBot as the API server gives it. */
export type SlackBotObject = SlackBot & KubeObject;

export const SLACKBOTS: ResourceKind = { group: GROUP, version: VERSION, plural: 'slackbots', kind: 'SlackBot' };

/** Key of the Secret that a bot names; undefined if it names none, which transport App allows. */
export function secretKeyOf({ metadata, spec }: SlackBotObject): string | undefined {
  const name = spec.credentials?.secretRef.name;
  return name === undefined ? undefined : `${metadata.namespace}/${name}`;
}

/** Undefined: it needs none. */
export function wantedSecretOf(bot: SlackBotObject): WantedSecret | undefined {
  const { uid, generation } = bot.metadata;
  if (bot.spec.credentials === undefined && !hasOwnSockets(bot.spec)) return undefined;
  return { uid, generation, secretKey: secretKeyOf(bot), valueKeys: secretValuesOf(bot.spec) };
}
