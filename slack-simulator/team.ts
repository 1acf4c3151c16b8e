import { createHash } from 'node:crypto';
import { refusalOf, type TokenState, validToken } from './token-state.ts';

/** A workspace and the bot that is installed in it. */
export type Team = { teamID: string; name: string; domain: string; botUserID: string; botID: string; botName: string };

export type TeamSpec = {
  teamID: string;
  token: string;
  botUserID?: string | undefined;
  name?: string | undefined;
};

/** A token and the team that Slack says it is of. A granular token is a valid one that may not use RTM. */
export type Credential = { token: string; teamID: string; granular: boolean } & TokenState;

export type TokenOptions = { granular?: boolean | undefined };

export type Authentication =
  | { ok: true; team: Team; credential: Credential }
  /** `not_authed`, `invalid_auth`, `not_allowed_token_type`, or what the token's state says. */
  | { ok: false; error: string };

/** All teams and tokens that this Slack knows. Plain state: closing the sockets of a revoked token is the caller's. */
export class TeamDirectory {
  readonly #teams = new Map<string, Team>();
  readonly #credentials = new Map<string, Credential>();

  add(spec: TeamSpec): Team {
    if (this.#teams.has(spec.teamID)) {
      throw new Error(`team ${spec.teamID} exists already: add a token to it, or remove it first`);
    }
    const name = spec.name ?? `Team ${spec.teamID}`;
    const team: Team = {
      teamID: spec.teamID,
      name,
      domain: name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'),
      botUserID: spec.botUserID ?? `U${spec.teamID.slice(1)}BOT`,
      botID: `B${spec.teamID.slice(1)}`,
      botName: 'relaxbot',
    };
    this.#teams.set(team.teamID, team);
    try {
      this.addToken(team.teamID, spec.token);
    } catch (error) {
      this.#teams.delete(team.teamID);
      throw error;
    }
    return team;
  }

  /** Forgets a team with its tokens: they answer `invalid_auth` from now on. */
  remove(teamID: string): void {
    this.get(teamID);
    this.#teams.delete(teamID);
    for (const credential of this.tokensOf(teamID)) this.#credentials.delete(credential.token);
  }

  addToken(teamID: string, token: string, options: TokenOptions = {}): Credential {
    this.get(teamID);
    const held = this.#credentials.get(token);
    if (held !== undefined) throw new Error(`this token is of team ${held.teamID} already: move it instead`);
    const credential = { token, teamID, granular: options.granular ?? false, ...validToken() };
    this.#credentials.set(token, credential);
    return credential;
  }

  /** Makes a token one of another team, as when somebody pastes the wrong team's token into a Secret. */
  moveToken(token: string, teamID: string): void {
    this.get(teamID);
    this.#credential(token).teamID = teamID;
  }

  /** Slack answers the token with this error from now on. */
  refuseToken(token: string, error: string): void {
    this.#credential(token).refusal = error;
  }

  expireToken(token: string, atMs: number): void {
    this.#credential(token).expiresAtMs = atMs;
  }

  get(teamID: string): Team {
    const team = this.#teams.get(teamID);
    if (team === undefined) throw new Error(`no team ${teamID} here: add it first`);
    return team;
  }

  has(teamID: string): boolean {
    return this.#teams.has(teamID);
  }

  all(): Team[] {
    return [...this.#teams.values()];
  }

  tokensOf(teamID: string): Credential[] {
    return [...this.#credentials.values()].filter((credential) => credential.teamID === teamID);
  }

  /** The team of a token, revoked or not. */
  teamOf(token: string | undefined): string | undefined {
    return token === undefined ? undefined : this.#credentials.get(token)?.teamID;
  }

  /** What Slack says to a token that calls a method; `rtm.connect` and `rtm.start` refuse some valid ones. */
  authenticate(token: string | undefined, method: string, nowMs = Date.now()): Authentication {
    if (token === undefined || token === '') return { ok: false, error: 'not_authed' };
    if (token.startsWith('xapp-') || token.startsWith('xoxe-')) return { ok: false, error: 'not_allowed_token_type' };
    const credential = this.#credentials.get(token);
    const team = credential && this.#teams.get(credential.teamID);
    if (credential === undefined || team === undefined) return { ok: false, error: 'invalid_auth' };
    const refusal = refusalOf(credential, nowMs);
    if (refusal !== undefined) return { ok: false, error: refusal };
    if (credential.granular && method.startsWith('rtm.')) return { ok: false, error: 'not_allowed_token_type' };
    return { ok: true, team, credential };
  }

  #credential(token: string): Credential {
    const credential = this.#credentials.get(token);
    if (credential === undefined) throw new Error('no such token here: add it to a team first');
    return credential;
  }
}

/** The nth (from 1) of a row of made-up teams: the same in every process, so that a driver can write its manifests. */
export function generatedTeam(n: number): TeamSpec & { botUserID: string; name: string } {
  const number = String(n).padStart(6, '0');
  return {
    teamID: `T0SIM${number}`,
    token: generatedToken(`T0SIM${number}`, 0),
    botUserID: `U0SIM${number}`,
    name: `Simulated ${number}`,
  };
}

/** A bot token by its look, made from the team's id and a serial number: rotating takes the next serial. */
export function generatedToken(teamID: string, serial: number): string {
  const digest = createHash('sha256').update(`${teamID}/${serial}`).digest('hex');
  return `xoxb-100000000001-${BigInt(`0x${digest.slice(0, 9)}`) + 200_000_000_000n}-${digest.slice(9, 33)}`;
}
