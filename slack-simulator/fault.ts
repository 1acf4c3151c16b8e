/** How a Web API call can go wrong. All but `error` and `ratelimited` stand for something between Slack and its caller. */
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
  | { kind: 'reset' }
  /** Slack does what was asked, and its answer never arrives: the connection is reset, or nothing ever comes (`hang`). */
  | { kind: 'answerLost'; by?: 'reset' | 'hang' | undefined };

/** Whose call, handshake or hello it is. Of an RTM socket: the team; of a Socket Mode one: the app. */
export type Subject = { teamID?: string | undefined; appID?: string | undefined };

/**
 * A fault that holds until it is cleared, has struck `times` times or is `forMs` old. Without `teamID` it is for every
 * team, without `appID` for every app, without both for all there is.
 */
export type StandingFault = {
  teamID?: string | undefined;
  appID?: string | undefined;
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
/** `deaf`: the hello comes, and then no event (see the fault of a socket). */
export type HelloAnswer = { kind: 'never' } | { kind: 'late'; delayMs: number } | { kind: 'deaf' };

/** What can befall a live RTM socket, at once. */
export type SocketFault =
  /** Slack's notice, then a close; `closeAfterMs` is the "unspecified amount of time". */
  | { kind: 'goodbye'; closeAfterMs: number }
  /** As when a network path is cut: neither reads nor writes any more, and nobody closes. */
  | { kind: 'halfOpen' }
  /** Reads on and answers websocket pings, but sends no frame any more: no event, no pong. */
  | { kind: 'silence' }
  /** Answers pings and messages, and withholds every event: for `forMs`, or as long as the socket lives. */
  | { kind: 'deaf'; forMs?: number | undefined }
  /** Takes messages, posts them, and never says so: for as long as the socket lives. */
  | { kind: 'withholdReplies' }
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

/** Why Slack asks a Socket Mode client to disconnect. */
export const disconnectReasons = ['warning', 'refresh_requested', 'link_disabled', 'too_many_websockets'] as const;
export type DisconnectReason = (typeof disconnectReasons)[number];

/** What can befall a live Socket Mode socket, at once. Those that RTM has, too, do the same there. */
export type AppSocketFault =
  /**
   * Slack's notice, then a close: by default after 10 s for `warning` and `refresh_requested`, at once for the others.
   * `link_disabled` also switches Socket Mode off for the app.
   */
  | { kind: 'disconnect'; reason: DisconnectReason; closeAfterMs?: number | undefined }
  /**
   * The connection ends and Slack does not notice: the socket stays registered and gets its share of the envelopes.
   * For `forMs`, or until it is dropped.
   */
  | { kind: 'ghost'; forMs?: number | undefined }
  | { kind: 'halfOpen' }
  | { kind: 'silence' }
  | { kind: 'deaf'; forMs?: number | undefined }
  | { kind: 'drop' }
  | { kind: 'close'; code: number; reason?: string | undefined }
  /** A frame that is cut off. */
  | { kind: 'malformed' }
  /** An envelope with an id whose payload is no object. */
  | { kind: 'malformedPayload' }
  | { kind: 'binary' }
  /** An envelope of a type that nobody knows. */
  | { kind: 'unknownType' }
  /** An event of this many bytes or some more. */
  | { kind: 'oversized'; bytes: number }
  /** The last envelope that this socket was sent, once more: over itself or over another socket of the app. */
  | { kind: 'duplicate'; over?: 'same' | 'other' | undefined };

/** `transport`: what stands between Slack and its caller. `slack`: what Slack itself says. `after`: what befalls its answer. */
type FaultLayer = 'transport' | 'slack' | 'after';

function layerOf({ kind }: BrokenAnswer): FaultLayer {
  switch (kind) {
    case 'error':
    case 'ratelimited':
      return 'slack';
    case 'answerLost':
      return 'after';
    case 'http':
    case 'notJson':
    case 'hang':
    case 'reset':
      return 'transport';
    default:
      return kind satisfies never;
  }
}

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

  methodAnswer(layer: FaultLayer, method: string, subject: Subject, nowMs: number): BrokenAnswer | undefined {
    const fault = this.#strike(
      nowMs,
      subject,
      (at) => at.at === 'method' && at.method === method && layerOf(at.answer) === layer,
    );
    return fault?.at === 'method' ? fault.answer : undefined;
  }

  upgradeAnswer(subject: Subject, nowMs: number): UpgradeAnswer | undefined {
    const fault = this.#strike(nowMs, subject, (at) => at.at === 'upgrade');
    return fault?.at === 'upgrade' ? fault.answer : undefined;
  }

  helloAnswer(subject: Subject, nowMs: number): HelloAnswer | undefined {
    const fault = this.#strike(nowMs, subject, (at) => at.at === 'hello');
    return fault?.at === 'hello' ? fault.answer : undefined;
  }

  /** The fault set last wins, so that a test can override a broader one. */
  #strike(nowMs: number, subject: Subject, fits: (place: FaultPlace) => boolean): StandingFault | undefined {
    this.#prune(nowMs);
    const entry = [...this.#entries.values()].findLast(
      ({ fault }) => isOf(fault.teamID, subject.teamID) && isOf(fault.appID, subject.appID) && fits(fault),
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

const isOf = (named: string | undefined, id: string | undefined): boolean => named === undefined || named === id;
