import { z } from 'zod';
import { generatedAppToken } from '../app.ts';
import { anyFrame, type Call, count, eventOfKind, ms, name, type Route } from '../control-route.ts';
import { disconnectReasons } from '../fault.ts';
import { interactiveKinds } from './interaction-payload.ts';

const app = z.strictObject({ appID: name, appToken: name, name: z.string().optional() });
const installation = z.strictObject({
  teamID: name,
  name: z.string().optional(),
  botToken: name.optional(),
  botUserID: name.optional(),
  enterpriseID: name.optional(),
  isEnterpriseInstall: z.boolean().optional(),
});
const rotation = z.strictObject({ token: name.optional(), revokeOld: z.boolean().optional() });

const at = { appID: z.string(), teamID: z.string() };
const anyEvent = z.strictObject({ ...at, event: anyFrame, outer: anyFrame.optional() });
const kindEvent = z.strictObject({ ...at, ...eventOfKind, outer: anyFrame.optional() });
const command = z.strictObject({
  ...at,
  command: z.string().startsWith('/').optional(),
  text: z.string().optional(),
  channel: z.string().optional(),
  user: z.string().optional(),
});
const interaction = z.strictObject({
  ...at,
  kind: z.enum(interactiveKinds),
  user: z.string().optional(),
  channel: z.string().optional(),
  callbackID: z.string().optional(),
  actionID: z.string().optional(),
  value: z.string().optional(),
  payload: anyFrame.optional(),
});
const rawEnvelope = z.strictObject({ appID: z.string(), envelope: anyFrame });

const socketFault = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('disconnect'),
    reason: z.enum(disconnectReasons),
    closeAfterMs: ms.optional(),
  }),
  z.strictObject({ kind: z.literal('ghost'), forMs: ms.optional() }),
  z.strictObject({ kind: z.literal('deaf'), forMs: ms.optional() }),
  z.strictObject({ kind: z.literal('close'), code: z.number().int(), reason: z.string().optional() }),
  z.strictObject({ kind: z.literal('oversized'), bytes: count }),
  z.strictObject({ kind: z.literal('duplicate'), over: z.enum(['same', 'other']).optional() }),
  z.strictObject({
    kind: z.enum(['halfOpen', 'silence', 'drop', 'malformed', 'malformedPayload', 'binary', 'unknownType']),
  }),
]);
const strike = z.strictObject({
  appID: z.string(),
  socketID: z.string().optional(),
  count: count.optional(),
  first: z.enum(['oldest', 'newest']).optional(),
  fault: socketFault,
});

/** The part of the control API that is of apps. */
export const appRoutes: readonly Route[] = [
  { method: 'GET', path: 'apps', handle: ({ slack }) => slack.apps.list() },
  { method: 'POST', path: 'apps', handle: ({ slack, body }) => slack.apps.add(app.parse(body)) },
  {
    method: 'POST',
    path: 'apps/tokens/revoke',
    handle: ({ slack, body }) => slack.apps.revokeToken(z.strictObject({ token: z.string() }).parse(body).token),
  },
  {
    method: 'POST',
    path: 'apps/events',
    handle: ({ slack, body }) => {
      if (typeof body === 'object' && body !== null && 'event' in body) {
        const { appID, teamID, event, outer } = anyEvent.parse(body);
        return slack.apps.emit(appID, teamID, event, outer);
      }
      const { appID, teamID, kind, ...options } = kindEvent.parse(body);
      return slack.apps.emitEvent(appID, teamID, kind, options);
    },
  },
  {
    method: 'GET',
    path: 'apps/events',
    handle: ({ slack, query }) => {
      const [appID, state] = [query.get('app'), query.get('state')];
      return slack.apps
        .events()
        .filter((record) => (appID ?? record.appID) === record.appID && (state ?? record.state) === record.state);
    },
  },
  { method: 'DELETE', path: 'apps/events', handle: ({ slack }) => slack.apps.forgetEvents() },
  {
    method: 'GET',
    path: 'apps/deliveries',
    handle: ({ slack, query }) => {
      const appID = query.get('app');
      return slack.apps.deliveries().filter((delivery) => (appID ?? delivery.appID) === delivery.appID);
    },
  },
  { method: 'GET', path: 'apps/responses', handle: ({ slack }) => slack.apps.responses() },
  {
    method: 'POST',
    path: 'apps/commands',
    handle: ({ slack, body }) => {
      const { appID, teamID, ...options } = command.parse(body);
      return slack.apps.emitCommand(appID, teamID, options);
    },
  },
  {
    method: 'POST',
    path: 'apps/interactions',
    handle: ({ slack, body }) => {
      const { appID, teamID, kind, ...options } = interaction.parse(body);
      return slack.apps.emitInteractive(appID, teamID, kind, options);
    },
  },
  {
    method: 'POST',
    path: 'apps/envelopes',
    handle: ({ slack, body }) => {
      const { appID, envelope } = rawEnvelope.parse(body);
      return slack.apps.emitEnvelope(appID, envelope);
    },
  },
  {
    method: 'GET',
    path: 'apps/sockets',
    handle: ({ slack, query }) => slack.apps.sockets(query.get('app') ?? undefined),
  },
  {
    method: 'POST',
    path: 'apps/sockets/fault',
    handle: ({ slack, body }) => {
      const { fault, ...target } = strike.parse(body);
      return { struck: slack.apps.inflict(target, fault) };
    },
  },
  { method: 'DELETE', path: 'apps/:id', handle: ({ slack, id }) => slack.apps.remove(id) },
  {
    method: 'POST',
    path: 'apps/:id/tokens',
    handle: ({ slack, id, body }) => slack.apps.addToken(id, z.strictObject({ token: name }).parse(body).token),
  },
  { method: 'POST', path: 'apps/:id/rotate', handle: rotateToken },
  {
    method: 'POST',
    path: 'apps/:id/installations',
    handle: ({ slack, id, body }) => slack.apps.install(id, installation.parse(body)),
  },
  {
    method: 'DELETE',
    path: 'apps/:id/installations/:team',
    handle: ({ slack, id, team }) => slack.apps.uninstall(id, team),
  },
  {
    method: 'POST',
    path: 'apps/:id/socket-mode',
    handle: ({ slack, id, body }) => slack.apps.setSocketMode(id, z.strictObject({ on: z.boolean() }).parse(body).on),
  },
  { method: 'POST', path: 'apps/:id/subscribe', handle: ({ slack, id }) => slack.apps.subscribe(id) },
];

/** An app-level token that takes over from the app's present ones, made up unless given. */
function rotateToken({ slack, id, body }: Call): { token: string } {
  const asked = rotation.parse(body);
  const { tokens } = slack.apps.list().find(({ appID }) => appID === id) ?? { tokens: [] };
  const token = asked.token ?? generatedAppToken(id, tokens.length);
  slack.apps.addToken(id, token);
  if (asked.revokeOld !== false) for (const old of tokens) slack.apps.revokeToken(old);
  return { token };
}
