import { namespaceOf } from '../../../core/api/object-name.ts';
import { allowsNamespace, type SlackAppSpec } from '../../../core/api/slackapp.ts';
import { appRefOf } from '../../../core/api/slackbot.ts';
import type { CredentialsVerdict } from '../credentials-verdict.ts';
import type { SocketStatus } from '../socket-status.ts';
import type { BotDocument } from './socket-set.ts';

/** The part of a SlackApp that its SlackBots look at. */
export interface AppDocument {
  metadata: { uid: string; namespace: string };
  spec: SlackAppSpec;
}

/** What is known of SlackApps. */
export interface Apps {
  /** @param key `namespace/name` */
  get(key: string): AppDocument | undefined;
  /** Of the SlackApp with this key, as judged last. */
  statusOf(key: string): SocketStatus | undefined;
  /** False: SlackApps of this namespace may exist without our knowing. */
  isListed(namespace: string): boolean;
}

/** Its valid digest is the uid of the SlackApp that carries the bot; such a bot has no token. */
export function judgeAppRef(bot: BotDocument, apps: Apps): CredentialsVerdict {
  // The definition of the kind requires it.
  const key = appRefOf(bot) ?? '';
  const app = apps.get(key);
  const { namespace } = bot.metadata;
  if (app === undefined && !apps.isListed(namespaceOf(key))) {
    const message =
      `SlackApp ${key} is not known yet: not everything in its namespace could be read. If it stays so, fix the files that ` +
      'have problems, or the rights to that namespace. What the SlackBot has stays.';
    return { kind: 'unknown', reason: 'Observing', message };
  }
  if (app === undefined) {
    const message =
      `SlackApp ${key} does not exist, or the operator does not watch its namespace: create it, or correct spec.appRef. ` +
      'Until then the team of this SlackBot counts as unknown.';
    return { kind: 'invalid', reason: 'AppMissing', message };
  }
  if (!allowsNamespace(app, namespace)) {
    const message =
      `SlackApp ${key} does not admit SlackBots of namespace ${namespace}: add it to spec.allowedNamespaces of the SlackApp. ` +
      'Until then the team of this SlackBot counts as unknown.';
    return { kind: 'invalid', reason: 'AppNotAllowed', message };
  }
  return { kind: 'valid', token: '', digest: app.metadata.uid, note: '' };
}
