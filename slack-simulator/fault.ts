/** How a Web API call can go wrong. All but `error` and `ratelimited` stand for something between Slack and us. */
export type BrokenAnswer =
  | { kind: 'error'; error: string }
  | { kind: 'ratelimited'; retryAfterSeconds: number }
  /** A proxy's HTML error page. */
  | { kind: 'http'; status: number }
  /** Status 200 and a body that isn't JSON. */
  | { kind: 'notJson' }
  /** Takes the request and never answers. */
  | { kind: 'hang' }
  /** Resets the connection (over TLS: closes it without an answer). */
  | { kind: 'reset' };

/** A fault that holds until it is cleared, has struck `times` times or is `forMs` old. No `teamID`: for every team. */
export type StandingFault = {
  teamID?: string | undefined;
  times?: number | undefined;
  forMs?: number | undefined;
} & FaultPlace;

type FaultPlace =
  /** A Web API method, for example rtm.connect. */
  | { at: 'method'; method: string; answer: BrokenAnswer }
  /** The websocket handshake: Slack answers 503 when it fails and 409 when replicas dial at the same moment. */
  | { at: 'upgrade'; answer: UpgradeAnswer }
  /** The websocket opens and its first frame never comes, or comes late. */
  | { at: 'hello'; answer: HelloAnswer };

export type UpgradeAnswer = { kind: 'http'; status: number } | { kind: 'hang' } | { kind: 'reset' };
export type HelloAnswer = { kind: 'never' } | { kind: 'late'; delayMs: number };

/** What can befall a live socket, at once. */
export type SocketFault =
  /** Slack's notice, then a close; `closeAfterMs` is the "unspecified amount of time". */
  | { kind: 'goodbye'; closeAfterMs: number }
  /** As when a network path is cut: neither reads nor writes any more, and nobody closes. */
  | { kind: 'halfOpen' }
  /** Reads on and answers websocket pings, but sends no frame any more: no event, no pong. */
  | { kind: 'silence' }
  /** Destroys the TCP connection without a close frame. */
  | { kind: 'drop' }
  | { kind: 'close'; code: number; reason?: string | undefined }
  /** team_migration_started, a close, and migration_in_progress from rtm.connect for `migrationMs`. */
  | { kind: 'teamMigration'; migrationMs: number }
  | { kind: 'malformed' }
  | { kind: 'binary' }
  | { kind: 'unknownType' }
  /** A well-formed frame of this many bytes or some more. */
  | { kind: 'oversized'; bytes: number }
  /** The last event that this socket was sent, once more. */
  | { kind: 'duplicate' };

const layerOf = (answer: BrokenAnswer): 'transport' | 'slack' =>
  answer.kind === 'error' || answer.kind === 'ratelimited' ? 'slack' : 'transport';

type Entry = { id: string; fault: StandingFault; strikesLeft: number; untilMs: number };

/** The standing faults. Asking for one counts as a strike. */
export class FaultBoard {
  readonly #entries = new Map<string, Entry>();
  #lastID = 0;

  set(fault: StandingFault, nowMs: number): string {
    this.#lastID += 1;
    const id = `fault-${this.#lastID}`;
    this.#entries.set(id, {
      id,
      fault,
      strikesLeft: fault.times ?? Number.POSITIVE_INFINITY,
      untilMs: nowMs + (fault.forMs ?? Number.POSITIVE_INFINITY),
    });
    return id;
  }

  /** False if there is no such fault (any more). */
  clear(id: string): boolean {
    return this.#entries.delete(id);
  }

  clearAll(): void {
    this.#entries.clear();
  }

  list(nowMs: number): { id: string; fault: StandingFault }[] {
    this.#prune(nowMs);
    return [...this.#entries.values()].map(({ id, fault }) => ({ id, fault }));
  }

  /** `transport`: only what stands between Slack and its caller. `slack`: only what Slack itself would say. */
  methodAnswer(
    layer: 'transport' | 'slack',
    method: string,
    teamID: string | undefined,
    nowMs: number,
  ): BrokenAnswer | undefined {
    const fault = this.#strike(
      nowMs,
      teamID,
      (at) => at.at === 'method' && at.method === method && layerOf(at.answer) === layer,
    );
    return fault?.at === 'method' ? fault.answer : undefined;
  }

  upgradeAnswer(teamID: string | undefined, nowMs: number): UpgradeAnswer | undefined {
    const fault = this.#strike(nowMs, teamID, (at) => at.at === 'upgrade');
    return fault?.at === 'upgrade' ? fault.answer : undefined;
  }

  helloAnswer(teamID: string | undefined, nowMs: number): HelloAnswer | undefined {
    const fault = this.#strike(nowMs, teamID, (at) => at.at === 'hello');
    return fault?.at === 'hello' ? fault.answer : undefined;
  }

  /** The fault set last wins, so that a test can override a broader one. */
  #strike(nowMs: number, teamID: string | undefined, fits: (place: FaultPlace) => boolean): StandingFault | undefined {
    this.#prune(nowMs);
    const entry = [...this.#entries.values()].findLast(
      ({ fault }) => (fault.teamID === undefined || fault.teamID === teamID) && fits(fault),
    );
    if (entry === undefined) return undefined;
    entry.strikesLeft -= 1;
    if (entry.strikesLeft <= 0) this.#entries.delete(entry.id);
    return entry.fault;
  }

  #prune(nowMs: number): void {
    for (const { id, untilMs } of this.#entries.values()) if (nowMs >= untilMs) this.#entries.delete(id);
  }
}
