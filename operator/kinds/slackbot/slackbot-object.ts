import { CREDENTIALS_LABEL, GROUP, type SlackBot, VERSION } from '../../../core/api/slackbot.ts';
import type { KubeObject, ResourcePath, ResourceScope, ResourceType } from '../../kube/object.ts';
import type { Indexers } from '../../kube/store.ts';

/** A SlackBot as the API server gives it. */
export type SlackBotObject = SlackBot & KubeObject;

export const SLACKBOTS: ResourceType = { group: GROUP, version: VERSION, plural: 'slackbots' };
export const SECRETS: ResourceType = { group: '', version: 'v1', plural: 'secrets' };
/** Secrets that their owners had watched. */
export const LABELLED = `${CREDENTIALS_LABEL}=true`;

/** One scope for all namespaces, or one for each of those that are watched. */
export const scopesOf = (resource: ResourceType, namespaces: readonly string[]): ResourceScope[] =>
  namespaces.length === 0 ? [resource] : namespaces.map((namespace) => ({ ...resource, namespace }));

export const pathOf = (bot: SlackBotObject): ResourcePath => ({
  ...SLACKBOTS,
  namespace: bot.metadata.namespace,
  name: bot.metadata.name,
});

/** Key of the Secret that a bot names; undefined with transport App, which may have none. */
export function secretKeyOf(bot: SlackBotObject): string | undefined {
  const name = bot.spec.credentials?.secretRef.name;
  return name === undefined ? undefined : `${bot.metadata.namespace}/${name}`;
}

/** `secret`: who reads this Secret. `uid`: whose slots these are. */
export const slackBotIndexers: Indexers<SlackBotObject> = {
  secret: (bot) => {
    const key = secretKeyOf(bot);
    return key === undefined ? [] : [key];
  },
  uid: (bot) => [bot.metadata.uid],
};
