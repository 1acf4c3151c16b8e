import type { SlotStatus } from '#connector/slot/slot-status.ts';
import { waitFor } from '#test/support/wait.ts';
import type { HostileCertificates } from './certificates.ts';
import { say } from './events.ts';
import { HostileSlack, type SlackScript } from './hostile-slack.ts';
import type { HostileSocket } from './hostile-socket.ts';
import type { LifePromise, LifeRow } from './life-row.ts';
import type { RowResult } from './row.ts';
import type { UpgradeCall } from './slack-call.ts';
import type { Subject, SubjectView } from './subject.ts';
import type { SubjectKind } from './subject-names.ts';
import { OPCODE } from './websocket-frame.ts';

export interface LifeDeps {
  certificates: HostileCertificates;
  subject: Subject;
}

interface Course {
  detectedMs?: number;
  recoveredMs?: number;
  reason?: string;
  broken: string[];
}

const isLive = ({ state, reason }: SlotStatus): boolean => state === 'live' && reason === '';
const isTroubled = ({ reason }: SlotStatus): boolean => reason !== '';

/** The second connect of a team comes 10 s after the first (`TEAM_BUDGET.firstGapMs`), give or take its jitter. */
const RECOVERED_WITHIN_MS = 12_500;
/** A machine that runs many suites at once may be late by so much, without anything of ours being slow. */
const GRACE_MS = 15_000;
/** Of an event that is sent after something that does no harm. */
const NEXT_EVENT_WITHIN_MS = 5_000;
const BEFORE_FAULT_MS = 100;
/** `SlotRunner.stop` is bounded by about 4 s. */
const STOPPED_WITHIN_MS = 6_000;
/** A first socket, and one that replaces it. */
const MOST_CALLS = 2;

/** Runs one row for one transport; never rejects. */
export async function runLifeRow(
  row: LifeRow,
  kind: SubjectKind,
  { certificates, subject }: LifeDeps,
): Promise<RowResult> {
  const script = new LifeScript(row, kind);
  const startedAtMs = performance.now();
  const lateMs = (): number => subject.lateSinceMs(startedAtMs);
  const slack = await HostileSlack.start(script, certificates.good);
  try {
    const views = subject.open(kind, slack.apiUrl(), row.slots ?? 1);
    const courses = await Promise.all(views.map((view) => follow({ row, kind, view, slack, script, lateMs })));
    const thrown = await script.thrown();
    const stops = await Promise.all(views.map((view) => stopped(view, lateMs)));
    const held = await waitFor(() => slack.heldConnections === 0, { timeoutMs: 6_000 }).then(
      () => [],
      () => [`${slack.heldConnections} connections were left`],
    );
    const calls = Math.max(...views.map(({ token }) => slack.calls(token)));
    const tooMany = calls > MOST_CALLS ? [`a slot called Slack's API ${calls} times`] : [];
    return {
      fault: row.fault,
      line: row.line ?? row.fault,
      transport: kind,
      slots: views.length,
      detectedMs: mostOf(courses, 'detectedMs'),
      recoveredMs: mostOf(courses, 'recoveredMs'),
      waitMs: undefined,
      calls,
      upgrades: Math.max(...views.map(({ token }) => slack.upgrades(token))),
      reasons: [...new Set(courses.flatMap(({ reason }) => reason ?? []))],
      broken: [...courses.flatMap(({ broken }) => broken), ...thrown, ...stops.flat(), ...held, ...tooMany],
    };
  } finally {
    await slack.stop();
  }
}

/** Greets, inflicts, and sends an event before and after the fault. */
class LifeScript implements SlackScript {
  readonly #row: LifeRow;
  readonly #kind: SubjectKind;
  readonly #tokens: string[] = [];
  readonly #faults: Promise<unknown>[] = [];
  /** When the event after the fault was sent, by token. */
  readonly saidAtMs = new Map<string, number>();

  constructor(row: LifeRow, kind: SubjectKind) {
    this.#row = row;
    this.#kind = kind;
  }

  /** What the row itself threw. */
  async thrown(): Promise<string[]> {
    const settled = await Promise.allSettled(this.#faults);
    return settled.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
  }

  upgrade(call: UpgradeCall): void {
    const { greet, promise } = this.#row;
    if (call.nth > 1 || greet === undefined) {
      call.greet();
      return;
    }
    call.accept();
    call.slack.faultBegins();
    const greeted = async (): Promise<void> => {
      await greet(call.socket, this.#kind);
      if (promise.kind === 'unharmed') await this.#inflict(call.socket);
    };
    this.#faults.push(greeted());
  }

  live(socket: HostileSocket): void {
    if (socket.nth > 1) this.#sayAfter(socket);
    else this.#faults.push(this.#inflict(socket));
  }

  async #inflict(socket: HostileSocket): Promise<void> {
    const at = this.#tokens.push(socket.token) - 1;
    say(socket, this.#kind, 'before');
    // Before the event has left, a script that ends the connection would take it along.
    await new Promise((resolve) => setTimeout(resolve, BEFORE_FAULT_MS));
    socket.slack.faultBegins();
    await this.#row.inflict?.(socket, this.#kind, at);
    if (this.#row.promise.kind === 'unharmed') this.#sayAfter(socket);
  }

  #sayAfter(socket: HostileSocket): void {
    this.saidAtMs.set(socket.token, performance.now());
    say(socket, this.#kind, 'after');
  }
}

/** One slot of a row while it is watched. */
interface Watched {
  row: LifeRow;
  kind: SubjectKind;
  view: SubjectView;
  slack: HostileSlack;
  script: LifeScript;
  /** What a bound allows for: as long as a busy machine kept this process and the subject's waiting. */
  lateMs(): number;
}

async function follow(watched: Watched): Promise<Course> {
  const course: Course = { broken: [] };
  try {
    await observe(watched, course);
  } catch (error) {
    const { message, cause } = error as Error;
    course.broken.push(`${message}${cause instanceof Error ? ` (${cause.message})` : ''}`);
  }
  return course;
}

async function observe(watched: Watched, course: Course): Promise<void> {
  const { row, view, script, lateMs } = watched;
  const { promise } = row;
  const { broken } = course;
  if (promise.kind === 'replaced') await observeReplacement(watched, promise, course);
  const after = await waitFor(() => eventOf(view, 'after'), {
    timeoutMs: GRACE_MS + 20_000,
    what: 'the event after it',
  });
  if (promise.kind === 'unharmed') {
    course.recoveredMs = after.atMs - (script.saidAtMs.get(view.token) ?? 0);
    if (course.recoveredMs > NEXT_EVENT_WITHIN_MS + lateMs())
      broken.push(`the next event took ${Math.round(course.recoveredMs)} ms`);
    const odd = view.firstTold(isTroubled);
    if (odd !== undefined) broken.push(`it was told: ${odd.status.reason}`);
  }
  broken.push(...(await unaccounted(watched)));
}

async function observeReplacement(
  { view, slack, lateMs }: Watched,
  promise: Extract<LifePromise, { kind: 'replaced' }>,
  course: Course,
): Promise<void> {
  const { broken } = course;
  const told = await view.until(isTroubled, 'in trouble', promise.detectedWithinMs + GRACE_MS);
  course.detectedMs = told.atMs - (slack.faultAtMs ?? view.openedAtMs);
  course.reason = told.status.reason;
  if (course.detectedMs > promise.detectedWithinMs + lateMs())
    broken.push(`detected after ${Math.round(course.detectedMs)} ms`);
  if (!promise.reasons.some((reason) => reason === course.reason)) broken.push(`it was told: ${course.reason}`);
  const live = await view.until(isLive, 'live again', RECOVERED_WITHIN_MS + GRACE_MS, told.atMs);
  course.recoveredMs = live.atMs - told.atMs;
  if (course.recoveredMs > RECOVERED_WITHIN_MS + lateMs())
    broken.push(`recovered after ${Math.round(course.recoveredMs)} ms`);
}

const eventOf = (view: SubjectView, text: string) =>
  view.offered.find((each) => each.text?.includes(`"${text}"`) === true);

/** Each thing that was read ends in exactly one counter, and is acknowledged if Slack waits for that. */
async function unaccounted({ row, kind, view, slack }: Watched): Promise<string[]> {
  const offers = row.offers?.(kind) ?? {};
  const acknowledges = row.acknowledges ?? offers.event ?? 0;
  // What is greeted in another way, and replaced, sends no event before the fault.
  const around = row.greet !== undefined && row.promise.kind === 'replaced' ? 1 : 2;
  const wanted = JSON.stringify({
    malformed: 0,
    tooLarge: 0,
    filtered: 0,
    ...offers,
    event: around + (offers.event ?? 0),
  });
  const counted = (): string => {
    const count = (what: string): number => view.offered.filter((each) => each.kind === what).length;
    const keys = Object.keys(JSON.parse(wanted) as Record<string, number>);
    return JSON.stringify(Object.fromEntries(keys.map((key) => [key, count(key)])));
  };
  const acks = (): number => acknowledged(slack, view.token);
  const wantedAcks = kind === 'rtm' ? 0 : around + (acknowledges === 'any' ? 0 : acknowledges);
  const isSo = (): boolean => counted() === wanted && (acknowledges === 'any' || acks() === wantedAcks);
  await waitFor(isSo, { timeoutMs: GRACE_MS }).catch(() => undefined);
  return isSo() ? [] : [`offered ${counted()} and acknowledged ${acks()}; wanted ${wanted}, ${wantedAcks}`];
}

/** Envelopes that were, over whichever socket of the slot. */
function acknowledged(slack: HostileSlack, token: string): number {
  const ids = new Set<string>();
  for (const socket of slack.sockets) {
    if (socket.token !== token) continue;
    for (const { opcode, payload } of socket.frames) {
      if (opcode !== OPCODE.text) continue;
      const { envelope_id } = JSON.parse(payload.toString()) as { envelope_id?: string };
      if (envelope_id !== undefined) ids.add(envelope_id);
    }
  }
  return ids.size;
}

async function stopped(view: SubjectView, lateMs: () => number): Promise<string[]> {
  const startedAtMs = performance.now();
  const timers = await view.stop().catch(() => undefined);
  const tookMs = performance.now() - startedAtMs;
  if (timers === undefined || tookMs > STOPPED_WITHIN_MS + lateMs())
    return [`it stopped after ${Math.round(tookMs)} ms`];
  return timers === 0 ? [] : [`${timers} timers were left`];
}

function mostOf(courses: readonly Course[], key: 'detectedMs' | 'recoveredMs'): number | undefined {
  const values = courses.flatMap((course) => course[key] ?? []);
  return values.length === 0 ? undefined : Math.max(...values);
}
