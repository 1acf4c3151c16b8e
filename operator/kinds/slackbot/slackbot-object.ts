import { GROUP, VERSION } from '../../../core/api/api-group.ts';
import { type SlackBot, secretKeysOf } from '../../../core/api/slackbot.ts';
import type { KubeObject, ResourceKind } from '../../kube/object.ts';
import type { WantedSecret } from '../../reconcile/secret-reads.ts';

/** A SlackBot as the API server gives it. */
export type SlackBotObject = SlackBot & KubeObject;

export const SLACKBOTS: ResourceKind = { group: GROUP, version: VERSION, plural: 'slackbots', kind: 'SlackBot' };

/** Key of the Secret that a bot names; undefined if it names none, as with transport App. */
export function secretKeyOf(bot: SlackBotObject): string | undefined {
  const name = bot.spec.credentials?.secretRef.name;
  return name === undefined ? undefined : `${bot.metadata.namespace}/${name}`;
}

/** Of its Secret only the token is needed. */
export function wantedSecretOf(bot: SlackBotObject): WantedSecret {
  const { uid, generation } = bot.metadata;
  return { uid, generation, secretKey: secretKeyOf(bot), valueKeys: [secretKeysOf(bot.spec).token] };
}
