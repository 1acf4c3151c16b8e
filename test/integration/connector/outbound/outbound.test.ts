import { describe, expect, it } from 'vitest';
import { PATIENCE_MS } from '#connector/outbound/post-verdict.ts';
import type { Sender } from '#connector/outbound/sender.ts';
import { systemTimers } from '#core/process/timers.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { burst, FakeSenders, fakeSender, inWorld, type World } from './outbound-fixture.ts';

const fixture = useRedis();
const redis = fixture.useClient();
const names = new Set<string>();
/** At the same time as the others, on a list of its own. */
function scenario(name: string, run: (world: World) => Promise<void>): void {
  names.add(name);
  const commands = `commands-${names.size}`;
  it.concurrent(name, () => inWorld(fixture, redis, commands, run));
}

describe('a message that an application sends', () => {
  scenario(
    'is posted by the bot of its team, and its result is where the application reads it',
    async ({ slack, keys, application, start }) => {
      await start('T1', 'T2');
      const blocks = [{ type: 'divider' }];
      await application.say({ id: 'm1', team: 'T2', channel: 'C1', text: 'hello', thread_ts: '1.2', blocks });
      const result = await application.final('m1');
      const [post] = slack.posts.list('T2');
      expect(result).toMatchObject({ state: 'sent', channel: 'C1', ts: post?.ts, bot: 'bots/t2' });
      expect(post).toMatchObject({ text: 'hello', threadTs: '1.2', blocks });
      expect(await redis.pttl(keys.result('m1'))).toBeGreaterThan(3_500_000);
    },
  );

  scenario(
    'goes at the speed that Slack allows, and never faster: no 429 for 20 messages to 5 channels, each in order',
    async ({ application, start, said, untilSaid, calls }) => {
      await start('T1');
      const startedAtMs = performance.now();
      await application.say(...burst('T1', 5, 4));
      await untilSaid(20);
      const tookMs = performance.now() - startedAtMs;
      expect(calls()).toEqual({ ok: 20 });
      for (let channel = 0; channel < 5; channel += 1) expect(said(`C${channel}`)).toEqual(['0', '1', '2', '3']);
      expect(tookMs).toBeGreaterThan(3_000);
      expect(tookMs).toBeLessThan(5_500);
    },
  );

  scenario(
    'is posted once and in order by three processes that serve the same bots, while one of them stops',
    async ({ keys, application, start, said, untilSaid, calls }) => {
      const [first, ...others] = await Promise.all([start('T1', 'T2'), start('T1', 'T2'), start('T1', 'T2')]);
      await application.say(...burst('T1', 5, 3), ...burst('T2', 5, 3));
      // Each process tries for every message, all the time.
      const names = ['T1', 'T2'].flatMap((team) => [0, 1, 2, 3, 4].map((channel) => `${team}/C${channel}`)).join('\n');
      const nudging = setInterval(() => void redis.publish(keys.nudge, names), 10);
      await untilSaid(12);
      await first.outbound.stop(1_000);
      await untilSaid(30);
      clearInterval(nudging);
      for (const { id } of [...burst('T1', 5, 3), ...burst('T2', 5, 3)]) {
        expect(await application.final(id)).toMatchObject({ state: 'sent' });
      }
      expect(calls()).toEqual({ ok: 30 });
      for (let channel = 0; channel < 5; channel += 1) {
        for (const team of ['T1', 'T2']) expect(said(`C${channel}`, team)).toEqual(['0', '1', '2']);
      }
      // Nobody did it all.
      expect(others.every(({ counts }) => (counts.get('sent') ?? 0) > 0)).toBe(true);
      expect(await redis.exists(keys.inbox, keys.due, keys.heads, keys.leases, keys.troubles)).toBe(0);
    },
  );

  scenario(
    'waits with all others of its token, in every process, for as long as Slack asks; another team does not',
    async ({ slack, application, start, said, calls, answer }) => {
      await Promise.all([start('T1', 'T2'), start('T1', 'T2')]);
      const limited = { kind: 'ratelimited', retryAfterSeconds: 2 } as const;
      answer(limited, { teamID: 'T1', times: 1 });
      await application.say({ team: 'T1', channel: 'C1', text: 'first', id: 'first' });
      await waitFor(() => (calls().ratelimited ?? 0) > 0, { what: 'a 429' });
      const limitedAtMs = Date.now();
      expect(await waitFor(() => application.result('first'))).toMatchObject({ state: 'queued' });
      await application.say(...['C1', 'C2', 'C3'].map((channel) => ({ team: 'T1', channel, text: channel })), {
        team: 'T2',
        channel: 'C1',
        text: 'other',
        id: 'other',
      });
      expect(await application.final('other')).toMatchObject({ state: 'sent' });
      expect(slack.posts.list('T1')).toEqual([]);
      await waitFor(() => slack.posts.list('T1').length === 4);
      for (const { atMs } of slack.posts.list('T1')) expect(atMs - limitedAtMs).toBeGreaterThan(1_900);
      expect(said('C1')).toEqual(['other', 'first', 'C1']);
      expect(calls()).toEqual({ ratelimited: 1, ok: 5 });
    },
  );

  scenario(
    'is sent again in its turn when Slack fails, and no more than twice when an answer is lost',
    async ({ application, start, said, answer }) => {
      const { counts } = await start('T1');
      answer({ kind: 'http', status: 503 }, { times: 2 });
      await application.say(...['1', '2', '3'].map((text) => ({ team: 'T1', channel: 'C1', text, id: text })));
      await application.final('3');
      expect(said()).toEqual(['1', '2', '3']);
      answer({ kind: 'answerLost' }, { times: 1 });
      await application.say({ team: 'T1', channel: 'C2', text: 'lost', id: 'lost' });
      expect(await application.final('lost')).toMatchObject({ state: 'sent' });
      expect(said('C2')).toEqual(['lost', 'lost']);
      expect(counts.get('retry')).toBe(3);
    },
  );

  scenario(
    'is handed over when the lease of a process that died ends',
    async ({ keys, application, start, startWith, said, answer }) => {
      let isDead = false;
      const after: typeof systemTimers.after = (ms, run) => systemTimers.after(ms, () => isDead || run());
      const timers = { ...systemTimers, after };
      const hung = await startWith({ senders: new FakeSenders('T1'), leaseMs: 1_000, timers });
      answer({ kind: 'hang' }, { times: 1 });
      await application.say({ team: 'T1', channel: 'C1', text: 'm', id: 'm' });
      await waitFor(() => redis.exists(keys.leases).then((there) => there === 1));
      isDead = true;
      await start('T1');
      expect(await application.final('m')).toMatchObject({ state: 'sent' });
      expect(said()).toEqual(['m']);
      expect(hung.counts.get('sent')).toBeUndefined();
      isDead = false;
    },
  );

  scenario(
    'is not handed over while Slack takes longer than the lease, and its process lives',
    async ({ keys, application, start, startWith, answer }) => {
      await startWith({ senders: new FakeSenders('T1'), leaseMs: 600, timeoutMs: 2_000 });
      answer({ kind: 'hang' }, { times: 1 });
      await application.say({ team: 'T1', channel: 'C1', text: 'm', id: 'm' });
      await waitFor(() => redis.exists(keys.leases).then((there) => there === 1));
      await start('T1');
      // Only who has asked Slack can know that it did not answer.
      const known = async () =>
        await application.result('m').then((result) => result !== undefined && 'reason' in result);
      await waitFor(known, { what: 'Slack did not answer' });
      expect(await application.final('m')).toMatchObject({ state: 'sent' });
    },
  );

  scenario('is posted at once when its bot can send, or over RTM by whoever has the socket', async (world) => {
    const { application, startWith, said, untilSaid } = world;
    const texts: string[] = [];
    const overRtm: Sender['overRtm'] = async ({ text }) => {
      texts.push(text);
      return { kind: 'sent', ts: '1.0' };
    };
    const [late, ears, mouth] = [new FakeSenders(), new FakeSenders(), new FakeSenders()];
    ears.bots.push(fakeSender('T2', { speaksRtm: true }));
    mouth.bots.push(fakeSender('T2', { speaksRtm: true, overRtm }));
    const waiting = await startWith({ senders: late });
    await Promise.all([startWith({ senders: ears }), startWith({ senders: mouth })]);
    await application.say({ team: 'T1', channel: 'C1', text: 'm', id: 'm' });
    for (const channel of ['C1', 'C2', 'C3']) {
      await application.say({ team: 'T2', channel, text: channel, via: 'rtm', id: channel });
    }
    const startedAtMs = performance.now();
    await waitFor(async () => (await application.result('m')) !== undefined);
    late.bots.push(fakeSender('T1'));
    waiting.outbound.changed();
    await untilSaid(1);
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
    expect(said()).toEqual(['m']);
    // One a second for each bot, in whatever order.
    await waitFor(() => texts.length >= 3, { timeoutMs: 4_500, what: 'the first three over RTM' });
  });

  scenario(
    'is on the dead list with the reason and the remedy, and holds up nothing',
    async ({ keys, application, start }) => {
      const { counts } = await start('T1');
      await redis.rpush(keys.commands, 'not JSON', Buffer.from([0xff, 0xfe, 0x00, 0x80]), '[]', 'x'.repeat(300_000));
      await application.say(
        { id: 'bad', team: 'T1', channel: '#general', text: 1, chanel: 'C1' },
        { id: 'good', team: 'T1', channel: 'C1', text: 'm' },
      );
      expect(await application.final('good')).toMatchObject({ state: 'sent' });
      expect(await application.final('bad')).toMatchObject({ state: 'failed', reason: 'Malformed' });
      const letters = await application.deadLetters();
      expect(letters).toHaveLength(5);
      expect(letters.every(({ id, reason }) => id !== '' && reason === 'Malformed')).toBe(true);
      expect(letters[0]).toMatchObject({ command: 'not JSON', message: expect.stringContaining('not a JSON object') });
      expect(letters[3]?.message).toContain('300000 bytes');
      expect(letters[4]).toMatchObject({ id: 'bad', command: { id: 'bad', channel: '#general' } });
      expect(letters[4]?.message).toContain('channel "#general" is refused: it must be Slack\'s id');
      expect(letters[4]?.message).toContain('"chanel" is not a field');
      expect(counts.get('refused')).toBe(5);
    },
  );

  scenario(
    'with an id that was given before is dropped, unless the first one failed',
    async ({ slack, application, start, said }) => {
      slack.posts.setChannels('T1', { C1: 'open' });
      const { counts } = await start('T1');
      const twice = { id: 'm', team: 'T1', channel: 'C1', text: 'm' };
      await application.say(twice, twice);
      await application.final('m');
      await application.say(twice, { ...twice, id: 'last', text: 'last' });
      await application.final('last');
      expect(said()).toEqual(['m', 'last']);
      expect(counts.get('duplicate')).toBe(2);

      await application.say({ id: 'again', team: 'T1', channel: 'C9', text: 'm' });
      expect(await application.final('again')).toMatchObject({ reason: 'MessageRefused', error: 'channel_not_found' });
      slack.posts.setChannels('T1', undefined);
      await application.say({ id: 'again', team: 'T1', channel: 'C9', text: 'm' });
      await waitFor(async () => (await application.result('again'))?.state === 'sent');
    },
  );

  scenario(
    'that can not be posted is on the dead list at once, with what Slack said and what to do, and those behind it go on',
    async ({ slack, application, start, calls }) => {
      slack.posts.setChannels('T1', { C1: 'open', C2: 'archived' });
      const { senders } = await start('T1');
      senders.add(fakeSender('T3', { token: undefined }));
      await application.say(
        { id: 'archived', team: 'T1', channel: 'C2', text: 'm' },
        { id: 'tokenless', bot: 'bots/t3', channel: 'C1', text: 'm' },
        { id: 'mismatch', bot: 'bots/t1', team: 'T2', channel: 'C1', text: 'm' },
        { id: 'rtm', bot: 'bots/t1', channel: 'C1', text: 'm', via: 'rtm' },
        { id: 'good', bot: 'bots/t1', channel: 'C1', text: 'm' },
      );
      expect(await application.final('good')).toMatchObject({ state: 'sent' });
      expect(await application.final('archived')).toMatchObject({ reason: 'MessageRefused', error: 'is_archived' });
      expect(await application.final('tokenless')).toMatchObject({ reason: 'NoBotToken' });
      expect(await application.final('mismatch')).toMatchObject({ reason: 'TeamMismatch' });
      expect(await application.final('rtm')).toMatchObject({ reason: 'RtmUnavailable' });
      expect((await application.deadLetters()).map(({ id }) => id).toSorted()).toEqual([
        'archived',
        'mismatch',
        'rtm',
        'tokenless',
      ]);
      expect(calls()).toEqual({ is_archived: 1, ok: 1 });
    },
  );

  scenario(
    'whose token is refused is given up once that is certain; one whose token has expired waits for the next',
    async ({ slack, application, start, answer }) => {
      const { senders, refusals } = await start('T1', 'T2');
      const refusing = (teamID: string, error: string, forMs?: number): void =>
        answer({ kind: 'error', error }, forMs === undefined ? { teamID } : { teamID, forMs });
      refusing('T1', 'token_expired');
      refusing('T2', 'invalid_auth', 2_500);
      await application.say(
        { id: 'expired', team: 'T1', channel: 'C1', text: 'm' },
        { id: 'shaky', team: 'T2', channel: 'C1', text: 'm' },
      );
      expect(await application.final('shaky')).toMatchObject({ state: 'sent' });
      await waitFor(() => refusals.length > 0);
      slack.clearFaults();
      slack.addToken('T1', 'xoxb-renewed-token');
      const [bot] = senders.bots;
      if (bot !== undefined) bot.token = 'xoxb-renewed-token';
      expect(await application.final('expired')).toMatchObject({ state: 'sent' });
      expect(refusals).toMatchObject([{ bot: 'bots/t1', refusal: { reason: 'TokenExpired', error: 'token_expired' } }]);

      refusing('T2', 'token_revoked');
      await application.say({ id: 'revoked', team: 'T2', channel: 'C1', text: 'm' });
      expect(await application.final('revoked')).toMatchObject({ reason: 'TokenRevoked', error: 'token_revoked' });
      expect(refusals[1]).toMatchObject({ bot: 'bots/t2', refusal: { reason: 'TokenRevoked' } });
    },
  );

  scenario('whose bot nobody serves waits, and is posted as soon as somebody does', async ({ application, start }) => {
    const { senders } = await start('T1');
    await application.say({ id: 'm', team: 'T2', channel: 'C1', text: 'm' });
    await waitFor(() => application.result('m'));
    senders.add(fakeSender('T2'));
    expect(await application.final('m')).toMatchObject({ state: 'sent' });
  });

  scenario('whose bot nobody serves for an hour is given up', async ({ keys, application, startWith }) => {
    let laterMs = 0;
    const timers = { ...systemTimers, monotonicMs: () => systemTimers.monotonicMs() + laterMs };
    const { senders } = await startWith({ senders: new FakeSenders('T1'), timers });
    await application.say({ id: 'm', team: 'T9', channel: 'C1', text: 'm' });
    await waitFor(() => application.result('m'));
    await redis.zincrby(keys.heads, -PATIENCE_MS, 'T9/C1');
    laterMs = 60_000;
    senders.add(fakeSender('T2'));
    expect(await application.final('m')).toMatchObject({ state: 'failed', reason: 'NotServed' });
    expect(await application.deadLetters()).toMatchObject([{ id: 'm', reason: 'NotServed' }]);
  });

  scenario('that is on its way when a connector stops is answered and marked first', async (world) => {
    const { keys, application, startWith, answer, calls } = world;
    const stopping = await startWith({ senders: new FakeSenders('T1'), timeoutMs: 700 });
    answer({ kind: 'hang' }, { times: 1 });
    await application.say(
      { id: '1', team: 'T1', channel: 'C1', text: '1' },
      { id: '2', team: 'T1', channel: 'C1', text: '2' },
    );
    await waitFor(async () => (await redis.hlen(keys.leases)) === 1);
    await stopping.outbound.stop(5_000);
    expect(await redis.exists(keys.leases)).toBe(0);
    expect(await application.result('1')).toMatchObject({ state: 'queued', error: 'timeout' });
    expect(calls().ok).toBeUndefined();
    await startWith({ senders: new FakeSenders('T1') });
    expect(await application.final('2')).toMatchObject({ state: 'sent' });
  });
});
