/**
 * SlackBots, good and bad, as YAML of `spec`; slackapp-cases.ts has SlackApps. Two judges read this table: the API server with the CRD
 * (test/kube/crd.test.ts) and the reader of standalone mode (test/unit/cli/standalone/manifests/manifest.test.ts). They must agree.
 */
export interface ManifestCase {
  name: string;
  spec: string;
  /** For a bad one: the field that both must name. */
  badField?: string;
  /** For a bad one: words of the CEL rule's message, which both must say. */
  says?: string;
}

const secret = 'credentials: {secretRef: {name: acme-slack}}';
const rtm = `teamID: T024BE7LH, ${secret}`;
const app = 'teamID: T024BE7LH, transport: App';
const list = (length: number) => `[${Array.from({ length }, (_, index) => `type_${index}`).join(', ')}]`;

export const GOOD_BOTS: readonly ManifestCase[] = [
  { name: 'the smallest', spec: rtm },
  { name: 'an enterprise id', spec: `teamID: E012345, ${secret}` },
  { name: 'the longest team id', spec: `teamID: T${'A'.repeat(31)}, ${secret}` },
  { name: 'RTM in words', spec: `${rtm}, transport: RTM` },
  { name: 'SocketMode', spec: `${rtm}, transport: SocketMode` },
  { name: 'SocketMode with four replicas', spec: `${rtm}, transport: SocketMode, replicas: 4` },
  { name: 'SocketMode that waits for no answers', spec: `${rtm}, transport: SocketMode, replies: "Off"` },
  { name: 'SocketMode with delayed events', spec: `${rtm}, transport: SocketMode, delayedEvents: true` },
  { name: 'App that waits for answers', spec: `${app}, appRef: {name: a}, replies: Wait` },
  { name: 'App of another namespace', spec: `${app}, appRef: {name: a, namespace: apps-1}` },
  { name: 'urgent types', spec: `${rtm}, events: {urgent: [message_new], exclude: [other]}` },
  { name: 'a hundred types in each list', spec: `${rtm}, events: {include: ${list(100)}, urgent: ${list(100)}}` },
  { name: 'App without credentials', spec: `${app}, appRef: {name: my.app-1}` },
  { name: 'App with credentials', spec: `${app}, appRef: {name: a}, ${secret}` },
  { name: 'one replica', spec: `${rtm}, replicas: 1` },
  { name: 'ten replicas', spec: `${rtm}, replicas: 10` },
  { name: 'replicas written as a whole float', spec: `${rtm}, replicas: 2.0` },
  { name: 'replicas in YAML 1.1 octal', spec: `${rtm}, replicas: 010` },
  { name: 'suspended', spec: `${rtm}, suspend: true` },
  { name: 'suspended with YAML 1.1 yes', spec: `${rtm}, suspend: yes` },
  { name: 'suspended with YAML 1.1 on', spec: `${rtm}, suspend: on` },
  { name: 'fields that are null', spec: `${rtm}, replicas: null, transport: null, appRef: null, events: {own: null}` },
  { name: 'App with replicas null', spec: `${app}, appRef: {name: a}, replicas: null` },
  { name: 'a queue namespace', spec: `${rtm}, queueNamespace: Acme_1.x/y:z@q+w-` },
  { name: 'an empty queue namespace', spec: `${rtm}, queueNamespace: ""` },
  { name: 'a queue namespace of 128', spec: `${rtm}, queueNamespace: ${'n'.repeat(128)}` },
  { name: 'a queue namespace that looks like a date', spec: `${rtm}, queueNamespace: 2020-01-01` },
  { name: 'a queue namespace that looks like a time', spec: `${rtm}, queueNamespace: 1:30` },
  {
    name: 'filters apart',
    spec: `${rtm}, events: {include: [message_new, app_home.opened], exclude: [reaction_added], own: true}`,
  },
  { name: 'empty filters', spec: `${rtm}, events: {include: [], exclude: []}` },
  { name: 'a hundred types', spec: `${rtm}, events: {include: ${list(100)}}` },
  { name: 'a hundred types on both sides', spec: `${rtm}, events: {include: ${list(100)}, exclude: [other]}` },
  {
    name: 'all keys',
    spec: `teamID: T024BE7LH, credentials: {secretRef: {name: a}, keys: {token: a_B.c-1, appToken: b, refreshToken: c, clientID: d, clientSecret: e}}`,
  },
];

export const BAD_BOTS: readonly Required<Pick<ManifestCase, 'name' | 'spec' | 'badField'>>[] = [
  { name: 'no team', spec: secret, badField: 'spec.teamID' },
  { name: 'a team in lower case', spec: `teamID: t024be7lh, ${secret}`, badField: 'spec.teamID' },
  { name: 'a channel for a team', spec: `teamID: C024BE7LH, ${secret}`, badField: 'spec.teamID' },
  { name: 'a team too short', spec: `teamID: T0, ${secret}`, badField: 'spec.teamID' },
  { name: 'a team too long', spec: `teamID: T${'A'.repeat(32)}, ${secret}`, badField: 'spec.teamID' },
  { name: 'a team with a line end', spec: `teamID: "T024BE7LH\\n", ${secret}`, badField: 'spec.teamID' },
  { name: 'a number for a team', spec: `teamID: 12345, ${secret}`, badField: 'spec.teamID' },
  { name: 'an unknown transport', spec: `${rtm}, transport: HTTP`, badField: 'spec.transport' },
  { name: 'a transport in lower case', spec: `${rtm}, transport: rtm`, badField: 'spec.transport' },
  {
    name: 'credentials without a Secret',
    spec: 'teamID: T024BE7LH, credentials: {}',
    badField: 'spec.credentials.secretRef',
  },
  {
    name: 'a Secret without a name',
    spec: 'teamID: T024BE7LH, credentials: {secretRef: {}}',
    badField: 'spec.credentials.secretRef.name',
  },
  {
    name: 'a Secret with an empty name',
    spec: 'teamID: T024BE7LH, credentials: {secretRef: {name: ""}}',
    badField: 'spec.credentials.secretRef.name',
  },
  {
    name: 'a Secret name in capitals',
    spec: 'teamID: T024BE7LH, credentials: {secretRef: {name: Acme}}',
    badField: 'spec.credentials.secretRef.name',
  },
  {
    name: 'a Secret name of 254',
    spec: `teamID: T024BE7LH, credentials: {secretRef: {name: ${'a'.repeat(254)}}}`,
    badField: 'spec.credentials.secretRef.name',
  },
  {
    name: 'a Secret of another namespace',
    spec: 'teamID: T024BE7LH, credentials: {secretRef: {name: a, namespace: b}}',
    badField: 'spec.credentials.secretRef.namespace',
  },
  {
    name: 'a Secret key with a space',
    spec: 'teamID: T024BE7LH, credentials: {secretRef: {name: a}, keys: {token: "a b"}}',
    badField: 'spec.credentials.keys.token',
  },
  {
    name: 'an unknown key',
    spec: 'teamID: T024BE7LH, credentials: {secretRef: {name: a}, keys: {password: a}}',
    badField: 'spec.credentials.keys.password',
  },
  { name: 'no replica', spec: `${rtm}, replicas: 0`, badField: 'spec.replicas' },
  { name: 'eleven replicas', spec: `${rtm}, replicas: 11`, badField: 'spec.replicas' },
  { name: 'half a replica', spec: `${rtm}, replicas: 1.5`, badField: 'spec.replicas' },
  { name: 'replicas as text', spec: `${rtm}, replicas: "2"`, badField: 'spec.replicas' },
  { name: 'suspend as text', spec: `${rtm}, suspend: "true"`, badField: 'spec.suspend' },
  { name: 'a queue namespace with a space', spec: `${rtm}, queueNamespace: "a b"`, badField: 'spec.queueNamespace' },
  { name: 'a queue namespace with a brace', spec: `${rtm}, queueNamespace: "a{b}"`, badField: 'spec.queueNamespace' },
  {
    name: 'a queue namespace of 129',
    spec: `${rtm}, queueNamespace: ${'n'.repeat(129)}`,
    badField: 'spec.queueNamespace',
  },
  {
    name: 'a queue namespace that YAML takes for a boolean',
    spec: `${rtm}, queueNamespace: yes`,
    badField: 'spec.queueNamespace',
  },
  {
    name: 'an event type in capitals',
    spec: `${rtm}, events: {include: [Message]}`,
    badField: 'spec.events.include[0]',
  },
  {
    name: 'an event type too long',
    spec: `${rtm}, events: {exclude: [a, ${'a'.repeat(65)}]}`,
    badField: 'spec.events.exclude[1]',
  },
  { name: 'a null in a list', spec: `${rtm}, events: {include: [a, null]}`, badField: 'spec.events.include[1]' },
  { name: 'text for a list', spec: `${rtm}, events: {include: message_new}`, badField: 'spec.events.include' },
  { name: '101 types', spec: `${rtm}, events: {include: ${list(101)}}`, badField: 'spec.events.include' },
  { name: 'own as a list', spec: `${rtm}, events: {own: []}`, badField: 'spec.events.own' },
  { name: 'an unknown field', spec: `${rtm}, teamName: Acme`, badField: 'spec.teamName' },
  { name: 'an unknown field in events', spec: `${rtm}, events: {only: []}`, badField: 'spec.events.only' },
  {
    name: 'replies without quotes, which is a boolean',
    spec: `${rtm}, transport: SocketMode, replies: Off`,
    badField: 'spec.replies',
  },
  {
    name: 'replies in lower case',
    spec: `${rtm}, transport: SocketMode, replies: "off"`,
    badField: 'spec.replies',
  },
  {
    name: 'delayed events as text',
    spec: `${rtm}, transport: SocketMode, delayedEvents: "true"`,
    badField: 'spec.delayedEvents',
  },
  {
    name: 'an urgent type in capitals',
    spec: `${rtm}, events: {urgent: [Message]}`,
    badField: 'spec.events.urgent[0]',
  },
  { name: '101 urgent types', spec: `${rtm}, events: {urgent: ${list(101)}}`, badField: 'spec.events.urgent' },
  {
    name: 'an app namespace with a dot',
    spec: `${app}, appRef: {name: a, namespace: a.b}`,
    badField: 'spec.appRef.namespace',
  },
  { name: 'an app without a name', spec: `${app}, appRef: {}`, badField: 'spec.appRef.name' },
  { name: 'an app name in capitals', spec: `${app}, appRef: {name: Acme}`, badField: 'spec.appRef.name' },
];

/** One for each side of each rule over several fields; `says` is in the message of both judges. */
export const BROKEN_RULES: readonly Required<ManifestCase>[] = [
  {
    name: 'RTM without credentials',
    spec: 'teamID: T024BE7LH',
    badField: 'spec.credentials',
    says: 'credentials is required',
  },
  {
    name: 'credentials null',
    spec: 'teamID: T024BE7LH, credentials: null',
    badField: 'spec.credentials',
    says: 'credentials is required',
  },
  {
    name: 'SocketMode without credentials',
    spec: 'teamID: T024BE7LH, transport: SocketMode',
    badField: 'spec.credentials',
    says: 'credentials is required',
  },
  { name: 'App without appRef', spec: app, badField: 'spec.appRef', says: 'appRef is required' },
  {
    name: 'App with credentials but no appRef',
    spec: `${app}, ${secret}`,
    badField: 'spec.appRef',
    says: 'appRef is required',
  },
  {
    name: 'RTM with appRef',
    spec: `${rtm}, appRef: {name: a}`,
    badField: 'spec.appRef',
    says: 'appRef goes only with',
  },
  {
    name: 'SocketMode with appRef',
    spec: `${rtm}, transport: SocketMode, appRef: {name: a}`,
    badField: 'spec.appRef',
    says: 'appRef goes only with',
  },
  {
    name: 'App with replicas',
    spec: `${app}, appRef: {name: a}, replicas: 2`,
    badField: 'spec.replicas',
    says: "replicas can't be set",
  },
  {
    name: 'SocketMode with five replicas',
    spec: `${rtm}, transport: SocketMode, replicas: 5`,
    badField: 'spec.replicas',
    says: 'replicas is at most 4 with transport SocketMode',
  },
  {
    name: 'RTM with replies',
    spec: `${rtm}, replies: Wait`,
    badField: 'spec.replies',
    says: 'replies goes only with',
  },
  {
    name: 'RTM with delayed events',
    spec: `${rtm}, delayedEvents: true`,
    badField: 'spec.delayedEvents',
    says: 'delayedEvents goes only with',
  },
  {
    name: 'App with delayed events',
    spec: `${app}, appRef: {name: a}, delayedEvents: false`,
    badField: 'spec.delayedEvents',
    says: 'it is a field of the SlackApp',
  },
  {
    name: 'urgent and exclude overlapping',
    spec: `${rtm}, events: {urgent: [a, b], exclude: [c, b]}`,
    badField: 'spec.events',
    says: 'events.urgent names an event type that events.exclude',
  },
  {
    name: 'include and exclude overlapping',
    spec: `${rtm}, events: {include: [a, b], exclude: [c, b]}`,
    badField: 'spec.events',
    says: 'name the same event type',
  },
];

export const manifestOf = (spec: string, name = 'acme', namespace = 'default', kind = 'SlackBot'): string =>
  `apiVersion: relax.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {${spec}}\n`;
