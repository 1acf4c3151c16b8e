import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { errorText } from './log.ts';

export interface HttpSettings {
  /** 0 for any free port. */
  port: number;
  host: string;
}

export interface HttpChecks {
  registry: Pick<Registry, 'metrics' | 'contentType'>;
  /** Why this program can't do its work now, in words that an administrator can act on; empty when it is ready. */
  notReady: () => readonly string[];
  /** Problems that only a restart can fix; empty when alive. Faults of Redis, Slack or Kubernetes never belong here. */
  notAlive?: () => readonly string[];
}

export interface HttpServer {
  port: number;
  stop(): Promise<void>;
}

/**
 * Serves /healthz and /readyz (200, or 503 with `{"ready": false, "reasons": [...]}`), /metrics, and / with the same
 * answer as the Relax of 2015.
 * @throws Error naming the port and the remedy when it is taken.
 */
export async function startHttpServer(settings: HttpSettings, checks: HttpChecks): Promise<HttpServer> {
  const server = createServer((request, response) => {
    answer(request, checks).then(
      (reply) => send(request, response, reply),
      (error: unknown) => send(request, response, { status: 500, type: 'text/plain', body: errorText(error) }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new Error(listenFault(settings, cause), { cause })));
    server.listen(settings.port, settings.host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : settings.port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Reply {
  status: number;
  type: string;
  body: string;
}

async function answer(request: IncomingMessage, checks: HttpChecks): Promise<Reply> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET and HEAD');
  switch ((request.url ?? '/').split('?')[0]) {
    case '/':
      return text(200, 'relax alive');
    case '/healthz':
      return verdict('alive', checks.notAlive?.() ?? []);
    case '/readyz':
      return verdict('ready', checks.notReady());
    case '/metrics':
      return { status: 200, type: checks.registry.contentType, body: await checks.registry.metrics() };
    default:
      return text(404, 'not found: try /healthz, /readyz or /metrics');
  }
}

const text = (status: number, body: string): Reply => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
});

const verdict = (word: 'alive' | 'ready', reasons: readonly string[]): Reply => ({
  status: reasons.length === 0 ? 200 : 503,
  type: 'application/json',
  body: `${JSON.stringify({ [word]: reasons.length === 0, reasons })}\n`,
});

function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status, { 'content-type': reply.type, 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : reply.body);
}

function listenFault(settings: HttpSettings, cause: Error): string {
  const code = 'code' in cause ? String(cause.code) : cause.message;
  const where = `${settings.host} port ${settings.port}`;
  if (code === 'EADDRINUSE')
    return `${where} is taken by another process: set RELAX_METRICS_PORT (0 for any free port)`;
  if (code === 'EAFNOSUPPORT') return `${where} is not possible without IPv6: set RELAX_METRICS_HOST=0.0.0.0`;
  return `can't listen on ${where} (${code}): set RELAX_METRICS_PORT and RELAX_METRICS_HOST`;
}
