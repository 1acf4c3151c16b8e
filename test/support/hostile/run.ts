import { type HostileCertificates, hostileCertificates } from './certificates.ts';
import { HostileProxy } from './hostile-proxy.ts';
import { DIRECT_HOST } from './hostile-slack.ts';
import type { LifeRow } from './life-row.ts';
import { Neighbour, type NeighbourEnd } from './neighbour.ts';
import type { Row, RowResult } from './row.ts';
import { runLifeRow } from './run-life-row.ts';
import { runRow } from './run-row.ts';
import { Subject } from './subject.ts';
import type { SubjectKind } from './subject-names.ts';

/** Spreads the beginnings, so that two hundred TLS handshakes at once don't count as the fault of a row. */
const APART_MS = 100;
/** Some of them are storms. */
const LIFE_APART_MS = 150;
export interface RunOptions {
  redisUrl: string;
  /** Waits for minutes where Slack asked for it. */
  patient?: boolean;
}

/** What all rows of a run left behind and said, once it has ended. */
export interface RunEnd {
  /** Rejections that nobody handled, and exceptions that nobody caught. */
  defects: readonly string[];
  /** What the subjects' processes still held, by kind. */
  left: Readonly<Record<string, number>>;
  /** Log lines with a token or the URL of a websocket in them. */
  leaks: readonly string[];
  logLines: number;
  /** Of the healthy slot beside the rows, if one was opened. */
  neighbour?: NeighbourEnd;
}

/** Rows in two processes of subjects: one with a direct way to Slack, one behind a proxy. */
export class HostileRun {
  readonly #certificates: HostileCertificates;
  readonly #proxy: HostileProxy;
  readonly #direct: Subject;
  readonly #proxied: Subject;
  /** Of rows that share none. */
  readonly #others: Subject[] = [];
  readonly #startSubject: () => Promise<Subject>;
  readonly #patient: boolean;
  #nextAtMs = 0;
  #neighbour: Neighbour | undefined;

  private constructor(
    certificates: HostileCertificates,
    proxy: HostileProxy,
    subjects: { direct: Subject; proxied: Subject; startAnother: () => Promise<Subject> },
    patient: boolean,
  ) {
    this.#certificates = certificates;
    this.#proxy = proxy;
    this.#direct = subjects.direct;
    this.#proxied = subjects.proxied;
    this.#startSubject = subjects.startAnother;
    this.#patient = patient;
  }

  static async start({ redisUrl, patient = false }: RunOptions): Promise<HostileRun> {
    const [certificates, proxy] = await Promise.all([hostileCertificates(), HostileProxy.start()]);
    const { caFile } = certificates;
    const [direct, proxied] = await Promise.all([
      Subject.start({ redisUrl, caFile }),
      Subject.start({ redisUrl, caFile, firstID: 100_000, env: { HTTPS_PROXY: proxy.url, NO_PROXY: DIRECT_HOST } }),
    ]);
    let firstID = 200_000;
    const startAnother = (): Promise<Subject> => {
      firstID += 1_000;
      return Subject.start({ redisUrl, caFile, firstID });
    };
    return new HostileRun(certificates, proxy, { direct, proxied, startAnother }, patient);
  }

  /** A healthy slot beside the subjects of the rows that have a direct way to Slack. */
  async openNeighbour(): Promise<void> {
    this.#neighbour = await Neighbour.start(this.#direct, this.#certificates);
  }

  /** The most memory that the subjects with a direct way to Slack ever held, where the system says. */
  get peakBytes(): number | undefined {
    return this.#direct.peakBytes;
  }

  async runLife(row: LifeRow, transport: SubjectKind): Promise<RowResult> {
    await this.#turn(LIFE_APART_MS);
    return await runLifeRow(row, transport, { certificates: this.#certificates, subject: this.#direct });
  }

  async run(row: Row, transport: SubjectKind): Promise<RowResult> {
    await this.#turn(APART_MS);
    return await runRow(row, transport, {
      certificates: this.#certificates,
      subject: await this.#subjectOf(row),
      proxy: this.#proxy,
      patient: this.#patient,
    });
  }

  async #subjectOf({ alone, proxied }: Row): Promise<Subject> {
    if (alone !== true) return proxied === true ? this.#proxied : this.#direct;
    const subject = await this.#startSubject();
    this.#others.push(subject);
    return subject;
  }

  async #turn(apartMs: number): Promise<void> {
    const nowMs = performance.now();
    this.#nextAtMs = Math.max(nowMs, this.#nextAtMs) + apartMs;
    await new Promise((resolve) => setTimeout(resolve, this.#nextAtMs - nowMs));
  }

  async end(): Promise<RunEnd> {
    const neighbour = await this.#neighbour?.end();
    const subjects = [this.#direct, this.#proxied, ...this.#others];
    const left = await Promise.all(subjects.map((subject) => subject.end()));
    await Promise.all([this.#proxy.stop(), this.#certificates.remove()]);
    const logLines = subjects.flatMap((subject) => subject.logLines);
    const told = subjects.flatMap((subject) => subject.told);
    return {
      defects: subjects.flatMap(({ defects }) => defects),
      left: Object.fromEntries(left.flatMap((each) => Object.entries(each))),
      leaks: [...logLines, ...told].filter((line) => SECRET.test(line)),
      logLines: logLines.length,
      ...(neighbour === undefined ? {} : { neighbour }),
    };
  }
}

/** A token of `tokenOf`, or a part of a URL that the stand-in gives out. */
const SECRET = /xoxb-\d|xapp-\d|s3cr3t/;

export const transportsOf = ({ transports = ['rtm', 'socketMode'] }: Row): readonly SubjectKind[] => transports;
