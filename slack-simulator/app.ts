import { createHash } from 'node:crypto';
import { refusalOf, type TokenState, validToken } from './token-state.ts';

/** A Slack app that speaks Socket Mode. Its sockets carry the events of every workspace that it is installed in. */
export type App = {
  appID: string;
  name: string;
  /** Whether Socket Mode is switched on: if not, Slack gives out no socket URL. */
  socketMode: boolean;
  /** Whether Slack sends it events: it stops when too many deliveries fail. */
  subscribed: boolean;
};

export type AppSpec = { appID: string; appToken: string; name?: string | undefined };

/** An app-level token, which opens sockets. An app may have several. */
export type AppCredential = { token: string; appID: string; revoked: boolean };

/** A token of an app's bot somewhere. There are several where tokens rotate. */
type BotCredential = { token: string; installation: Installation } & TokenState;

/** An app in a workspace, or in a whole organisation (`isEnterpriseInstall`), with its bot there. */
export type Installation = {
  appID: string;
  teamID: string;
  teamName: string;
  botToken: string;
  botUserID: string;
  botID: string;
  enterpriseID: string | undefined;
  isEnterpriseInstall: boolean;
};

export type InstallSpec = {
  teamID: string;
  name?: string | undefined;
  botToken?: string | undefined;
  botUserID?: string | undefined;
  enterpriseID?: string | undefined;
  isEnterpriseInstall?: boolean | undefined;
};

/** All apps, their tokens and where they are installed. Plain state: closing sockets is the caller's. */
export class AppDirectory {
  readonly #apps = new Map<string, App>();
  readonly #credentials = new Map<string, AppCredential>();
  /** By app, then by team. */
  readonly #installations = new Map<string, Map<string, Installation>>();
  readonly #botCredentials = new Map<string, BotCredential>();
  readonly #byURLName = new Map<string, string>();

  add(spec: AppSpec): App {
    if (this.#apps.has(spec.appID))
      throw new Error(`app ${spec.appID} exists already: add a token to it, or remove it first`);
    const app = { appID: spec.appID, name: spec.name ?? `App ${spec.appID}`, socketMode: true, subscribed: true };
    this.#apps.set(app.appID, app);
    this.#installations.set(app.appID, new Map());
    this.#byURLName.set(urlNameOf(app.appID), app.appID);
    try {
      this.addToken(app.appID, spec.appToken);
    } catch (error) {
      this.remove(app.appID);
      throw error;
    }
    return app;
  }

  /** Forgets an app with its tokens and installations: all its tokens answer `invalid_auth` from now on. */
  remove(appID: string): void {
    this.get(appID);
    for (const { teamID } of this.installationsOf(appID)) this.uninstall(appID, teamID);
    for (const { token } of this.tokensOf(appID)) this.#credentials.delete(token);
    this.#installations.delete(appID);
    this.#byURLName.delete(urlNameOf(appID));
    this.#apps.delete(appID);
  }

  get(appID: string): App {
    const app = this.#apps.get(appID);
    if (app === undefined) throw new Error(`no app ${appID} here: add it first`);
    return app;
  }

  has(appID: string): boolean {
    return this.#apps.has(appID);
  }

  /** The app of a socket URL. */
  ofURLName(name: string): string | undefined {
    return this.#byURLName.get(name);
  }

  all(): App[] {
    return [...this.#apps.values()];
  }

  addToken(appID: string, token: string): void {
    this.get(appID);
    const held = this.#credentials.get(token);
    if (held !== undefined) throw new Error(`this token is of app ${held.appID} already`);
    this.#credentials.set(token, { token, appID, revoked: false });
  }

  revokeToken(token: string): void {
    const credential = this.#credentials.get(token);
    if (credential === undefined) throw new Error('no such app-level token here: add it to an app first');
    credential.revoked = true;
  }

  tokensOf(appID: string): AppCredential[] {
    return [...this.#credentials.values()].filter((credential) => credential.appID === appID);
  }

  credential(token: string | undefined): AppCredential | undefined {
    return token === undefined ? undefined : this.#credentials.get(token);
  }

  install(appID: string, spec: InstallSpec): Installation {
    this.get(appID);
    const teams = this.#installations.get(appID) ?? new Map<string, Installation>();
    if (teams.has(spec.teamID)) throw new Error(`app ${appID} is installed in team ${spec.teamID} already`);
    const installation = installationOf(appID, spec);
    this.#addBotToken(installation.botToken, installation);
    this.#installations.set(appID, teams.set(spec.teamID, installation));
    return installation;
  }

  /** Its bot tokens answer `invalid_auth` from now on, or the error that is given. */
  uninstall(appID: string, teamID: string, error?: string): void {
    const installation = this.#installations.get(appID)?.get(teamID);
    if (installation === undefined) throw new Error(`app ${appID} is not installed in team ${teamID}`);
    this.#installations.get(appID)?.delete(teamID);
    for (const credential of this.botCredentialsOf(installation)) {
      if (error === undefined) this.#botCredentials.delete(credential.token);
      else credential.refusal = error;
    }
  }

  /** One more token of a bot, which is `botToken` of its installation from now on; nothing if it has it already. */
  addBotToken(appID: string, teamID: string, token: string): void {
    const installation = this.#installations.get(appID)?.get(teamID);
    if (installation === undefined) throw new Error(`app ${appID} is not installed in team ${teamID}`);
    installation.botToken = token;
    if (this.#botCredentials.get(token)?.installation !== installation) this.#addBotToken(token, installation);
  }

  /** Slack answers the bot token with this error from now on. */
  refuseBotToken(token: string, error: string): void {
    this.#botCredential(token).refusal = error;
  }

  expireBotToken(token: string, atMs: number): void {
    this.#botCredential(token).expiresAtMs = atMs;
  }

  botCredentialsOf(installation: Installation): BotCredential[] {
    return [...this.#botCredentials.values()].filter((credential) => credential.installation === installation);
  }

  installationsOf(appID: string): Installation[] {
    return [...(this.#installations.get(appID)?.values() ?? [])];
  }

  /** Where an event of this team goes: the app's installation there, or that of an organisation. */
  installation(appID: string, teamID: string): Installation {
    this.get(appID);
    const found =
      this.#installations.get(appID)?.get(teamID) ??
      this.installationsOf(appID).find(({ isEnterpriseInstall }) => isEnterpriseInstall);
    if (found === undefined) throw new Error(`app ${appID} is not installed in team ${teamID}: install it first`);
    return found;
  }

  isInstalled(appID: string, teamID: string): boolean {
    return this.#installations.get(appID)?.has(teamID) === true;
  }

  installationOfToken(botToken: string | undefined): Installation | undefined {
    return botToken === undefined ? undefined : this.#botCredentials.get(botToken)?.installation;
  }

  /** What Slack says to a bot token that it knows; undefined if it is good. */
  refusalOfBotToken(botToken: string, nowMs: number): string | undefined {
    return refusalOf(this.#botCredential(botToken), nowMs);
  }

  installationOfBot(botID: string): Installation | undefined {
    return [...this.#botCredentials.values()].find(({ installation }) => installation.botID === botID)?.installation;
  }

  #addBotToken(token: string, installation: Installation): void {
    if (this.#botCredentials.has(token)) throw new Error('this bot token is of another installation already');
    this.#botCredentials.set(token, { token, installation, ...validToken() });
  }

  #botCredential(token: string): BotCredential {
    const credential = this.#botCredentials.get(token);
    if (credential === undefined) throw new Error('no such bot token here: install the app with it first');
    return credential;
  }
}

function installationOf(appID: string, spec: InstallSpec): Installation {
  const digest = digestOf(`${appID}/${spec.teamID}`);
  const own = digest.slice(0, 9).toUpperCase();
  return {
    appID,
    teamID: spec.teamID,
    teamName: spec.name ?? `Team ${spec.teamID}`,
    botToken:
      spec.botToken ??
      `xoxb-200000000001-${Number.parseInt(digest.slice(0, 9), 16) + 200_000_000_000}-${digest.slice(9, 33)}`,
    botUserID: spec.botUserID ?? `U${own}`,
    botID: `B${own}`,
    enterpriseID: spec.enterpriseID,
    isEnterpriseInstall: spec.isEnterpriseInstall ?? false,
  };
}

/** The nth (from 1) of a row of made-up apps: the same in every process, so that a driver can write its manifests. */
export function generatedApp(n: number): AppSpec & { name: string } {
  const number = String(n).padStart(6, '0');
  const appID = `A0SIM${number}`;
  return { appID, appToken: generatedAppToken(appID, 0), name: `Simulated app ${number}` };
}

/** An app-level token by its look, made from the app's id and a serial number: rotating takes the next serial. */
export function generatedAppToken(appID: string, serial: number): string {
  const digest = digestOf(`${appID}/${serial}`);
  return `xapp-1-${appID}-${Number.parseInt(digest.slice(0, 9), 16) + 200_000_000_000}-${digest}`;
}

/** The nth (from 1) team that the app of that number is installed in: no team of another app, and none with RTM. */
export const generatedInstallation = (app: number, n: number): InstallSpec & { name: string } => ({
  teamID: `T0APP${String(app).padStart(4, '0')}N${String(n).padStart(4, '0')}`,
  name: `Team ${n} of app ${app}`,
});

/** How a socket URL names the app: by a digest, as at Slack. */
export const urlNameOf = (appID: string): string => digestOf(appID);

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');
