import { afterEach, describe, expect, it } from 'vitest';
import { type HttpChecks, type HttpServer, startHttpServer } from '#core/process/http-server.ts';
import { createRegistry } from '#core/process/metrics.ts';

const servers: HttpServer[] = [];
const start = async (checks: Partial<HttpChecks> = {}, port = 0): Promise<HttpServer> => {
  const registry = createRegistry('test');
  const server = await startHttpServer({ port, host: '127.0.0.1' }, { registry, notReady: () => [], ...checks });
  servers.push(server);
  return server;
};
const get = (server: HttpServer, path: string, init?: RequestInit): Promise<Response> =>
  fetch(`http://127.0.0.1:${server.port}${path}`, init);

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

describe('the http server', () => {
  it('is alive and ready without reasons against it', async () => {
    const server = await start();
    expect(await (await get(server, '/healthz')).json()).toEqual({ alive: true, reasons: [] });
    expect(await (await get(server, '/readyz')).json()).toEqual({ ready: true, reasons: [] });
    expect((await get(server, '/readyz?verbose')).status).toBe(200);
  });

  it('tells why it is not ready, as it is at that moment', async () => {
    let reasons = ['Redis is full (OOM): raise maxmemory'];
    const server = await start({ notReady: () => reasons });
    const refused = await get(server, '/readyz');
    expect(refused.status).toBe(503);
    expect(await refused.json()).toEqual({ ready: false, reasons });
    expect((await get(server, '/healthz')).status).toBe(200);
    reasons = [];
    expect((await get(server, '/readyz')).status).toBe(200);
  });

  it('serves metrics with what runs', async () => {
    const metrics = await get(await start(), '/metrics');
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await metrics.text()).toMatch(/relax_build_info\{program="test",version="[^"]+",runtime="(node|bun) /);
  });

  it('answers / as Relax did, and nothing else', async () => {
    const server = await start();
    expect(await (await get(server, '/')).text()).toBe('relax alive\n');
    expect((await get(server, '/secrets')).status).toBe(404);
    expect((await get(server, '/metrics', { method: 'POST' })).status).toBe(405);
    expect(await (await get(server, '/healthz', { method: 'HEAD' })).text()).toBe('');
  });

  it('survives a check that throws', async () => {
    const server = await start({
      notReady: () => {
        throw new Error('bug with xoxb-123456789-secret');
      },
    });
    const broken = await get(server, '/readyz');
    expect(broken.status).toBe(500);
    expect(await broken.text()).not.toContain('secret');
    expect((await get(server, '/healthz')).status).toBe(200);
  });

  it('names the port that is taken and the remedy', async () => {
    const { port } = await start();
    await expect(start({}, port)).rejects.toThrow(new RegExp(`${port} is taken.*RELAX_METRICS_PORT`));
  });

  it('stops although a client keeps its connection open', async () => {
    const server = await start();
    await (await get(server, '/')).text();
    await server.stop();
    await expect(get(server, '/')).rejects.toThrow();
  });
});
