import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SlackBotSpec } from '#core/api/slackbot.ts';
import { teamOf } from '#core/protocol/assignment.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import type { CredentialsVerdict } from '#operator/kinds/credentials-verdict.ts';
import { OwnerRecords } from '#operator/kinds/owner-records.ts';
import { judgeCredentials } from '#operator/kinds/slackbot/credentials.ts';
import { type BotDocument, ownerOf } from '#operator/kinds/slackbot/socket-set.ts';
import { TAKEOVER_MS } from '#operator/kinds/takeover.ts';
import {
  DELETION_PATIENCE_MS,
  decide,
  decideDeletion,
  LOOK_AGAIN_MS,
  LOST_SECRET_MS,
  NEW_RECORD,
  type Situation,
} from '#operator/kinds/wanted.ts';
import { DesiredState } from '#operator/reconcile/desired-state.ts';

const SPEC: SlackBotSpec = { teamID: 'T1', transport: 'RTM', credentials: { secretRef: { name: 's' } } };
const UNREADABLE = judgeCredentials(SPEC, { kind: 'unreadable', why: 'the server is away' });
const MISSING = judgeCredentials(SPEC, { kind: 'missing' });
const withToken = (token: string): CredentialsVerdict =>
  judgeCredentials(SPEC, { kind: 'found', data: { token }, watched: true });
const [A, B] = ['xoxb-1-aaaaaaaa', 'xoxb-2-bbbbbbbb'];

/** Bots that are decided about as both shells do it, without anything around. The earlier letter is the older bot. */
class World {
  readonly bots = new Map<string, { bot: BotDocument; verdict: CredentialsVerdict; isDeleted: boolean }>();
  readonly desired = new DesiredState();
  readonly records = new OwnerRecords();
  readonly live = new Set<string>();
  nowMs = 0;

  put(uid: string, verdict: CredentialsVerdict, spec: Partial<SlackBotSpec> = {}): void {
    const before = this.bots.get(uid);
    if (before?.isDeleted === true) return;
    const creationTimestamp = `2026-11-24T00:00:00Z`;
    const generation = (before?.bot.metadata.generation ?? 0) + 1;
    const metadata = { uid, namespace: 'bots', name: uid, generation, creationTimestamp };
    this.bots.set(uid, { bot: { metadata, spec: { ...SPEC, ...spec } }, verdict, isDeleted: false });
    this.decide([uid]);
  }

  delete(uid: string): void {
    const known = this.bots.get(uid);
    if (known !== undefined) known.isDeleted = true;
    this.decide([uid]);
  }

  advance(ms: number): void {
    this.nowMs += ms;
    this.decide([...this.bots.keys()]);
  }

  /** What runs is live, and nothing else, until nothing changes any more. */
  settle(): void {
    for (const ms of [0, LOST_SECRET_MS, LOOK_AGAIN_MS, TAKEOVER_MS, LOOK_AGAIN_MS]) {
      this.live.clear();
      for (const uid of this.running()) this.live.add(uid);
      this.advance(ms);
    }
  }

  running(): string[] {
    return [...this.desired.value().bots.keys()].sort();
  }

  /** Bot -> who runs it. */
  runners(): Map<string, string[]> {
    const runners = new Map<string, string[]>();
    for (const [uid, { set }] of this.desired.value().bots) {
      const key = `${teamOf(set)} ${set.tokenDigest}`;
      runners.set(key, [...(runners.get(key) ?? []), uid]);
    }
    return runners;
  }

  /** Bots that a SlackBot with a good token claims, and that is there to stay. */
  claimed(): Set<string> {
    const claimed = new Set<string>();
    for (const { verdict, isDeleted } of this.bots.values()) {
      if (verdict.kind === 'valid' && !isDeleted) claimed.add(`T1 ${verdict.digest}`);
    }
    return claimed;
  }

  situation(uid: string): Situation | undefined {
    const known = this.bots.get(uid);
    if (known === undefined) return undefined;
    return {
      owner: ownerOf(known.bot, undefined),
      record: this.records.of(uid),
      ran: this.desired.wanted(uid),
      routed: this.desired.routed(uid),
      others: { ...this.records.others({ bots: new Map() }), isLive: (other) => this.live.has(other) },
      nowMs: this.nowMs,
    };
  }

  decide(uids: readonly string[]): void {
    const waiting = new Set(uids);
    for (const uid of waiting) {
      waiting.delete(uid);
      const [situation, known] = [this.situation(uid), this.bots.get(uid)];
      if (situation === undefined || known === undefined) continue;
      const view = { settled: true, hasOwner: this.live.has(uid) };
      const decision = known.isDeleted
        ? decideDeletion(situation, { isHeld: true, view })
        : { ...decide(situation, known.verdict), release: undefined };
      for (const other of this.records.put(uid, decision.record)) waiting.add(other);
      if (decision.want !== undefined) this.desired.set(uid, decision.want);
      if (decision.release === undefined) continue;
      this.desired.set(uid, { kind: 'none' });
      this.records.forget(uid);
      this.bots.delete(uid);
    }
  }
}

type Step =
  | { kind: 'token' | 'suspend'; uid: string; token: string }
  | { kind: 'missing' | 'unreadable' | 'delete' | 'live'; uid: string }
  | { kind: 'advance'; ms: number };

const uid = fc.constantFrom('a', 'b', 'c', 'd');
const token = fc.constantFrom(A, B);
const advance = fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 40_000 }) });
const withTokens = fc.record({ kind: fc.constantFrom('token' as const, 'token' as const), uid, token });
const gone = fc.record({ kind: fc.constantFrom('delete' as const, 'live' as const), uid });
const anyStep = fc.oneof<fc.Arbitrary<Step>[]>(
  advance,
  withTokens,
  gone,
  fc.record({ kind: fc.constant('suspend' as const), uid, token }),
  fc.record({ kind: fc.constantFrom('missing' as const, 'unreadable' as const), uid }),
);

function take(world: World, step: Step): void {
  switch (step.kind) {
    case 'token':
      world.put(step.uid, withToken(step.token));
      break;
    case 'suspend':
      world.put(step.uid, withToken(step.token), { suspend: true });
      break;
    case 'missing':
      world.put(step.uid, MISSING);
      break;
    case 'unreadable':
      world.put(step.uid, UNREADABLE);
      break;
    case 'delete':
      world.delete(step.uid);
      break;
    case 'live':
      if (world.running().includes(step.uid)) world.live.add(step.uid);
      world.advance(0);
      break;
    case 'advance':
      world.advance(step.ms);
      break;
    default:
      step satisfies never;
  }
}

describe('what is wanted of a bot', () => {
  it('is that one SlackBot runs it, once all has settled, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 25 }), (steps) => {
        const world = new World();
        for (const step of steps) take(world, step);
        world.settle();
        for (const runners of world.runners().values()) expect(runners).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });

  it('is the oldest that claims it, once all has settled and every token is known', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(advance, withTokens, gone), { maxLength: 25 }), (steps) => {
        const world = new World();
        for (const step of steps) take(world, step);
        world.settle();
        const oldest = new Map<string, string>();
        for (const [name, { verdict }] of [...world.bots].sort().reverse()) {
          if (verdict.kind === 'valid') oldest.set(`T1 ${verdict.digest}`, name);
        }
        expect(world.runners()).toEqual(new Map([...oldest].map(([key, name]) => [key, [name]])));
      }),
      { numRuns: 500 },
    );
  });

  it('never ends for a Secret that cannot be read: what ran keeps running with its token', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 25 }), uid, (steps, name) => {
        const world = new World();
        for (const step of steps) take(world, step);
        const { token: before } = world.desired.wanted(name) ?? {};
        const claim = world.records.of(name).claim;
        const isOldest =
          claim !== undefined &&
          world.records
            .others({ bots: new Map() })
            .claimsOn(claim)
            .every((other) => other.uid > name);
        fc.pre(before !== undefined && isOldest && world.bots.get(name)?.isDeleted === false);
        world.put(name, UNREADABLE, { replicas: 3 });
        world.advance(LOST_SECRET_MS * 10);
        expect(world.desired.wanted(name)).toMatchObject({ token: before, set: { replicas: 3 } });
      }),
    );
  });

  it('is that somebody runs it at every moment of a takeover', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(advance, withTokens, gone), { maxLength: 40 }), (steps) => {
        const world = new World();
        for (const step of steps) {
          const before = [...world.runners().keys()];
          take(world, step);
          const claimed = world.claimed();
          const running = [...world.runners().keys()];
          expect(running).toEqual(expect.arrayContaining(before.filter((key) => claimed.has(key))));
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['an older one comes', ['b', 'a']],
    ['it is deleted', ['a', 'b']],
  ] as const)(
    'lets the one that runs go only when the other is live, or has had its time: %s',
    (what, [first, next]) => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 2 * TAKEOVER_MS }), fc.boolean(), (ms, isLive) => {
          const world = new World();
          world.put(first, withToken(A));
          world.live.add(first);
          world.put(next, withToken(A));
          if (what === 'it is deleted') world.delete(first);
          if (isLive) world.live.add(next);
          world.advance(ms);
          expect(world.running()).toEqual(isLive || ms >= TAKEOVER_MS ? [next] : ['a', 'b']);
        }),
      );
    },
  );

  it('is the same for the same input, which stays as it was', () => {
    const verdict = fc.constantFrom(withToken(A), withToken(B), MISSING, UNREADABLE);
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 25 }), uid, verdict, (steps, name, judged) => {
        const world = new World();
        for (const step of steps) take(world, step);
        const situation = world.situation(name);
        fc.pre(situation !== undefined);
        const before = structuredClone({
          metadata: situation.owner.metadata,
          record: situation.record,
          ran: situation.ran,
        });
        const deletion = { isHeld: true, view: { settled: true, hasOwner: false } };
        expect(decide(situation, judged)).toEqual(decide(situation, judged));
        expect(decideDeletion(situation, deletion)).toEqual(decideDeletion(situation, deletion));
        expect({ metadata: situation.owner.metadata, record: situation.record, ran: situation.ran }).toEqual(before);
      }),
    );
  });
});

describe('a bot that is deleted', () => {
  const situation = (nowMs: number, record = NEW_RECORD): Situation => ({
    owner: ownerOf(
      {
        metadata: { uid: 'a', namespace: 'bots', name: 'a', generation: 3, creationTimestamp: '2026-11-24T00:00:00Z' },
        spec: SPEC,
      },
      undefined,
    ),
    record,
    ran: undefined,
    routed: undefined,
    others: { claimsOn: () => [], mayRun: () => false, isLive: () => false },
    nowMs,
  });

  it.each([
    ['its sockets were seen closed', { settled: true, hasOwner: false }, 0, 'closed'],
    ['a connector still reports one', { settled: true, hasOwner: true }, 0, undefined],
    ['nobody knows the fleet', { settled: false, hasOwner: false }, DELETION_PATIENCE_MS - 1, undefined],
    ['nobody has known the fleet for long', { settled: false, hasOwner: false }, DELETION_PATIENCE_MS, 'late'],
  ] as const)('is stopped at once, and its finalizer removed or not: %s', (_, view, nowMs, release) => {
    const record = { ...NEW_RECORD, deletedAtMs: 0 };
    expect(decideDeletion(situation(nowMs, record), { isHeld: true, view })).toMatchObject({
      want: { kind: 'stop', why: 'deleted', generation: 3 },
      release,
    });
  });

  it('claims nothing any more', () => {
    const claim = { ...situation(0).owner.metadata, kind: 'SlackBot', rank: 1, keys: [tokenDigest(A)], mayRun: true };
    const view = { settled: true, hasOwner: false };
    const { record } = decideDeletion(situation(0, { ...NEW_RECORD, claim }), { isHeld: false, view });
    expect(record.claim).toBeUndefined();
  });
});

describe('A bot whose token Slack refuses for good', () => {
  const REFUSED: CredentialsVerdict = { kind: 'invalid', reason: 'TokenRevoked', message: 'revoked', isRefused: true };

  it('has no sockets at once, without the time that a lost Secret has, and no fence against its last events', () => {
    const world = new World();
    world.put('a', withToken(A));
    expect(world.running()).toEqual(['a']);
    world.put('a', REFUSED);
    expect(world.running()).toEqual([]);
    expect(world.desired.value().stopped.has('a')).toBe(false);
  });

  it('runs again with another token at once', () => {
    const world = new World();
    world.put('a', withToken(A));
    world.put('a', REFUSED);
    world.put('a', withToken(B));
    expect(world.running()).toEqual(['a']);
  });

  it('keeps its sockets for a while if the token has only expired', () => {
    const world = new World();
    world.put('a', withToken(A));
    world.put('a', { ...REFUSED, reason: 'TokenExpired', isRefused: false });
    expect(world.running()).toEqual(['a']);
    world.advance(LOST_SECRET_MS);
    expect(world.running()).toEqual([]);
  });
});
