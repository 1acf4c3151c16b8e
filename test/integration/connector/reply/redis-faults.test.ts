import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectTo, type TestRedis, useRedis } from '#test/support/redis-fixture.ts';
import { TcpRelay } from '#test/support/tcp-relay.ts';
import { waitFor } from '#test/support/wait.ts';
import { Application, ConnectorReplies, keys, untilReady } from './replies-fixture.ts';

const server = useRedis({ lifetime: 'test', appendOnly: true });
const redis = server.useClient();
const application = new Application(redis);
let way: TcpRelay;
let connection: TestRedis;
let a: ConnectorReplies;

beforeEach(async () => {
  way = await TcpRelay.start(server.port);
  connection = await connectTo(way, { role: 'blocking' });
  a = new ConnectorReplies('a', connection, redis);
  a.replies.start();
});
afterEach(async () => {
  await a.replies.stop();
  await way.stop();
});

const blocked = (): Promise<unknown> =>
  waitFor(async () => (await redis.info('clients')).includes('blocked_clients:1'), { what: 'a blocking read' });

describe('reading answers', () => {
  it('goes on after Redis was restarted', async () => {
    await blocked();
    await server.kill();
    await waitFor(() => a.replies.trouble);
    await server.restart();
    await untilReady(redis);
    await application.answer(a.queued('e1'), { text: 'done' });
    await a.untilAcknowledged(1);
    expect(a.acknowledged).toMatchObject([{ answer: '{"text":"done"}' }]);
    await waitFor(() => a.replies.trouble === undefined);
  });

  it('goes on elsewhere after its server became a replica while it waited', async () => {
    await blocked();
    await redis.call('REPLICAOF', '127.0.0.1', '1');
    await waitFor(() => a.replies.trouble);
    await redis.call('REPLICAOF', 'NO', 'ONE');
    await waitFor(() => a.replies.trouble === undefined);
    await application.answer(a.queued('e1'), { text: 'done' });
    await a.untilAcknowledged(1);
    expect(a.acknowledged).toMatchObject([{ answer: '{"text":"done"}' }]);
  });

  it('goes on over another connection when one vanished silently', async () => {
    await blocked();
    way.swallow();
    await waitFor(() => a.replies.trouble, { what: 'notice' });
    await waitFor(() => a.replies.trouble === undefined, { what: 'another connection' });
    await application.answer(a.queued('e1'), { text: 'done' });
    await a.untilAcknowledged(1);
  });

  it('says which right is missing, and goes on once it is granted', async () => {
    await redis.call('ACL', 'SETUSER', 'default', '-blpop');
    const trouble = await waitFor(() => a.replies.trouble);
    expect(trouble.error).toBe('Redis ACL refuses a command: blpop. Grant it: ACL SETUSER default +blpop');
    await redis.call('ACL', 'SETUSER', 'default', '+blpop');
    await waitFor(() => a.replies.trouble === undefined);
  });

  it('ends at once, whatever Redis does', async () => {
    await blocked();
    way.swallow();
    const startedAtMs = performance.now();
    await a.replies.stop();
    expect(performance.now() - startedAtMs).toBeLessThan(500);
    expect(await redis.exists(keys.replies('a'))).toBe(0);
  });
});
