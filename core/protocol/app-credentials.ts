import { tokenDigest, tokenKind } from './token.ts';

/** What a slot of Socket Mode connects with. */
export interface AppCredentials {
  /** App-level (xapp-...). */
  appToken: string;
  /** Of a bot of the same app (xoxb-...). Checked against the app; serves outbound messages. */
  botToken: string | undefined;
}

/** As one text, which is sealed and compared as a whole: a new bot token is new credentials. No token has a line break in it. */
export const joinCredentials = ({ appToken, botToken }: AppCredentials): string =>
  botToken === undefined ? appToken : `${appToken}\n${botToken}`;

export function splitCredentials(text: string): AppCredentials {
  const [appToken = '', botToken] = text.split('\n');
  return { appToken, botToken };
}

/** `xapp-1-A0123456789-...`: Slack puts the app's id into its app-level tokens, but does not document it. */
const APP_LEVEL = /^xapp-\d+-(A[A-Z0-9]{2,})-/;

/** The app that an app-level token is of; undefined if the token does not say. */
export const appIDOf = (appToken: string): string | undefined => APP_LEVEL.exec(appToken)?.[1];

/** Names the app among all that share its sockets and connects: its id, or else the token's digest. */
export const appNameOf = (appToken: string): string => appIDOf(appToken) ?? `~${tokenDigest(appToken)}`;

export const isAppToken = (token: string): boolean => tokenKind(token) === 'app';
