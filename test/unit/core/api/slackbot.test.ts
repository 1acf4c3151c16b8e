import { describe, expect, it } from 'vitest';
import {
  appRefOf,
  botName,
  replicasOf,
  secretKeysOf,
  slackBotSpecSchema,
  slackBotStatusSchema,
} from '#core/api/slackbot.ts';
import { SLACKBOT_RULES } from '#core/api/slackbot-rules.ts';
import { brokenRules, celValidationsOf } from '#core/api/spec-rule.ts';

const rtm = slackBotSpecSchema.parse({ teamID: 'T024BE7LH', credentials: { secretRef: { name: 'acme' } } });
const app = slackBotSpecSchema.parse({ teamID: 'T024BE7LH', transport: 'App', appRef: { name: 'acme' } });

describe('a SlackBot spec', () => {
  it('is RTM unless it says otherwise', () => {
    expect(rtm.transport).toBe('RTM');
  });

  it('wants two sockets unless it says otherwise, and none of its own with App', () => {
    expect([rtm, { ...rtm, replicas: 5 }, app].map(replicasOf)).toEqual([2, 5, 0]);
  });

  it('leaves replicas absent when they are not given, since App forbids them', () => {
    expect(rtm).not.toHaveProperty('replicas');
  });

  it('names the keys of its Secret, each overridable alone', () => {
    const keys = { appToken: 'xapp' };
    expect(secretKeysOf({ ...rtm, credentials: { secretRef: { name: 'acme' }, keys } })).toEqual({
      token: 'token',
      appToken: 'xapp',
      refreshToken: 'refresh-token',
      clientID: 'client-id',
      clientSecret: 'client-secret',
    });
    expect(secretKeysOf(app).token).toBe('token');
  });

  it('with App names its SlackApp, in its own namespace unless it says otherwise', () => {
    const named = (appRef: { name: string; namespace?: string }) =>
      appRefOf({ metadata: { namespace: 'bots' }, spec: { ...app, appRef } });
    expect([named({ name: 'helpdesk' }), named({ name: 'helpdesk', namespace: 'apps' })]).toEqual([
      'bots/helpdesk',
      'apps/helpdesk',
    ]);
    expect(appRefOf({ metadata: { namespace: 'bots' }, spec: rtm })).toBeUndefined();
  });

  it('read by an older program loses fields of a newer one instead of being refused', () => {
    expect(slackBotSpecSchema.parse({ ...rtm, fromTheFuture: 1 })).toEqual(rtm);
  });
});

describe('the rules over several fields', () => {
  it('are kept by good specs', () => {
    expect([
      ...brokenRules(SLACKBOT_RULES, rtm),
      ...brokenRules(SLACKBOT_RULES, app),
      ...brokenRules(SLACKBOT_RULES, rtm, rtm),
    ]).toEqual([]);
  });

  it('forbid another team for an existing bot, and say what to do instead', () => {
    const [rule, ...more] = brokenRules(SLACKBOT_RULES, { ...rtm, teamID: 'T999' }, rtm);
    expect(more).toEqual([]);
    expect(rule?.message).toMatch(/teamID is immutable.*delete this SlackBot and create a new one/);
  });

  it.each(SLACKBOT_RULES)('$name: the message names its field and the CRD carries it', ({ field, message, cel }) => {
    expect(message).toContain(field);
    expect(celValidationsOf(SLACKBOT_RULES)).toContainEqual({ rule: cel, message, fieldPath: `.${field}` });
  });
});

describe('a SlackBot status', () => {
  it('may be empty, and holds what the operator writes', () => {
    const status = {
      observedGeneration: 3,
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Live',
          message: '',
          lastTransitionTime: '2026-11-24T00:00:00Z',
          observedGeneration: 3,
        },
      ],
      connections: [{ pod: 'relax-connector-0', zone: '', since: '2026-11-24T00:00:00Z' }],
      connectionSummary: '1/2',
    };
    expect(slackBotStatusSchema.parse({})).toEqual({});
    expect(slackBotStatusSchema.parse(status)).toEqual(status);
  });
});

it('a bot is named by namespace and name', () => {
  expect(botName({ metadata: { namespace: 'bots', name: 'acme' } })).toBe('bots/acme');
});
