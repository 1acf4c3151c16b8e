import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { describeProblem, mergeManifests, parseManifests } from '#cli/standalone/manifests/manifest.ts';
import { appManifestOf, BAD_APPS, BROKEN_APP_RULES, GOOD_APPS } from '#test/support/slackapp-cases.ts';
import { BAD_BOTS, BROKEN_RULES, GOOD_BOTS, manifestOf } from '#test/support/slackbot-cases.ts';

const TOKEN = 'xoxb-1234567890-abcdefghij';
const secretOf = (fields: object, name = 'acme-slack') =>
  stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, ...fields });
const problemsOf = (text: string) => parseManifests(text, 'bots.yaml').problems.map(describeProblem);

describe('a SlackBot document', () => {
  it.each(GOOD_BOTS)('is taken with $name', ({ spec }) => {
    const { bots, problems } = parseManifests(manifestOf(spec), 'bots.yaml');
    expect(problems).toEqual([]);
    expect(bots).toHaveLength(1);
  });

  it.each([...BAD_BOTS, ...BROKEN_RULES])('is refused with $name, naming $badField', ({ spec, badField }) => {
    const { bots, problems } = parseManifests(manifestOf(spec), 'bots.yaml');
    expect(bots).toEqual([]);
    expect(problems.map((problem) => problem.field)).toContain(badField);
  });

  it.each(BROKEN_RULES)('is refused with $name, in the words of the CRD', ({ spec, says }) => {
    expect(problemsOf(manifestOf(spec)).join()).toContain(says);
  });

  it('gets the namespace default, and the transport RTM', () => {
    const text =
      'apiVersion: relax.dev/v1alpha1\nkind: SlackBot\nmetadata: {name: acme}\nspec: {teamID: T123, credentials: {secretRef: {name: a}}}';
    expect(parseManifests(text, 'f')).toEqual({
      bots: [
        {
          apiVersion: 'relax.dev/v1alpha1',
          kind: 'SlackBot',
          metadata: { name: 'acme', namespace: 'default', labels: {} },
          spec: { teamID: 'T123', transport: 'RTM', credentials: { secretRef: { name: 'a' } } },
          source: { file: 'f', document: 1 },
        },
      ],
      apps: [],
      secrets: [],
      problems: [],
    });
  });

  it('may come from `kubectl get -o yaml`, with what the server added', () => {
    const text = `apiVersion: relax.dev/v1alpha1
kind: SlackBot
metadata:
  name: acme
  namespace: bots
  uid: 6e1c
  generation: 3
  resourceVersion: "12"
  creationTimestamp: "2026-11-24T00:00:00Z"
  finalizers: [relax.dev/sockets]
  managedFields: [{manager: kubectl}]
spec: {teamID: T123, credentials: {secretRef: {name: a}}}
status: {conditions: []}
`;
    expect(parseManifests(text, 'f')).toMatchObject({ bots: [{ metadata: { namespace: 'bots' } }], problems: [] });
  });

  it.each([
    ['a name in capitals', 'name: Acme', 'metadata.name'],
    ['no name', 'namespace: bots', 'metadata.name'],
    ['a namespace with a dot', 'name: a, namespace: a.b', 'metadata.namespace'],
    ['a label that is a boolean', 'name: a, labels: {relax.dev/x: true}', 'metadata.labels["relax.dev/x"]'],
    ['an unknown field of metadata', 'name: a, label: {}', 'metadata.label'],
  ])('is refused with %s', (_, metadata, field) => {
    const text = `apiVersion: relax.dev/v1alpha1\nkind: SlackBot\nmetadata: {${metadata}}\nspec: {teamID: T123, credentials: {secretRef: {name: a}}}`;
    expect(parseManifests(text, 'f').problems.map((problem) => problem.field)).toEqual([field]);
  });

  it('has all its mistakes reported together', () => {
    const text = manifestOf('teamid: T1, replicas: 40, transport: HTTP, events: {only: 1}');
    expect(problemsOf(text)).toEqual([
      expect.stringMatching(/^bots.yaml, document 1: spec.teamid: is unknown here: known are teamID, transport, /),
      'bots.yaml, document 1: spec.events.only: is unknown here: known are include, exclude, own, urgent',
      'bots.yaml, document 1: spec.teamID: is required',
      'bots.yaml, document 1: spec.transport: must be one of RTM, SocketMode, App',
      'bots.yaml, document 1: spec.replicas: must be at most 10',
    ]);
  });
});

describe('a SlackApp document', () => {
  it.each(GOOD_APPS)('is taken with $name', ({ spec }) => {
    const { apps, problems } = parseManifests(appManifestOf(spec), 'apps.yaml');
    expect(problems).toEqual([]);
    expect(apps).toHaveLength(1);
  });

  it.each([...BAD_APPS, ...BROKEN_APP_RULES])('is refused with $name, naming $badField', ({ spec, badField }) => {
    const { apps, problems } = parseManifests(appManifestOf(spec), 'apps.yaml');
    expect(apps).toEqual([]);
    expect(problems.map((problem) => problem.field)).toContain(badField);
  });

  it.each(BROKEN_APP_RULES)('is refused with $name, in the words of the CRD', ({ spec, says }) => {
    expect(problemsOf(appManifestOf(spec)).join()).toContain(says);
  });

  it('has two replicas, and nothing else that it was not given', () => {
    const [app] = parseManifests(appManifestOf('appID: A0123456789, credentials: {secretRef: {name: a}}'), 'f').apps;
    expect(app?.spec).toEqual({ appID: 'A0123456789', credentials: { secretRef: { name: 'a' } }, replicas: 2 });
  });

  it('may have the name of a SlackBot, but not of another SlackApp', () => {
    const [app, bot] = [GOOD_APPS[0]?.spec ?? '', GOOD_BOTS[0]?.spec ?? ''];
    const text = [appManifestOf(app, 'one'), manifestOf(bot, 'one'), appManifestOf(app, 'one')].join('---\n');
    const { apps, bots, problems } = parseManifests(text, 'f');
    expect([apps.length, bots.length]).toEqual([1, 1]);
    expect(problems.map(describeProblem)).toEqual([
      'f, document 3: metadata.name: SlackApp default/one is already defined in document 1 of f: remove one, or give it another name',
    ]);
  });

  it('is told that a word which YAML takes for a boolean needs quotes', () => {
    expect(problemsOf(appManifestOf(`${GOOD_APPS[0]?.spec}, replies: Off`))).toEqual([
      expect.stringMatching(/spec\.replies: must be one of Wait, Off, in quotes: without them YAML reads/),
    ]);
  });
});

describe('a Secret document', () => {
  it('gives plain text from data and stringData, the latter winning', () => {
    const data = { token: Buffer.from(TOKEN).toString('base64'), other: Buffer.from('x').toString('base64') };
    const { secrets, problems } = parseManifests(secretOf({ data, stringData: { other: 'z' } }), 'f');
    expect(problems).toEqual([]);
    expect(secrets.map((secret) => secret.data)).toEqual([{ token: TOKEN, other: 'z' }]);
  });

  it('says how to write a token that stands under data in plain', () => {
    const [problem] = problemsOf(secretOf({ data: { token: TOKEN } }));
    expect(problem).toMatch(/data.token: must be base64.*stringData/);
  });

  it.each([
    ['a number for text', { stringData: { token: 1 } }, 'stringData.token'],
    ['a key with a space', { stringData: { 'a b': 'x' } }, 'stringData["a b"]'],
    ['a key of dots', { stringData: { '..': 'x' } }, 'stringData[".."]'],
    ['base64 without its padding', { data: { token: 'eA' } }, 'data.token'],
    ['an unknown field', { stringdata: {} }, 'stringdata'],
  ])('is refused with %s', (_, fields, field) => {
    expect(parseManifests(secretOf(fields), 'f').problems.map((problem) => problem.field)).toEqual([field]);
  });
});

describe('a file', () => {
  it('may hold many documents and lists of either kind', () => {
    const bot = {
      apiVersion: 'relax.dev/v1alpha1',
      kind: 'SlackBot',
      metadata: { name: 'b' },
      spec: { teamID: 'T123', credentials: { secretRef: { name: 's' } } },
    };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { token: TOKEN } };
    const list = { apiVersion: 'v1', kind: 'List', items: [secret, bot] };
    const bots = {
      apiVersion: 'relax.dev/v1alpha1',
      kind: 'SlackBotList',
      items: [{ ...bot, metadata: { name: 'c' } }],
    };
    const text = [manifestOf('teamID: T1', 'broken'), '# only a comment', stringify(list), JSON.stringify(bots)].join(
      '\n---\n',
    );
    const parsed = parseManifests(text, 'f');
    expect(parsed.bots.map(({ metadata, source }) => [metadata.name, source.document])).toEqual([
      ['b', 3],
      ['c', 4],
    ]);
    expect(parsed.secrets.map(({ metadata }) => metadata.name)).toEqual(['s']);
    expect(parsed.problems.map(({ document }) => document)).toEqual([1]);
  });

  it('names the item of a list that is wrong', () => {
    const text =
      'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n- {apiVersion: v1, kind: Secret, metadata: {}}';
    expect(problemsOf(text)).toEqual(['bots.yaml, document 1: items[1].metadata.name: is required']);
  });

  it.each([
    ['another kind', 'apiVersion: apps/v1\nkind: Deployment', 'kind: Deployment is not read by standalone mode'],
    ['no kind', 'apiVersion: v1', 'kind: is required: SlackBot, SlackApp or Secret'],
    [
      'an old apiVersion',
      'apiVersion: relax.dev/v1\nkind: SlackBot',
      'apiVersion: must be relax.dev/v1alpha1 for kind SlackBot',
    ],
    ['a bare text', 'hello', 'must be a mapping with apiVersion, kind and metadata'],
    ['a kind that JavaScript knows', 'apiVersion: v1\nkind: constructor', 'kind: constructor is not read'],
    ['a list that is none', 'apiVersion: v1\nkind: List\nitems: 1', 'items: must be a list'],
    ['a key twice', 'apiVersion: v1\nkind: Secret\nkind: Secret', 'is not YAML: line 3, column 1: the same key twice'],
    ['a bracket open', 'a: [1\nb: 2', 'is not YAML: line 2'],
    ['an alias to nothing', 'a: *b', 'has an alias (*name) without its anchor'],
  ])('with %s is told so', (_, text, message) => {
    expect(problemsOf(text).join()).toContain(`bots.yaml, document 1: ${message}`);
  });

  it('stops at a bomb of aliases instead of growing', () => {
    const level = (n: number) => `a${n}: &a${n} [${Array.from({ length: 10 }, () => `*a${n - 1}`).join(', ')}]`;
    const bomb = ['a0: &a0 [x, x]', ...Array.from({ length: 9 }, (_, index) => level(index + 1))].join('\n');
    expect(problemsOf(bomb).join()).toMatch(/alias/);
  });

  it('with one name twice keeps the first and reports the second', () => {
    const text = `${secretOf({})}---\n${secretOf({ stringData: { token: TOKEN } })}`;
    const { secrets, problems } = parseManifests(text, 'f');
    expect(secrets.map(({ source }) => source.document)).toEqual([1]);
    expect(problems.map(describeProblem)).toEqual([
      'f, document 2: metadata.name: Secret default/acme-slack is already defined in document 1 of f: remove one, or give it another name',
    ]);
  });

  it('next to another may hold the same name in another namespace only', () => {
    const spec = 'teamID: T123, credentials: {secretRef: {name: a}}';
    const files = [manifestOf(spec), manifestOf(spec, 'acme', 'bots'), manifestOf(spec)].map((text, index) =>
      parseManifests(text, `${index}.yaml`),
    );
    const merged = mergeManifests(files);
    expect(merged.bots.map(({ metadata }) => metadata.namespace)).toEqual(['default', 'bots']);
    expect(merged.problems).toMatchObject([{ file: '2.yaml', field: 'metadata.name' }]);
  });
});

describe('whatever is in a file', () => {
  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.string().map((text) => manifestOf(text)),
        ),
        (text) => {
          const { bots, problems } = parseManifests(text, 'f');
          expect(bots.length === 0 || problems.length === 0).toBe(true);
        },
      ),
    );
  });

  it('no problem reveals a token, wherever it is', () => {
    const places = [
      `teamID: ${TOKEN}`,
      `${TOKEN}: 1`,
      `a: [${TOKEN}`,
      `kind: ${TOKEN}`,
      `apiVersion: ${TOKEN}\nkind: Secret`,
      manifestOf(`teamID: ${TOKEN}, transport: ${TOKEN}, ${TOKEN}: 1, credentials: {secretRef: {name: ${TOKEN}_}}`),
      secretOf({ data: { token: TOKEN }, stringData: { [`${TOKEN} x`]: TOKEN, a: [TOKEN] } }),
      `${secretOf({}, `${TOKEN}`)}---\n${secretOf({}, TOKEN)}`,
    ];
    const said = places.flatMap(problemsOf);
    expect(said.length).toBeGreaterThanOrEqual(places.length);
    expect(said.join('\n')).not.toContain(TOKEN.slice(5));
  });
});
