import { z } from 'zod';
import { botRoutes } from './bot-control-routes.ts';
import type { Burst } from './burst.ts';
import { anyFrame, type Call, count, eventOfKind, ms, type Route } from './control-route.ts';
import { eventKinds } from './frames.ts';
import type { Simulator } from './simulator-api.ts';
import { appRoutes } from './socket-mode/app-control-routes.ts';
import { generatedToken } from './team.ts';

const status = z.number().int().min(400).max(599);

const brokenAnswer = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('error'), error: z.string().min(1) }),
  z.strictObject({ kind: z.literal('ratelimited'), retryAfterSeconds: z.number().min(0) }),
  z.strictObject({ kind: z.literal('http'), status }),
  z.strictObject({ kind: z.literal('notJson') }),
  z.strictObject({ kind: z.literal('hang') }),
  z.strictObject({ kind: z.literal('reset') }),
  z.strictObject({ kind: z.literal('answerLost'), by: z.enum(['reset', 'hang']).optional() }),
]);
const upgradeAnswer = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('http'), status }),
  z.strictObject({ kind: z.literal('hang') }),
  z.strictObject({ kind: z.literal('reset') }),
]);
const helloAnswer = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('never') }),
  z.strictObject({ kind: z.literal('late'), delayMs: ms }),
  z.strictObject({ kind: z.literal('deaf') }),
]);
const reach = {
  teamID: z.string().optional(),
  appID: z.string().optional(),
  times: count.optional(),
  forMs: ms.optional(),
};
const standingFault = z.discriminatedUnion('at', [
  z.strictObject({ ...reach, at: z.literal('method'), method: z.string().min(1), answer: brokenAnswer }),
  z.strictObject({ ...reach, at: z.literal('upgrade'), answer: upgradeAnswer }),
  z.strictObject({ ...reach, at: z.literal('hello'), answer: helloAnswer }),
]);
const socketFault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('goodbye'), closeAfterMs: ms }),
  z.strictObject({ kind: z.literal('close'), code: z.number().int(), reason: z.string().optional() }),
  z.strictObject({ kind: z.literal('teamMigration'), migrationMs: ms }),
  z.strictObject({ kind: z.literal('oversized'), bytes: count }),
  z.strictObject({ kind: z.literal('deaf'), forMs: ms.optional() }),
  z.strictObject({
    kind: z.enum(['halfOpen', 'silence', 'withholdReplies', 'drop', 'malformed', 'binary', 'unknownType', 'duplicate']),
  }),
]);
const team = z.strictObject({
  teamID: z.string().min(1),
  token: z.string().min(1),
  botUserID: z.string().optional(),
  name: z.string().optional(),
});
const frameEvent = z.strictObject({ teamID: z.string(), frame: anyFrame });
const kindEvent = z.strictObject({ teamID: z.string(), ...eventOfKind });
const burst = z.strictObject({
  events: count,
  perSecond: z.number().positive(),
  teams: z.array(z.string()).optional(),
  apps: z.array(z.string()).optional(),
  kinds: z.array(z.enum(eventKinds)).nonempty().optional(),
});

type ControlAnswer = { status: number; body: unknown };

const rotate = z.strictObject({ token: z.string().min(1).optional(), revokeOld: z.boolean().optional() });
const newToken = z.strictObject({ token: z.string().min(1), granular: z.boolean().optional() });

/** The whole control API; what is of apps is in a file of its own. A handler's value is the answer's JSON; whatever it throws is the caller's mistake (400). */
const routes: readonly Route[] = [
  { method: 'GET', path: 'stats', handle: ({ slack }) => slack.stats() },
  { method: 'GET', path: 'teams', handle: ({ slack }) => slack.teams() },
  { method: 'POST', path: 'teams', handle: ({ slack, body }) => slack.addTeam(team.parse(body)) },
  { method: 'DELETE', path: 'teams/:id', handle: ({ slack, id }) => slack.removeTeam(id) },
  {
    method: 'POST',
    path: 'teams/:id/tokens',
    handle: ({ slack, id, body }) => {
      const { token, granular } = newToken.parse(body);
      slack.addToken(id, token, { granular });
    },
  },
  { method: 'POST', path: 'teams/:id/rotate', handle: rotateToken },
  {
    method: 'POST',
    path: 'tokens/revoke',
    handle: ({ slack, body }) => slack.revokeToken(z.strictObject({ token: z.string() }).parse(body).token),
  },
  {
    method: 'POST',
    path: 'tokens/move',
    handle: ({ slack, body }) => {
      const { token, teamID } = z.strictObject({ token: z.string(), teamID: z.string() }).parse(body);
      slack.moveToken(token, teamID);
    },
  },
  {
    method: 'POST',
    path: 'events',
    handle: ({ slack, body }) => {
      if (typeof body === 'object' && body !== null && 'frame' in body) {
        const { teamID, frame } = frameEvent.parse(body);
        return { record: slack.emit(teamID, frame) };
      }
      const { teamID, kind, ...options } = kindEvent.parse(body);
      return slack.emitEvent(teamID, kind, options);
    },
  },
  {
    method: 'GET',
    path: 'events',
    handle: ({ slack, query }) => (query.get('unheard') === 'true' ? slack.unheard() : slack.events()),
  },
  { method: 'DELETE', path: 'events', handle: ({ slack }) => slack.forgetEvents() },
  {
    method: 'POST',
    path: 'bursts',
    handle: ({ slack, bursts, body }) => {
      const started = slack.startBurst(burst.parse(body));
      const id = `burst-${bursts.size + 1}`;
      bursts.set(id, started);
      return { id, ...started.state() };
    },
  },
  { method: 'GET', path: 'bursts/:id', handle: ({ bursts, id }) => burstOf(bursts, id).state() },
  { method: 'DELETE', path: 'bursts/:id', handle: ({ bursts, id }) => burstOf(bursts, id).stop() },
  { method: 'GET', path: 'sockets', handle: ({ slack, query }) => slack.sockets(query.get('team') ?? undefined) },
  {
    method: 'POST',
    path: 'sockets/fault',
    handle: ({ slack, body }) => {
      const target = {
        teamID: z.string(),
        socketID: z.string().optional(),
        count: count.optional(),
        first: z.enum(['oldest', 'newest']).optional(),
      };
      const { fault, ...chosen } = z.strictObject({ ...target, fault: socketFault }).parse(body);
      return { struck: slack.inflict(chosen, fault) };
    },
  },
  { method: 'GET', path: 'faults', handle: ({ slack }) => slack.faults() },
  {
    method: 'POST',
    path: 'faults',
    handle: ({ slack, body }) => ({ id: slack.setFault(standingFault.parse(body)) }),
  },
  { method: 'DELETE', path: 'faults', handle: ({ slack }) => slack.clearFaults() },
  {
    method: 'DELETE',
    path: 'faults/:id',
    handle: ({ slack, id }) => {
      if (!slack.clearFault(id)) throw new Error(`no fault ${id} here: it was cleared or has run out`);
    },
  },
  ...botRoutes,
  ...appRoutes,
];

/** Serves `routes`. `path` is what follows `/_control/`, with its query. */
export function createControlRoutes(
  slack: Simulator,
): (method: string, path: string, body: string) => Promise<ControlAnswer> {
  const bursts = new Map<string, Burst>();
  return async (method, path, body) => {
    const url = new URL(path, 'http://control/');
    for (const route of routes) {
      const match = route.method === method ? pattern(route.path).exec(url.pathname.slice(1)) : null;
      if (match === null) continue;
      try {
        const parsed: unknown = body === '' ? {} : JSON.parse(body);
        const { id = '', team: inTeam = '' } = match.groups ?? {};
        const named = { id: decodeURIComponent(id), team: decodeURIComponent(inTeam) };
        const value = route.handle({ slack, bursts, ...named, query: url.searchParams, body: parsed });
        return { status: 200, body: value ?? {} };
      } catch (error) {
        return { status: 400, body: { error: explain(error) } };
      }
    }
    const known = routes.map((route) => `${route.method} /_control/${route.path}`);
    return { status: 404, body: { error: `no ${method} /_control${url.pathname} in the control API`, known } };
  };
}

const pattern = (path: string): RegExp => new RegExp(`^${path.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);

/** A token that takes over from the team's present one, made up unless given. */
function rotateToken({ slack, id, body }: Call): { token: string } {
  const asked = rotate.parse(body);
  const { tokens } = slack.teams().find(({ teamID }) => teamID === id) ?? { tokens: [] };
  const token = asked.token ?? generatedToken(id, tokens.length);
  slack.addToken(id, token);
  if (asked.revokeOld !== false) for (const old of tokens) slack.revokeToken(old);
  return { token };
}

function burstOf(bursts: Map<string, Burst>, id: string): Burst {
  const found = bursts.get(id);
  if (found === undefined) throw new Error(`no burst ${id} here`);
  return found;
}

const explain = (error: unknown): string => {
  if (error instanceof z.ZodError) return z.prettifyError(error);
  return error instanceof Error ? error.message : String(error);
};
