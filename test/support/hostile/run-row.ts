import type { SlotStatus } from '#connector/slot/slot-status.ts';
import { waitFor } from '#test/support/wait.ts';
import type { HostileCertificates } from './certificates.ts';
import type { HostileProxy } from './hostile-proxy.ts';
import { HostileSlack } from './hostile-slack.ts';
import type { Promised, Row, RowResult, World } from './row.ts';
import type { Subject, SubjectView } from './subject.ts';
import type { SubjectKind } from './subject-names.ts';

export interface RowDeps {
  certificates: HostileCertificates;
  subject: Subject;
  proxy: HostileProxy;
  /** Also waits where Slack asked for minutes: for the table of the documentation. */
  patient: boolean;
}

/** What one slot of a row did. */
interface Course {
  detectedMs?: number;
  recoveredMs?: number;
  waitMs?: number;
  reason?: string;
  broken: string[];
}

const isLive = ({ state, reason }: SlotStatus): boolean => state === 'live' && reason === '';
const isTroubled = ({ reason }: SlotStatus): boolean => reason !== '';
/** The slots of a row begin in groups of so many, so that their TLS handshakes don't make each other late. */
const AT_ONCE = 20;
const APART_MS = 500;
/** So long a slot that waits is watched, for calls that it should not make. */
const WATCH_MS = 3_000;
/** How much longer a row waits than it promises, so that it can say how long something took on a busy machine. */
const GRACE_MS = 30_000;

/** Runs one row for one transport; never rejects. */
export async function runRow(row: Row, transport: SubjectKind, deps: RowDeps): Promise<RowResult> {
  const slack = await HostileSlack.start(row.script?.(deps.certificates) ?? {}, deps.certificates.good);
  const world: World = { slack, subject: deps.subject, proxy: deps.proxy };
  try {
    await row.begin?.(world);
    const views: SubjectView[] = [];
    const following: Promise<Course>[] = [];
    for (let left = row.slots ?? 1; left > 0; left -= AT_ONCE) {
      if (views.length > 0) await new Promise((resolve) => setTimeout(resolve, APART_MS));
      const more = deps.subject.open(transport, row.apiUrl?.(slack) ?? slack.apiUrl(), Math.min(left, AT_ONCE));
      views.push(...more);
      following.push(...more.map((view) => follow(row, view, world, deps.patient)));
    }
    const courses = await Promise.all(following);
    const left = await Promise.all(views.map((view) => leftOf(view)));
    const connections = await connectionsLeft(slack);
    const calls = most(views.map(({ token }) => slack.calls(token)));
    const broken = [...courses.flatMap((course) => course.broken), ...left.flat(), ...connections];
    broken.push(...(row.verify?.(world) ?? []));
    if (calls > row.promise.mostCalls) broken.push(`a slot called Slack's API ${calls} times`);
    return {
      fault: row.fault,
      line: row.line ?? row.fault,
      transport,
      slots: views.length,
      detectedMs: mostOf(courses, 'detectedMs'),
      recoveredMs: mostOf(courses, 'recoveredMs'),
      waitMs: mostOf(courses, 'waitMs'),
      calls,
      upgrades: most(views.map(({ token }) => slack.upgrades(token))),
      reasons: [...new Set(courses.flatMap(({ reason }) => reason ?? []))],
      broken,
    };
  } finally {
    await slack.stop();
  }
}

async function follow(row: Row, view: SubjectView, world: World, patient: boolean): Promise<Course> {
  const course: Course = { broken: [] };
  try {
    await observe(row.promise, course, row, view, world, patient);
  } catch (error) {
    const { message, cause } = error as Error;
    course.broken.push(`${message}${cause instanceof Error ? ` (${cause.message})` : ''}`);
  }
  return course;
}

async function observe(
  promise: Promised,
  course: Course,
  row: Row,
  view: SubjectView,
  world: World,
  patient: boolean,
): Promise<void> {
  const { slack, subject } = world;
  if (promise.kind === 'harmless') {
    const live = await view.until(isLive, 'live', promise.liveWithinMs + GRACE_MS);
    course.recoveredMs = live.atMs - view.openedAtMs;
    const odd = view.firstTold(isTroubled);
    if (odd !== undefined) course.broken.push(`it was told: ${odd.status.reason}`);
    return;
  }
  const told = await view.until(isTroubled, 'in trouble', promise.detectedWithinMs + GRACE_MS);
  course.detectedMs = told.atMs - (slack.faultAtMs ?? view.openedAtMs);
  course.reason = told.status.reason;
  const { broken } = course;
  if (await isLate(course.detectedMs, promise.detectedWithinMs, view.openedAtMs, subject)) {
    broken.push(`detected after ${Math.round(course.detectedMs)} ms`);
  }
  if (!promise.reasons.some((reason) => reason === course.reason)) {
    broken.push(`it was told: ${course.reason}: ${told.status.message}`);
  }
  await row.heal?.(world);
  if (promise.kind === 'waits') {
    const waits = await view.until(({ waitUntilMs }) => waitUntilMs !== undefined, 'waiting', GRACE_MS);
    course.waitMs = (waits.status.waitUntilMs ?? 0) - Date.now();
    const leastMs = promise.atLeastMs - subject.lateSinceMs(view.openedAtMs);
    if (course.waitMs > promise.atMostMs || course.waitMs < leastMs) {
      broken.push(`it waits for ${Math.round(course.waitMs)} ms`);
    }
    const calls = slack.calls(view.token);
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    if (slack.calls(view.token) > calls) broken.push('it asked again although Slack had asked for a wait');
    if (!patient) return;
  }
  const withinMs = promise.kind === 'recovers' ? promise.recoveredWithinMs : promise.atMostMs;
  const healedAtMs = Math.max(told.atMs, row.heal === undefined ? 0 : performance.now());
  const live = await view.until(isLive, 'live again', withinMs + GRACE_MS, told.atMs);
  course.recoveredMs = Math.max(0, live.atMs - healedAtMs);
  if (await isLate(course.recoveredMs, withinMs, told.atMs, subject)) {
    broken.push(`recovered after ${Math.round(course.recoveredMs)} ms`);
  }
}

/** What the subject says of its own delays comes a moment later than its status. */
const SAYS_SO_MS = 200;

async function isLate(tookMs: number, withinMs: number, sinceMs: number, subject: Subject): Promise<boolean> {
  if (tookMs <= withinMs) return false;
  await new Promise((resolve) => setTimeout(resolve, SAYS_SO_MS));
  return tookMs > withinMs + subject.lateSinceMs(sinceMs);
}

async function leftOf(view: SubjectView): Promise<string[]> {
  const timers = await view.stop().catch(() => undefined);
  if (timers === undefined) return ['it did not stop'];
  return timers === 0 ? [] : [`${timers} timers were left`];
}

/** fetch keeps an idle connection for 4 s. */
async function connectionsLeft(slack: HostileSlack): Promise<string[]> {
  await waitFor(() => slack.heldConnections === 0, { timeoutMs: 6_000 }).catch(() => undefined);
  return slack.heldConnections === 0 ? [] : [`${slack.heldConnections} connections were left`];
}

const most = (values: readonly number[]): number => Math.max(...values);

function mostOf(courses: readonly Course[], key: 'detectedMs' | 'recoveredMs' | 'waitMs'): number | undefined {
  const values = courses.flatMap((course) => course[key] ?? []);
  return values.length === 0 ? undefined : most(values);
}
