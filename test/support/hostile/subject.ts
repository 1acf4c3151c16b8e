import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SlotStatus } from '#connector/slot/slot-status.ts';
import { type Answer, bentEnv, nameLine } from '#test/support/network/names.ts';
import { waitFor } from '#test/support/wait.ts';
import { Lateness } from './lateness.ts';
import { type SubjectKind, tokenOf } from './subject-names.ts';
import type { FromSubject, SlotOrder, ToSubject } from './subject-protocol.ts';

export interface SubjectOptions {
  redisUrl: string;
  /** PEM of the CA to trust. */
  caFile: string;
  env?: Readonly<Record<string, string>>;
  /** The number of its first slot: subjects that share a Redis must not share tokens. */
  firstID?: number;
}

/** A status, and when it was told by this process's monotonic clock. */
export interface Told {
  status: SlotStatus;
  atMs: number;
}

const PROXY_NAMES = ['HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy', 'NODE_USE_ENV_PROXY'];

/** File of its folder: what names lead to. */
const NAMES = 'names';

/** A process with real slots (`subject-program.ts`), as the test sees it. */
export class Subject {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #slots = new Map<number, SubjectView>();
  readonly logLines: string[] = [];
  readonly defects: string[] = [];
  readonly #ours = new Lateness().watch();
  readonly #theirs = new Lateness();
  #isReady = false;
  #left: Readonly<Record<string, number>> | undefined;
  #lastID: number;

  private constructor(child: ChildProcess, folder: string, firstID: number) {
    this.#child = child;
    this.#folder = folder;
    this.#lastID = firstID - 1;
    child.on('message', (message: FromSubject) => this.#take(message));
  }

  static async start({ redisUrl, caFile, env = {}, firstID = 1 }: SubjectOptions): Promise<Subject> {
    const inherited = Object.entries(process.env).filter(([name]) => !PROXY_NAMES.includes(name));
    const folder = mkdtempSync(join(tmpdir(), 'relax-subject-'));
    const bent = await bentEnv(join(folder, NAMES), folder);
    const child = fork(join(import.meta.dirname, 'subject-program.ts'), [redisUrl], {
      env: { ...Object.fromEntries(inherited), NODE_EXTRA_CA_CERTS: caFile, ...bent, ...env },
      execArgv: [],
    });
    const subject = new Subject(child, folder, firstID);
    await waitFor(() => subject.#isReady, { what: 'the subject is ready', timeoutMs: 20_000 });
    return subject;
  }

  /** @param apiUrl of the Slack that they talk to */
  open(kind: SubjectKind, apiUrl: string, howMany = 1): SubjectView[] {
    const orders = Array.from({ length: howMany }, (): SlotOrder => {
      this.#lastID += 1;
      return { id: this.#lastID, kind, token: tokenOf(kind, this.#lastID), apiUrl };
    });
    const views = orders.map((order) => new SubjectView(order, (message) => this.#tell(message)));
    for (const view of views) this.#slots.set(view.id, view);
    this.#tell({ do: 'open', slots: orders });
    return views;
  }

  /** What a name under `slack.test` leads to; at first nothing does. */
  resolve(name: string, to: Answer): void {
    appendFileSync(join(this.#folder, NAMES), nameLine(name, to));
  }

  /** All that its slots ever said of themselves, as JSON. */
  get told(): string[] {
    return [...this.#slots.values()].flatMap(({ history }) => history.map(({ status }) => JSON.stringify(status)));
  }

  /** Once every slot has been stopped. @returns what the process still held then, by kind */
  async end(): Promise<Readonly<Record<string, number>>> {
    if (this.#child.exitCode !== null) throw new Error('the subject has ended by itself');
    const exited = once(this.#child, 'exit');
    this.#tell({ do: 'end' });
    const left = await waitFor(() => this.#left, { what: 'the subject says what it left', timeoutMs: 20_000 });
    await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 2_000).unref())]);
    this.kill();
    return left;
  }

  /** The most memory that it ever held, where the system says. */
  get peakBytes(): number | undefined {
    const file = `/proc/${this.#child.pid}/status`;
    const kilobytes = existsSync(file) ? /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
  }

  /** How long this process and the subject's did not get to run since then: no fault of the subject's. */
  lateSinceMs(atMs: number): number {
    return this.#ours.sinceMs(atMs) + this.#theirs.sinceMs(atMs);
  }

  kill(): void {
    this.#ours.stop();
    this.#child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #tell(message: ToSubject): void {
    if (this.#child.connected) this.#child.send(message);
  }

  #take(message: FromSubject): void {
    switch (message.what) {
      case 'ready':
        this.#isReady = true;
        return;
      case 'status':
      case 'stopped':
      case 'offered':
        this.#slots.get(message.id)?.take(message);
        return;
      case 'late':
        this.#theirs.add(message.ms);
        return;
      case 'log':
        this.logLines.push(message.line);
        return;
      case 'defect':
        this.defects.push(message.text);
        return;
      case 'left':
        this.#left = message.resources;
        return;
      default:
        message satisfies never;
    }
  }
}

/** One slot of a subject: what it has told. */
export class SubjectView {
  readonly id: number;
  readonly token: string;
  readonly openedAtMs = performance.now();
  readonly history: Told[] = [];
  readonly offered: (Extract<FromSubject, { what: 'offered' }> & { atMs: number })[] = [];
  readonly #tell: (message: ToSubject) => void;
  #timersLeft: number | undefined;

  constructor({ id, token }: SlotOrder, tell: (message: ToSubject) => void) {
    this.id = id;
    this.token = token;
    this.#tell = tell;
  }

  get status(): SlotStatus | undefined {
    return this.history.at(-1)?.status;
  }

  /** The first that was told at `sinceMs` or later and is so. */
  firstTold(isSo: (status: SlotStatus) => boolean, sinceMs = 0): Told | undefined {
    return this.history.find(({ status, atMs }) => atMs >= sinceMs && isSo(status));
  }

  async until(isSo: (status: SlotStatus) => boolean, what: string, timeoutMs: number, sinceMs = 0): Promise<Told> {
    return await waitFor(() => this.firstTold(isSo, sinceMs), { what: `${what} (slot ${this.id})`, timeoutMs }).catch(
      (error: unknown) => {
        throw new Error(`it said last: ${JSON.stringify(this.status)}`, { cause: error });
      },
    );
  }

  /** @returns how many of its timers are left */
  async stop(): Promise<number> {
    this.#tell({ do: 'stop', id: this.id });
    return await waitFor(() => this.#timersLeft, { what: `slot ${this.id} has stopped`, timeoutMs: 10_000 });
  }

  take(message: Extract<FromSubject, { id: number }>): void {
    if (message.what === 'status') this.history.push({ status: message.status, atMs: performance.now() });
    else if (message.what === 'offered') this.offered.push({ ...message, atMs: performance.now() });
    else this.#timersLeft = message.timers;
  }
}
