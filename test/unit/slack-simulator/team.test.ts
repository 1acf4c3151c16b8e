import { describe, expect, it } from 'vitest';
import { generatedTeam, generatedToken, TeamDirectory } from '#slack-simulator/team.ts';

const directory = () => {
  const made = new TeamDirectory();
  made.add({ teamID: 'T1', token: 'xoxb-one' });
  made.add({ teamID: 'T2', token: 'xoxb-two' });
  return made;
};

describe('a token', () => {
  it.each([
    ['none', undefined, 'not_authed'],
    ['an empty one', '', 'not_authed'],
    ['an unknown one', 'xoxb-three', 'invalid_auth'],
    ['an app-level one', 'xapp-1-A1-1-abc', 'not_allowed_token_type'],
    ['a refresh one', 'xoxe-1-abc', 'not_allowed_token_type'],
  ])('%s is refused', (_, token, error) => {
    expect(directory().authenticate(token, 'rtm.connect')).toEqual({ ok: false, error });
  });

  it('of a granular app may call the Web API but not RTM', () => {
    const teams = directory();
    teams.addToken('T1', 'xoxb-granular', { granular: true });
    expect(teams.authenticate('xoxb-granular', 'rtm.connect')).toEqual({ ok: false, error: 'not_allowed_token_type' });
    expect(teams.authenticate('xoxb-granular', 'auth.test')).toMatchObject({ ok: true });
  });

  it('can be moved to another team', () => {
    const teams = directory();
    teams.moveToken('xoxb-one', 'T2');
    expect(teams.authenticate('xoxb-one', 'rtm.connect')).toMatchObject({ ok: true, team: { teamID: 'T2' } });
  });

  it('that is revoked says so, while the team lives on with another', () => {
    const teams = directory();
    teams.addToken('T1', 'xoxb-fresh');
    teams.refuseToken('xoxb-one', 'token_revoked');
    expect(teams.authenticate('xoxb-one', 'auth.test')).toEqual({ ok: false, error: 'token_revoked' });
    expect(teams.authenticate('xoxb-fresh', 'auth.test')).toMatchObject({ ok: true });
  });

  it('of a removed team is unknown', () => {
    const teams = directory();
    teams.remove('T1');
    expect(teams.authenticate('xoxb-one', 'auth.test')).toEqual({ ok: false, error: 'invalid_auth' });
  });

  it('belongs to one team only', () => {
    const teams = directory();
    expect(() => teams.add({ teamID: 'T3', token: 'xoxb-two' })).toThrow('of team T2 already');
    expect(() => teams.get('T3')).toThrow('no team T3 here');
  });
});

describe('made-up teams', () => {
  it('are the same each time, differ from each other, and look like Slack wrote them', () => {
    const teams = Array.from({ length: 500 }, (_, n) => generatedTeam(n + 1));
    expect(teams).toEqual(Array.from({ length: 500 }, (_, n) => generatedTeam(n + 1)));
    expect(new Set(teams.map(({ token }) => token)).size).toBe(500);
    for (const { teamID, token } of teams) {
      expect(teamID).toMatch(/^[TE][A-Z0-9]{2,}$/);
      expect(token).toMatch(/^xoxb-\d{12}-\d{12}-[0-9a-f]{24}$/);
    }
  });

  it('get another token with each serial', () => {
    expect(generatedToken('T1', 1)).not.toBe(generatedToken('T1', 0));
  });
});
