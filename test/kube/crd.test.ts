import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SLACKAPP_RULES } from '#core/api/slackapp-rules.ts';
import { SLACKBOT_RULES } from '#core/api/slackbot-rules.ts';
import { brokenRules } from '#core/api/spec-rule.ts';
import { KIND_DEFINITIONS } from '#scripts/crd.ts';
import { specFieldsOf, statusFieldsOf } from '#scripts/crd-reference.ts';
import { ensureNamespaces, kubectl as kubectlOf, kubeSuite } from '#test/support/kube/kube-suite.ts';
import { appManifestOf, BAD_APPS, BROKEN_APP_RULES, GOOD_APPS } from '#test/support/slackapp-cases.ts';
import { BAD_BOTS, BROKEN_RULES, GOOD_BOTS, manifestOf } from '#test/support/slackbot-cases.ts';

const crds = join(import.meta.dirname, '../../crds');
const examples = join(import.meta.dirname, '../../examples');
const SPEC = 'teamID: T024BE7LH, credentials: {secretRef: {name: acme-slack}}';

const APP = 'appID: A0123456789, credentials: {secretRef: {name: helpdesk}}';

/** What both judges are asked of each kind; the other one is test/unit/cli/standalone/manifests/manifest.test.ts. */
const CASES = [
  {
    kind: 'SlackBot',
    good: GOOD_BOTS,
    bad: BAD_BOTS,
    broken: BROKEN_RULES,
    rules: SLACKBOT_RULES,
    immutable: 'teamID is immutable',
    manifest: (spec: string) => manifestOf(spec),
  },
  {
    kind: 'SlackApp',
    good: GOOD_APPS,
    bad: BAD_APPS,
    broken: BROKEN_APP_RULES,
    rules: SLACKAPP_RULES,
    immutable: 'appID is immutable',
    manifest: (spec: string) => appManifestOf(spec),
  },
];

kubeSuite('The definitions of our kinds', (kube) => {
  const kubectl = kubectlOf(kube);

  beforeAll(async () => {
    await kubectl.must(['apply', '-f', crds]);
    const names = ['crd/slackbots.relax.dev', 'crd/slackapps.relax.dev'];
    await kubectl.must(['wait', '--for=condition=Established', ...names, '--timeout=60s']);
  });
  afterAll(() => kubectl.must(['delete', 'slackbots,slackapps', '--all', '--all-namespaces']));

  const getOf = async (kind: string, name: string) => JSON.parse(await kubectl.must(['get', kind, name, '-o', 'json']));
  const patchOf = (kind: string, name: string, body: unknown, ...more: string[]) =>
    kubectl.run(['patch', kind, name, '--type=merge', '-p', JSON.stringify(body), ...more]);
  const read = (name: string) => getOf('slackbot', name);
  const patch = (name: string, body: unknown, ...more: string[]) => patchOf('slackbot', name, body, ...more);

  describe.each(CASES)('the API server, of a $kind', ({ kind, good, bad, broken, rules, immutable, manifest }) => {
    const judge = (spec: string) => kubectl.run(['create', '--dry-run=server', '-f', '-'], manifest(spec));

    it.each(good)('takes one with $name', async ({ spec }) => {
      expect(await judge(spec)).toMatchObject({ code: 0, stderr: '' });
    });

    it.each(bad)('refuses one with $name, naming $badField', async ({ spec, badField }) => {
      const { code, stderr } = await judge(spec);
      expect(stderr).toContain(badField);
      expect(code).not.toBe(0);
    });

    it.each(broken)('refuses one with $name in the words of its rule', async ({ spec, badField, says }) => {
      const { code, stderr } = await judge(spec);
      expect(stderr).toContain(`${badField}: Invalid value`);
      expect(stderr).toContain(says);
      expect(code).not.toBe(0);
    });

    it('has every rule put to the test', () => {
      const tried = broken.map(({ says }) => rules.find(({ message }) => message.includes(says))?.name);
      expect(new Set([...tried, immutable]), kind).toEqual(new Set(rules.map(({ name }) => name)));
    });
  });

  it.each(['slackbot', 'slackapp', 'rtm', 'many'])('take examples/%s.yaml whole', async (name) => {
    await ensureNamespaces(kube, ['bots', 'helpdesk']);
    const taken = await kubectl.run(['create', '--dry-run=server', '-f', join(examples, `${name}.yaml`)]);
    expect(taken).toMatchObject({ code: 0, stderr: '' });
  });

  describe('a SlackBot on the API server', () => {
    beforeAll(() => kubectl.must(['apply', '-f', '-'], manifestOf(SPEC)));

    it('has the transport RTM, and no replicas that it was not given', async () => {
      const { spec } = await read('acme');
      expect(spec.transport).toBe('RTM');
      expect(spec).not.toHaveProperty('replicas');
    });

    it("can't change its team, and is told what to do instead", async () => {
      const { spec } = await read('acme');
      const { code, stderr } = await patch('acme', { spec: { teamID: 'T0OTHER' } });
      expect(code).not.toBe(0);
      expect(stderr).toContain(brokenRules(SLACKBOT_RULES, { ...spec, teamID: 'T0OTHER' }, spec)[0]?.message);
    });

    it('can change the rest, which raises its generation', async () => {
      const { metadata } = await read('acme');
      expect(await patch('acme', { spec: { suspend: true, replicas: 3 } })).toMatchObject({ code: 0 });
      expect((await read('acme')).metadata.generation).toBe(metadata.generation + 1);
    });

    it('can become an App and RTM again', async () => {
      const app = { transport: 'App', appRef: { name: 'acme' }, replicas: null };
      expect(await patch('acme', { spec: app })).toMatchObject({ code: 0 });
      expect(await patch('acme', { spec: { transport: 'RTM', appRef: null } })).toMatchObject({ code: 0 });
    });

    it('keeps status apart: neither of the two can be written through the other', async () => {
      const before = await read('acme');
      await patch('acme', { status: { teamName: 'Acme' } });
      expect(await read('acme')).not.toHaveProperty('status.teamName');
      await patch('acme', { spec: { suspend: true }, status: { teamName: 'Acme' } }, '--subresource=status');
      const after = await read('acme');
      expect(after.status.teamName).toBe('Acme');
      expect(after.spec).toEqual(before.spec);
      expect(after.metadata.generation).toBe(before.metadata.generation);
    });

    it('is found by its team, its short name and its category', async () => {
      await kubectl.must(
        ['apply', '-f', '-'],
        manifestOf('teamID: T0SECOND, credentials: {secretRef: {name: a}}', 'second'),
      );
      const name = ['-o', 'jsonpath={.items[*].metadata.name}'];
      expect(await kubectl.must(['get', 'sb', '--field-selector', 'spec.teamID=T0SECOND', ...name])).toBe('second');
      expect(await kubectl.must(['get', 'relax', ...name])).toBe('acme second');
    });
  });

  describe('a SlackApp on the API server', () => {
    beforeAll(() => kubectl.must(['apply', '-f', '-'], appManifestOf(APP)));
    const name = ['-o', 'jsonpath={.items[*].metadata.name}'];

    it("can't change its app, and is told what to do instead", async () => {
      const { spec } = await getOf('slackapp', 'helpdesk');
      const { code, stderr } = await patchOf('slackapp', 'helpdesk', { spec: { appID: 'A0OTHER' } });
      expect(code).not.toBe(0);
      expect(stderr).toContain(brokenRules(SLACKAPP_RULES, { ...spec, appID: 'A0OTHER' }, spec)[0]?.message);
    });

    it('is scaled by `kubectl scale`, within its bounds', async () => {
      const scale = (count: number) => kubectl.run(['scale', 'sapp/helpdesk', `--replicas=${count}`]);
      expect(await scale(3)).toMatchObject({ code: 0 });
      expect((await getOf('slackapp', 'helpdesk')).spec.replicas).toBe(3);
      expect((await scale(5)).stderr).toContain('spec.replicas');
      expect(await scale(2)).toMatchObject({ code: 0 });
    });

    it('is found by its app, its short name and the category of all kinds', async () => {
      await kubectl.must(['apply', '-f', '-'], manifestOf(SPEC, 'beside'));
      const selector = ['--field-selector', 'spec.appID=A0123456789'];
      expect(await kubectl.must(['get', 'sapp', ...selector, ...name])).toBe('helpdesk');
      expect(await kubectl.must(['get', 'relax', ...name])).toContain('helpdesk');
      await kubectl.must(['delete', 'slackbot', 'beside']);
    });

    it('has a status, which `kubectl get slackapps` and the scale show', async () => {
      expect(await kubectl.must(['get', 'slackapp', 'helpdesk'])).toMatch(
        /^NAME +APP +READY +REASON +CONNECTIONS +TEAMS +AGE\nhelpdesk +A0123456789 +\d+s\n$/,
      );
      const ready = {
        type: 'Ready',
        status: 'True',
        reason: 'Live',
        message: 'all sockets are live',
        lastTransitionTime: '2026-11-24T00:00:00Z',
        observedGeneration: 1,
      };
      const status = {
        observedGeneration: 1,
        conditions: [ready],
        desiredConnections: 2,
        liveConnections: 1,
        connectionSummary: '1/2',
        connections: [{ pod: 'relax-connector-0', zone: 'a', since: '2026-11-24T00:00:00Z' }],
        teams: 1200,
      };
      const written = await patchOf('slackapp', 'helpdesk', { status }, '--subresource=status');
      expect(written).toMatchObject({ code: 0, stderr: '' });
      expect(await kubectl.must(['get', 'slackapp', 'helpdesk'])).toMatch(
        /\nhelpdesk +A0123456789 +True +Live +1\/2 +1200 +\d+s\n$/,
      );
      const path = '/apis/relax.dev/v1alpha1/namespaces/default/slackapps/helpdesk/scale';
      expect(JSON.parse(await kubectl.must(['get', '--raw', path]))).toMatchObject({
        spec: { replicas: 2 },
        status: { replicas: 1 },
      });
    });
  });

  describe('the status of a SlackBot', () => {
    const condition = (type: string, more: object = {}) => ({
      type,
      status: 'True',
      reason: 'Live',
      message: 'all sockets are live',
      lastTransitionTime: '2026-11-24T00:00:00Z',
      observedGeneration: 1,
      ...more,
    });
    const write = (status: object) => patch('shown', { status }, '--subresource=status');

    beforeAll(() => kubectl.must(['apply', '-f', '-'], manifestOf(SPEC, 'shown')));

    it('is what `kubectl get slackbots` shows', async () => {
      expect(await kubectl.must(['get', 'slackbot', 'shown'])).toMatch(
        /^NAME +TEAM +READY +REASON +CONNECTIONS +AGE\nshown +T024BE7LH +\d+s\n$/,
      );
      const written = await write({
        observedGeneration: 1,
        conditions: [condition('Ready'), condition('Redundant', { status: 'False', reason: 'MissingReplica' })],
        desiredConnections: 2,
        liveConnections: 1,
        connectionSummary: '1/2',
        connections: [{ pod: 'relax-connector-0', zone: 'a', since: '2026-11-24T00:00:00Z' }],
        teamName: 'Acme',
        botUserID: 'U1',
      });
      expect(written).toMatchObject({ code: 0, stderr: '' });
      expect(await kubectl.must(['get', 'slackbot', 'shown'])).toMatch(/\nshown +T024BE7LH +True +Live +1\/2 +\d+s\n$/);
      expect(await kubectl.must(['get', 'slackbot', 'shown', '-o', 'wide'])).toMatch(
        /TRANSPORT +WORKSPACE +REDUNDANT +MESSAGE\n.* RTM +Acme +False +all sockets are live\n$/,
      );
    });

    it.each([
      ['one condition twice', { conditions: [condition('Ready'), condition('Ready')] }, 'Duplicate value'],
      ['a condition that is neither', { conditions: [condition('Ready', { status: 'Yes' })] }, 'supported values'],
      ['a time that is none', { conditions: [condition('Ready', { lastTransitionTime: 'noon' })] }, 'date-time'],
      ['sockets below none', { liveConnections: -1 }, 'status.liveConnections'],
    ])('is refused with %s', async (_, status, says) => {
      const { code, stderr } = await write(status);
      expect(stderr).toContain(says);
      expect(code).not.toBe(0);
    });

    it('has conditions that two writers can share, each its own type', async () => {
      const apply = (manager: string, type: string) =>
        kubectl.must(
          ['apply', '--server-side', '--subresource=status', `--field-manager=${manager}`, '-f', '-'],
          JSON.stringify({
            apiVersion: 'relax.dev/v1alpha1',
            kind: 'SlackBot',
            metadata: { name: 'second', namespace: 'default' },
            status: { conditions: [condition(type)] },
          }),
        );
      await apply('one', 'Assigned');
      await apply('two', 'Connected');
      const { status } = await read('second');
      expect(status.conditions.map(({ type }: { type: string }) => type)).toEqual(['Assigned', 'Connected']);
    });
  });

  describe('kubectl explain', () => {
    it.each(KIND_DEFINITIONS)('says of every field of a $kind what docs/crd.md says', async (definition) => {
      const api = JSON.parse(await kubectl.must(['get', '--raw', '/openapi/v3/apis/relax.dev/v1alpha1']));
      const root = api.components.schemas[`dev.relax.v1alpha1.${definition.kind}`];
      const told = ({ path }: { path: string }) =>
        path.split('.').reduce((schema, step) => {
          const [name = '', list] = step.split('[');
          const next = schema.properties[name];
          return list === undefined ? next : next.items;
        }, root)?.description as string | undefined;
      for (const field of [...specFieldsOf(definition), ...statusFieldsOf(definition)]) {
        expect(told(field), field.path).toContain(field.schema.description);
      }
    });

    it('prints the default of a key, too', async () => {
      const text = await kubectl.must(['explain', 'slackbot.spec.credentials.keys.token']);
      expect(text).toContain('Default: token.');
    });
  });
});
