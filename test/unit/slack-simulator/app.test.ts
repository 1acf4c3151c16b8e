import { beforeEach, describe, expect, it } from 'vitest';
import {
  AppDirectory,
  generatedApp,
  generatedAppToken,
  generatedInstallation,
  urlNameOf,
} from '#slack-simulator/app.ts';

let apps: AppDirectory;
beforeEach(() => {
  apps = new AppDirectory();
  apps.add({ appID: 'A1', appToken: 'xapp-1-A1-one' });
});

describe('the directory of apps', () => {
  it('takes an app, a token and an installation once', () => {
    expect(() => apps.add({ appID: 'A1', appToken: 'xapp-1-A1-two' })).toThrow('app A1 exists already');
    expect(() => apps.add({ appID: 'A2', appToken: 'xapp-1-A1-one' })).toThrow('of app A1 already');
    expect(apps.has('A2')).toBe(false);
    apps.install('A1', { teamID: 'T1', botToken: 'xoxb-1' });
    expect(() => apps.install('A1', { teamID: 'T1' })).toThrow('installed in team T1 already');
    expect(() => apps.install('A1', { teamID: 'T2', botToken: 'xoxb-1' })).toThrow('bot token');
    expect(apps.isInstalled('A1', 'T2')).toBe(false);
  });

  it('finds the installation of a team, or of the organisation that has it', () => {
    apps.install('A1', { teamID: 'T1' });
    expect(() => apps.installation('A1', 'T2')).toThrow('install it first');
    apps.install('A1', { teamID: 'T3', enterpriseID: 'E1', isEnterpriseInstall: true });
    expect(apps.installation('A1', 'T1').teamID).toBe('T1');
    expect(apps.installation('A1', 'T2')).toMatchObject({ teamID: 'T3', enterpriseID: 'E1' });
  });

  it('gives each team of each app a bot of its own', () => {
    apps.add({ appID: 'A2', appToken: 'xapp-1-A2-one' });
    const installed = [
      apps.install('A1', { teamID: 'T1' }),
      apps.install('A1', { teamID: 'T2' }),
      apps.install('A2', { teamID: 'T1' }),
    ];
    for (const field of ['botToken', 'botUserID', 'botID'] as const) {
      expect(new Set(installed.map((installation) => installation[field])).size).toBe(3);
    }
    expect(installed[0]?.botToken).toMatch(/^xoxb-\d{12}-\d{12}-[0-9a-f]{24}$/);
  });

  it('forgets an app with all that is its own', () => {
    apps.install('A1', { teamID: 'T1', botToken: 'xoxb-1' });
    apps.remove('A1');
    expect(apps.credential('xapp-1-A1-one')).toBeUndefined();
    expect(apps.installationOfToken('xoxb-1')).toBeUndefined();
    expect(apps.ofURLName(urlNameOf('A1'))).toBeUndefined();
    expect(() => apps.get('A1')).toThrow('add it first');
    apps.add({ appID: 'A1', appToken: 'xapp-1-A1-one' });
  });
});

describe('made-up apps', () => {
  it('are the same in every process, and their tokens say of which app they are', () => {
    expect(generatedApp(1)).toEqual(generatedApp(1));
    expect(generatedApp(12)).toMatchObject({
      appID: 'A0SIM000012',
      appToken: expect.stringMatching(/^xapp-1-A0SIM000012-\d{12}-[0-9a-f]{64}$/),
    });
    expect(generatedAppToken('A0SIM000012', 1)).not.toBe(generatedApp(12).appToken);
  });

  it('have teams of their own', () => {
    const ids = [1, 2].flatMap((app) => [1, 2].map((n) => generatedInstallation(app, n).teamID));
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) expect(id).toMatch(/^T[A-Z0-9]{2,}$/);
  });
});
