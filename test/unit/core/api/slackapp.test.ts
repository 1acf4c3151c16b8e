import { describe, expect, it } from 'vitest';
import { eventFilterOf } from '#core/api/event-selection.ts';
import { allowsNamespace, appTokenKeyOf, slackAppSpecSchema, unknownTeamsOf } from '#core/api/slackapp.ts';
import { SLACKAPP_RULES } from '#core/api/slackapp-rules.ts';
import { repliesOf } from '#core/api/spec-fields.ts';
import { brokenRules } from '#core/api/spec-rule.ts';

const spec = slackAppSpecSchema.parse({ appID: 'A0123456789', credentials: { secretRef: { name: 'helpdesk' } } });

describe('a SlackApp spec', () => {
  it('wants two sockets unless it says otherwise, as a value of the spec, which `kubectl scale` needs', () => {
    expect(spec.replicas).toBe(2);
  });

  it('delivers the events of teams that no SlackBot names unless it says otherwise', () => {
    expect([spec, { ...spec, unknownTeams: 'Drop' as const }].map(unknownTeamsOf)).toEqual(['deliver', 'drop']);
  });

  it('waits for answers unless it says otherwise', () => {
    expect([spec, { ...spec, replies: 'Off' as const }].map(repliesOf)).toEqual(['wait', 'off']);
  });

  it('names the key of its app-level token, which it may rename', () => {
    const keys = { appToken: 'helpdesk' };
    expect(appTokenKeyOf(spec)).toBe('app-token');
    expect(appTokenKeyOf({ ...spec, credentials: { ...spec.credentials, keys } })).toBe('helpdesk');
  });

  it('selects all events but its own messages, and names urgent types only where it has any', () => {
    expect(eventFilterOf(spec)).toEqual({ include: [], exclude: [], own: false });
    expect(eventFilterOf({ events: { urgent: [] } })).not.toHaveProperty('urgent');
    expect(eventFilterOf({ events: { urgent: ['app_mention'], own: true } })).toEqual({
      include: [],
      exclude: [],
      own: true,
      urgent: ['app_mention'],
    });
  });
});

describe('the namespaces whose SlackBots may name a SlackApp', () => {
  const allows = (allowedNamespaces: string[] | undefined, namespace: string): boolean =>
    allowsNamespace({ metadata: { namespace: 'apps' }, spec: { ...spec, allowedNamespaces } }, namespace);

  it('are its own, whatever the list says', () => {
    for (const list of [undefined, [], ['tenants']]) expect(allows(list, 'apps')).toBe(true);
  });

  it('are no others unless the list names them', () => {
    expect([undefined, [], ['tenants']].map((list) => allows(list, 'tenants'))).toEqual([false, false, true]);
  });

  it('are all with *', () => {
    expect(allows(['*'], 'tenants')).toBe(true);
  });
});

describe('the rules of a SlackApp', () => {
  it('are kept by a good spec', () => {
    expect([...brokenRules(SLACKAPP_RULES, spec), ...brokenRules(SLACKAPP_RULES, spec, spec)]).toEqual([]);
  });

  it('forbid another app for an existing object, and say what to do instead', () => {
    const [rule, ...more] = brokenRules(SLACKAPP_RULES, { ...spec, appID: 'A0OTHER' }, spec);
    expect(more).toEqual([]);
    expect(rule?.message).toMatch(/appID is immutable.*delete this SlackApp and create a new one/);
  });

  it('forbid an urgent type that is excluded', () => {
    const events = { urgent: ['message_new'], exclude: ['message_new'] };
    expect(brokenRules(SLACKAPP_RULES, { ...spec, events }).map(({ name }) => name)).toEqual([
      'urgent and exclude apart',
    ]);
  });

  it.each(SLACKAPP_RULES)('$name: the message names its field', ({ field, message }) => {
    expect(message).toContain(field);
  });
});
