import { describe, expect, it } from 'vitest';
import { introduction, type RunningSlack } from '#cli/slack/introduction.ts';

const team = (n: number) => ({ teamID: `T${n}`, tokens: [`xoxb-${n}`] });
const shown = (changes: Partial<RunningSlack> = {}): string =>
  introduction({
    url: 'http://127.0.0.1:4000/api/',
    host: '127.0.0.1',
    caFile: undefined,
    control: true,
    teams: [team(1)],
    apps: [],
    ...changes,
  });

describe('what relax slack tells its user', () => {
  it('is that it is no real Slack, where it is, whom it knows and what to set', () => {
    expect(shown()).toContain('A stand-in for Slack');
    expect(shown()).toContain('tokens are made up');
    expect(shown()).toMatch(/^ {2}T1 +xoxb-1$/m);
    expect(shown()).toMatch(/^ {2}export RELAX_SLACK_API_URL=http:\/\/127\.0\.0\.1:4000\/api\/$/m);
    expect(shown()).not.toContain('NODE_EXTRA_CA_CERTS');
  });

  it('is how to send an event, or that this needs --control', () => {
    expect(shown()).toContain(`curl -s http://127.0.0.1:4000/_control/events -d '{"teamID":"T1","text":"hello"}'`);
    expect(shown({ control: false })).toContain('With --control');
    expect(shown({ control: false })).not.toContain('curl');
  });

  it('is whom to trust, where it speaks TLS', () => {
    const text = shown({ url: 'https://127.0.0.1:4000/api/', caFile: '/cache/ca.pem' });
    expect(text).toMatch(/^ {2}export NODE_EXTRA_CA_CERTS=\/cache\/ca\.pem$/m);
    expect(text).toContain('curl -s --cacert /cache/ca.pem https://127.0.0.1:4000/_control/events');
  });

  it('is the first ten teams of many, and how many more there are', () => {
    const teams = Array.from({ length: 500 }, (_, n) => team(n + 1));
    expect(shown({ teams })).toContain('and 490 more: curl -s http://127.0.0.1:4000/_control/teams');
    expect(shown({ teams })).not.toMatch(/\bT11\b/);
    expect(shown({ teams: [] })).toContain('--teams');
  });

  it('is which apps there are, with their tokens and teams, and how to send one an event', () => {
    const installations = [{ teamID: 'T9', botToken: 'xoxb-9' }];
    const text = shown({ teams: [], apps: [{ appID: 'A1', tokens: ['xapp-1'], installations }] });
    expect(text).toMatch(/^ {2}A1 +xapp-1$/m);
    expect(text).toMatch(/^ {2}A1 +T9 +xoxb-9$/m);
    expect(text).toContain(`_control/apps/events -d '{"appID":"A1","teamID":"T9","text":"hello"}'`);
    expect(text).not.toContain('RTM sockets');
  });

  it('is how to type a slash command, and where its answer can be seen', () => {
    const apps = [{ appID: 'A1', tokens: ['xapp-1'], installations: [{ teamID: 'T9', botToken: 'xoxb-9' }] }];
    const body = '{"appID":"A1","teamID":"T9","command":"/acme","text":"hello"}';
    expect(shown({ apps })).toContain(`curl -s http://127.0.0.1:4000/_control/apps/commands -d '${body}'`);
    expect(shown({ apps })).toMatch(/^ {2}curl -s http:\/\/127\.0\.0\.1:4000\/_control\/apps\/deliveries$/m);
    expect(shown()).not.toContain('apps/commands');
  });

  it('is Socket Mode first, where there is RTM as well', () => {
    const text = shown({ apps: [{ appID: 'A1', tokens: ['xapp-1'], installations: [] }] });
    expect(text.indexOf('APP-LEVEL TOKEN')).toBeLessThan(text.indexOf('TEAM  '));
    expect(text.indexOf('_control/apps/events')).toBeLessThan(text.indexOf('_control/events'));
  });

  it.each(['0.0.0.0', '10.1.2.3', 'my-machine', '::'])('warns that others may use it at %s', (host) => {
    expect(shown({ host })).toContain('no password');
  });

  it.each(['0.0.0.0', '::'])('says what others put in place of %s, which is an address of nobody', (host) => {
    expect(shown({ host })).toContain(`in place of ${host}`);
    expect(shown({ host: '10.1.2.3' })).not.toContain('in place of');
  });

  it.each(['127.0.0.1', '127.0.0.2', '::1', 'localhost'])('warns of nothing at %s', (host) => {
    expect(shown({ host })).not.toContain('no password');
  });
});
