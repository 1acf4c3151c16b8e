import type { Addressee } from './addressee.ts';
import type { Sender, Senders } from './sender.ts';

/** Whoever serves bots: the slots, the route tables of apps. */
export type AddresseeSource = () => readonly Addressee[];

/**
 * All bots that this process serves. Who they are is looked up when somebody says that it may have changed; their tokens and
 * websockets are asked for each time.
 */
export class ServedBots implements Senders {
  readonly #sources: readonly AddresseeSource[];
  readonly #listeners = new Set<() => void>();
  #byTeam: ReadonlyMap<string, readonly Addressee[]> = new Map();
  #byBot: ReadonlyMap<string, readonly Addressee[]> = new Map();
  /** The addressees as one text each. */
  #known: ReadonlySet<string> = new Set();

  constructor(sources: readonly AddresseeSource[]) {
    this.#sources = sources;
  }

  /** Call it when any source may say something else than before. */
  look(): void {
    const addressees = this.#sources.flatMap((source) => source());
    this.#byTeam = Map.groupBy(addressees, ({ teamID }) => teamID);
    this.#byBot = Map.groupBy(addressees, ({ bot }) => bot);
    const known = new Set(addressees.map(({ ownerUid, bot, teamID }) => JSON.stringify([ownerUid, bot, teamID])));
    const isSame = known.size === this.#known.size && [...known].every((one) => this.#known.has(one));
    this.#known = known;
    if (!isSame) for (const listener of this.#listeners) listener();
  }

  ofTeam(teamID: string): readonly Sender[] {
    return oneEach(this.#byTeam.get(teamID) ?? []);
  }

  /** Of two SlackBots of that name, the one that came later: the other was deleted. */
  ofBot(bot: string): Sender | undefined {
    return oneEach(this.#byBot.get(bot) ?? []).at(-1);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Of each bot its newest spec; of several sockets of one spec the first with a live RTM websocket. */
function oneEach(addressees: readonly Addressee[]): Sender[] {
  const best = new Map<string, Sender>();
  for (const addressee of addressees) {
    const sender = addressee.sender();
    if (sender === undefined) continue;
    const known = best.get(sender.ownerUid);
    if (known === undefined || isBetter(sender, known)) best.set(sender.ownerUid, sender);
  }
  return [...best.values()];
}

function isBetter(a: Sender, b: Sender): boolean {
  if (a.generation !== b.generation) return a.generation > b.generation;
  return a.overRtm !== undefined && b.overRtm === undefined;
}
