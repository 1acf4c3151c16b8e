import { GROUP, type SlackBot, VERSION } from '../../core/slackbot.ts';
import type { KubeObject, ResourcePath, ResourceType } from '../kube/object.ts';
import type { Indexers } from '../kube/store.ts';

/** A SlackBot as the API server gives it. */
export type SlackBotObject = SlackBot & KubeObject;

export const SLACKBOTS: ResourceType = { group: GROUP, version: VERSION, plural: 'slackbots' };
export const SECRETS: ResourceType = { group: '', version: 'v1', plural: 'secrets' };

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
