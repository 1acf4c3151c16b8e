import { type ManifestCase, manifestOf } from './slackbot-cases.ts';

/** SlackApps, good and bad, for the same two judges as slackbot-cases.ts. */
const secret = 'credentials: {secretRef: {name: helpdesk}}';
const app = `appID: A0123456789, ${secret}`;
const namespaces = (length: number) => `[${Array.from({ length }, (_, index) => `tenant-${index}`).join(', ')}]`;

export const GOOD_APPS: readonly ManifestCase[] = [
  { name: 'the smallest', spec: app },
  { name: 'the longest app id', spec: `appID: A${'0'.repeat(31)}, ${secret}` },
  { name: 'four replicas', spec: `${app}, replicas: 4` },
  { name: 'fields that are null', spec: `${app}, replicas: null, allowedNamespaces: null, events: null` },
  { name: 'unknown teams delivered', spec: `${app}, unknownTeams: Deliver` },
  { name: 'unknown teams dropped', spec: `${app}, unknownTeams: Drop` },
  { name: 'no further namespace', spec: `${app}, allowedNamespaces: []` },
  { name: 'two namespaces', spec: `${app}, allowedNamespaces: [bots, more-bots]` },
  { name: 'all namespaces', spec: `${app}, allowedNamespaces: ["*"]` },
  { name: 'a thousand namespaces', spec: `${app}, allowedNamespaces: ${namespaces(1000)}` },
  { name: 'delayed events', spec: `${app}, delayedEvents: true` },
  { name: 'no answers', spec: `${app}, replies: "Off"` },
  { name: 'suspended', spec: `${app}, suspend: true` },
  { name: 'a queue namespace', spec: `${app}, queueNamespace: helpdesk` },
  {
    name: 'a selection of events',
    spec: `${app}, events: {include: [message_new, app_mention], exclude: [reaction_added], own: true, urgent: [app_mention]}`,
  },
  {
    name: 'a key of its own',
    spec: 'appID: A0123456789, credentials: {secretRef: {name: a}, keys: {appToken: helpdesk.app}}',
  },
];

export const BAD_APPS: readonly Required<Pick<ManifestCase, 'name' | 'spec' | 'badField'>>[] = [
  { name: 'no app', spec: secret, badField: 'spec.appID' },
  { name: 'an app in lower case', spec: `appID: a0123456789, ${secret}`, badField: 'spec.appID' },
  { name: 'a team for an app', spec: `appID: T024BE7LH, ${secret}`, badField: 'spec.appID' },
  { name: 'an app too long', spec: `appID: A${'0'.repeat(32)}, ${secret}`, badField: 'spec.appID' },
  { name: 'no credentials', spec: 'appID: A0123456789', badField: 'spec.credentials' },
  { name: 'credentials null', spec: 'appID: A0123456789, credentials: null', badField: 'spec.credentials' },
  {
    name: 'credentials without a Secret',
    spec: 'appID: A0123456789, credentials: {}',
    badField: 'spec.credentials.secretRef',
  },
  {
    name: 'a bot token, which is of one team',
    spec: 'appID: A0123456789, credentials: {secretRef: {name: a}, keys: {token: a}}',
    badField: 'spec.credentials.keys.token',
  },
  { name: 'one replica', spec: `${app}, replicas: 1`, badField: 'spec.replicas' },
  { name: 'five replicas', spec: `${app}, replicas: 5`, badField: 'spec.replicas' },
  { name: 'an unknown way with unknown teams', spec: `${app}, unknownTeams: Refuse`, badField: 'spec.unknownTeams' },
  {
    name: 'a namespace in capitals',
    spec: `${app}, allowedNamespaces: [bots, Bots]`,
    badField: 'spec.allowedNamespaces[1]',
  },
  {
    name: 'a pattern of namespaces',
    spec: `${app}, allowedNamespaces: ["team-*"]`,
    badField: 'spec.allowedNamespaces[0]',
  },
  { name: 'text for namespaces', spec: `${app}, allowedNamespaces: "*"`, badField: 'spec.allowedNamespaces' },
  {
    name: '1001 namespaces',
    spec: `${app}, allowedNamespaces: ${namespaces(1001)}`,
    badField: 'spec.allowedNamespaces',
  },
  { name: 'replies without quotes, which is a boolean', spec: `${app}, replies: Off`, badField: 'spec.replies' },
  { name: 'a team', spec: `${app}, teamID: T024BE7LH`, badField: 'spec.teamID' },
  { name: 'a transport', spec: `${app}, transport: SocketMode`, badField: 'spec.transport' },
];

export const BROKEN_APP_RULES: readonly Required<ManifestCase>[] = [
  {
    name: 'include and exclude overlapping',
    spec: `${app}, events: {include: [a, b], exclude: [c, b]}`,
    badField: 'spec.events',
    says: 'name the same event type',
  },
  {
    name: 'urgent and exclude overlapping',
    spec: `${app}, events: {urgent: [b], exclude: [c, b]}`,
    badField: 'spec.events',
    says: 'events.urgent names an event type that events.exclude',
  },
];

export const appManifestOf = (spec: string, name = 'helpdesk', namespace = 'default'): string =>
  manifestOf(spec, name, namespace, 'SlackApp');
