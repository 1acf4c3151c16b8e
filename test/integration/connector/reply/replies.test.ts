import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replyFaultKey } from '#core/protocol/keys.ts';
import { ANSWER_WITHIN_MS, REPLY_FAULT_TTL_MS } from '#core/protocol/reply.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { Application, ConnectorReplies, keys } from './replies-fixture.ts';

const server = useRedis({ emptied: true });
const redis = server.useClient();
const application = new Application(redis);
const started: ConnectorReplies[] = [];

async function connector(pod = 'a', start = true): Promise<ConnectorReplies> {
  const one = new ConnectorReplies(pod, await server.connect({ role: 'blocking' }), redis);
  started.push(one);
  if (start) one.replies.start();
  return one;
}

let a: ConnectorReplies;
beforeEach(async () => {
  a = await connector();
});
afterEach(async () => {
  for (const one of started.splice(0)) await one.replies.stop();
});

describe('an answer on the list of a connector', () => {
  it('is in the acknowledgement of its envelope', async () => {
    const reply = a.queued('e1');
    expect(reply.address).toMatchObject({ to: 'relax:{c:c1}:replies:a', id: 'e1' });
    await application.answer(reply, { text: 'done' });
    await a.untilAcknowledged(1);
    expect(a.acknowledged).toMatchObject([{ id: 'e1', answer: '{"text":"done"}' }]);
    expect(a.acknowledged[0]?.afterMs).toBeLessThan(1_000);
    expect(await redis.exists(keys.replies('a'))).toBe(0);
  });

  it('may come before Redis has told the connector that the event is queued', async () => {
    const reply = a.read('e1');
    await application.answer(reply, { text: 'done' });
    await a.untilAcknowledged(1);
    reply.settled({ kind: 'queued' });
    expect(a.acknowledged).toHaveLength(1);
  });

  it('without a payload acknowledges plainly and at once', async () => {
    const reply = a.queued('e1');
    await application.answer(reply, undefined);
    await a.untilAcknowledged(1);
    expect(a.acknowledged).toMatchObject([{ answer: 'plain' }]);
    expect([...a.counts.keys()]).toEqual(['answered', 'passed']);
  });

  it('that does not come is waited for until the deadline; then a late one goes nowhere, and its sender can read why', async () => {
    const reply = a.queued('e1');
    await a.untilAcknowledged(1);
    expect(a.acknowledged).toMatchObject([{ answer: 'plain' }]);
    const { afterMs = 0 } = a.acknowledged[0] ?? {};
    expect(afterMs).toBeGreaterThan(ANSWER_WITHIN_MS - 10);
    expect(afterMs).toBeLessThan(ANSWER_WITHIN_MS + 400);

    await application.answer(reply, { text: 'late' });
    const fault = await application.fault('e1');
    expect(fault).toMatchObject({ outcome: 'late', reason: expect.stringContaining('response_url') });
    expect(Date.parse(fault.at)).toBeGreaterThan(Date.parse(reply.address.before));
    const ttlMs = await redis.pttl(replyFaultKey('e1'));
    expect(ttlMs).toBeGreaterThan(REPLY_FAULT_TTL_MS - 10_000);
    expect(ttlMs).toBeLessThanOrEqual(REPLY_FAULT_TTL_MS);
    expect(Object.fromEntries(a.counts)).toEqual({ timeout: 1, late: 1 });
    expect(a.acknowledged).toHaveLength(1);
  });

  it('that is too large is refused with the reason, and a smaller one still makes it', async () => {
    const reply = a.queued('e1');
    await application.answer(reply, { text: 'x'.repeat(25_000) });
    expect(await application.fault('e1')).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(/250\d\d bytes.*less than 20000/),
    });
    expect(a.acknowledged).toEqual([]);
    await application.answer(reply, { text: 'short' });
    await a.untilAcknowledged(1);
    expect(a.acknowledged).toMatchObject([{ answer: '{"text":"short"}' }]);
  });

  it('of megabytes holds up no other', async () => {
    const [large, small] = [a.queued('e1'), a.queued('e2')];
    await application.answer(large, { text: 'x'.repeat(20_000_000) });
    await application.answer(small, { text: 'done' });
    await a.untilCounted('answered');
    expect(a.acknowledged).toMatchObject([{ id: 'e2' }]);
    expect(await application.fault('e1')).toMatchObject({ outcome: 'refused' });
  });

  it('to an envelope that nobody holds is unknown', async () => {
    await redis.rpush(keys.replies('a'), '{"id":"never","payload":{}}');
    expect(await application.fault('never')).toMatchObject({ outcome: 'unknown' });
  });

  it('to an envelope that takes none is refused', async () => {
    a.replies.desk.takesNone('e1');
    await redis.rpush(keys.replies('a'), '{"id":"e1","payload":{}}');
    expect(await application.fault('e1')).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('no answer'),
    });
  });

  it('given twice counts once', async () => {
    const reply = a.queued('e1');
    await application.answer(reply, { text: 'first' });
    await application.answer(reply, { text: 'second' });
    expect(await application.fault('e1')).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('one') });
    expect(a.acknowledged).toMatchObject([{ answer: '{"text":"first"}' }]);
  });

  it('that nobody can read is counted, and others are read on', async () => {
    const reply = a.queued('e1');
    await redis.rpush(keys.replies('a'), 'not JSON', '[1]', '', '{"payload":{}}');
    await application.answer(reply, { text: 'done' });
    await a.untilAcknowledged(1);
    expect(a.counts.get('malformed')).toBe(4);
  });

  it('reaches its envelope among a thousand others', async () => {
    const replies = Array.from({ length: 1_000 }, (_, n) => a.queued(`e${n}`));
    const items = replies.map(({ address }) => JSON.stringify({ id: address.id, payload: { for: address.id } }));
    await redis.rpush(keys.replies('a'), ...items.toReversed());
    await a.untilAcknowledged(1_000);
    expect(a.acknowledged.every(({ id, answer }) => answer === `{"for":"${id}"}`)).toBe(true);
    expect(Object.fromEntries(a.counts)).toEqual({ answered: 1_000, passed: 1_000 });
    expect(a.replies.waiting).toBe(0);
  });

  it('goes to the connector whose event was queued; the other, whose copy was a duplicate, acknowledges plainly', async () => {
    const b = await connector('b');
    const first = a.queued('e1');
    b.read('e1').settled({ kind: 'duplicate' });
    await application.answer(first, { text: 'done' });
    await a.untilAcknowledged(1);
    await b.untilAcknowledged(1);
    expect(a.acknowledged).toMatchObject([{ answer: '{"text":"done"}' }]);
    expect(b.acknowledged).toMatchObject([{ answer: 'plain' }]);
    expect(b.acknowledged[0]?.afterMs).toBeGreaterThan(ANSWER_WITHIN_MS - 10);
  });

  it('that was left by the last process of the pod is late, and does not delay new ones', async () => {
    const next = await connector('b', false);
    await redis.rpush(keys.replies('b'), ...Array.from({ length: 120 }, (_, n) => `{"id":"old${n}","payload":{}}`));
    const reply = next.queued('new');
    await application.answer(reply, { text: 'done' });
    next.replies.start();
    await next.untilAcknowledged(1);
    expect(Object.fromEntries(next.counts)).toEqual({ late: 120, answered: 1, passed: 1 });
    expect(await application.fault('old119')).toMatchObject({
      outcome: 'late',
      reason: expect.stringContaining('connector'),
    });
  });
});

describe('a list that is no list', () => {
  it('is named with the remedy, and read again when it is one', async () => {
    await waitFor(async () => (await redis.info('clients')).includes('blocked_clients:1'));
    // What the reader waits for may become anything: it notices at its next read.
    await redis.set(keys.replies('a'), 'text');
    const trouble = await waitFor(() => a.replies.trouble);
    expect(trouble.error).toBe('the key relax:{c:c1}:replies:a holds something else than a list: delete it');
    await redis.del(keys.replies('a'));
    await waitFor(() => a.replies.trouble === undefined);
    await application.answer(a.queued('e1'), { text: 'done' });
    await a.untilAcknowledged(1);
  });
});
