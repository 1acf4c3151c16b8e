import { setTimeout as sleep } from 'node:timers/promises';

/** What is said of bots, held against the sockets that are counted at Slack. `liesIn` is pure. */

export interface Count {
  atMs: number;
  /** Bot -> live sockets. One that is left out has none. */
  sockets: ReadonlyMap<string, number>;
}

export interface BotClaim {
  live: number;
  /** Undefined: this source does not say. */
  ready?: boolean;
}

export interface Claim {
  source: string;
  /** It was asked from then until then, and may speak of any moment between. */
  beganMs: number;
  endedMs: number;
  bots: ReadonlyMap<string, BotClaim>;
  /** Undefined: this source does not say. */
  healthy?: boolean;
}

export interface Allowed {
  /** Sockets that each bot wants: more than that are a handover, and count as that. */
  desired: ReadonlyMap<string, number>;
  /** How long "2/2" may be behind. */
  liveLagMs: number;
  /** How long "ready" and "healthy" may be behind. */
  readyLagMs: number;
}

export interface Lie {
  source: string;
  bot: string;
  atMs: number;
  said: string;
  /** Numbers of live sockets that were counted in the time that the claim may be about. */
  counted: number[];
}

/**
 * Claims that were true at no moment of the time that they may be behind. Sockets come and go one by one, so that between
 * two counts there was every number between them.
 */
export function liesIn(counts: readonly Count[], claims: readonly Claim[], allowed: Allowed): Lie[] {
  const { desired, liveLagMs, readyLagMs } = allowed;
  const at = (bot: string, { sockets }: Count): number => Math.min(sockets.get(bot) ?? 0, desired.get(bot) ?? 0);
  return claims.flatMap((claim) => {
    const { source, beganMs } = claim;
    const lie = (bot: string, said: string, counted: number[]): Lie => ({
      source,
      bot,
      atMs: beganMs,
      said,
      counted: [...new Set(counted)],
    });
    const found: Lie[] = [];
    for (const [bot, { live, ready }] of claim.bots) {
      const recent = within(counts, claim, liveLagMs).map((count) => at(bot, count));
      if (recent.length > 0 && (live < Math.min(...recent) || live > Math.max(...recent)))
        found.push(lie(bot, `${live} live`, recent));
      const sooner = within(counts, claim, readyLagMs).map((count) => at(bot, count));
      if (ready !== undefined && sooner.length > 0 && !sooner.some((count) => count > 0 === ready)) {
        found.push(lie(bot, ready ? 'ready' : 'not ready', sooner));
      }
    }
    const whole = within(counts, claim, readyLagMs).map((count) =>
      [...desired].every(([bot, wanted]) => at(bot, count) === wanted),
    );
    if (claim.healthy === true && whole.length > 0 && !whole.includes(true)) found.push(lie('all', 'healthy', []));
    return found;
  });
}

/**
 * The counts that a claim may speak of, with the last before and the first after them: what changed between two counts
 * changed at any moment between.
 */
function within(counts: readonly Count[], { beganMs, endedMs }: Claim, lagMs: number): Count[] {
  const from = beganMs - lagMs;
  const before = counts.findLast(({ atMs }) => atMs <= from);
  const after = counts.find(({ atMs }) => atMs > endedMs);
  const during = counts.filter(({ atMs }) => atMs > from && atMs <= endedMs);
  return [before, ...during, after].filter((count) => count !== undefined);
}

/** Whoever says something of bots: asked again and again. Undefined: it could not be asked just now. */
export type Source = () => Promise<Pick<Claim, 'bots' | 'healthy'> | undefined>;

/** Counts and asks all the time until `stop`. */
export class TruthRecorder {
  readonly #running: Promise<void>[];
  readonly #counts: Count[] = [];
  readonly #claims: Claim[] = [];
  #stopped = false;

  constructor(
    count: () => Promise<ReadonlyMap<string, number>>,
    sources: Readonly<Record<string, Source>>,
    everyMs: number,
  ) {
    const again = async (work: () => Promise<void>, ms: number): Promise<void> => {
      while (!this.#stopped) {
        await work();
        await sleep(ms);
      }
    };
    this.#running = [
      again(async () => void this.#counts.push({ atMs: performance.now(), sockets: await count() }), everyMs / 5),
      ...Object.entries(sources).map(([source, ask]) =>
        again(async () => {
          const beganMs = performance.now();
          const said = await ask();
          if (said !== undefined) this.#claims.push({ source, beganMs, endedMs: performance.now(), ...said });
        }, everyMs),
      ),
    ];
  }

  get claims(): readonly Claim[] {
    return this.#claims;
  }

  /** Empty when everything that was said is true. */
  lies(allowed: Allowed): string[] {
    return lieWords(liesIn(this.#counts, this.#claims, allowed), this.#counts, this.#claims);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }
}

/** For a failure message: some of them, and what became of the first bot among them. Times are since the first count. */
export function lieWords(lies: readonly Lie[], counts: readonly Count[], claims: readonly Claim[]): string[] {
  const zero = counts[0]?.atMs ?? 0;
  const at = (ms: number): string => `${((ms - zero) / 1_000).toFixed(1)} s`;
  const words = ({ source, bot, atMs, said, counted }: Lie): string =>
    `${at(atMs)} ${source}: ${bot} ${said}, counted ${counted.join(' or ')}`;
  const bot = lies[0]?.bot ?? '';
  const history = [
    ...changes(counts, ({ sockets }) => `Slack: ${sockets.get(bot) ?? 0}`).map(([{ atMs }, text]) => ({ atMs, text })),
    ...[...new Set(claims.map(({ source }) => source))].flatMap((source) =>
      changes(
        claims.filter((claim) => claim.source === source),
        ({ bots, healthy }) => `${source}: ${JSON.stringify(bots.get(bot))} ${healthy ?? ''}`,
      ).map(([{ endedMs }, text]) => ({ atMs: endedMs, text })),
    ),
  ].sort((a, b) => a.atMs - b.atMs);
  return [
    ...lies.slice(0, 8).map(words),
    ...(lies.length === 0 ? [] : history.map(({ atMs, text }) => `${at(atMs)} ${text}`)),
  ];
}

function changes<T>(list: readonly T[], words: (item: T) => string): [T, string][] {
  return list.flatMap((item, index): [T, string][] => {
    const before = list[index - 1];
    const text = words(item);
    return before !== undefined && words(before) === text ? [] : [[item, text]];
  });
}
