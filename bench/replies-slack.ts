import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** The clock of the machine, which its processes share: µs. */
export const nowMicros = (): number => Number(process.hrtime.bigint() / 1_000n);

/** What the application puts into its answers. */
export interface AnswerTimes {
  poppedMicros: number;
  pushedMicros: number;
}

/** Our own share of one answer, in ms: from Slack to the application, and from the application to Slack. */
export interface Share {
  thereMs: number;
  backMs: number;
}

interface Acknowledgement {
  envelope_id: string;
  payload?: AnswerTimes;
}

const TICK_MS = 5;

/** As little of Slack as it takes: one app with one socket at a time, and a clock on each envelope. */
export class BenchSlack {
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  #live: WebSocket | undefined;
  readonly #sentMicros = new Map<string, number>();
  #shares: Share[] = [];
  #acknowledged = 0;
  #sent = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      request.resume();
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ ok: true, url: `ws://127.0.0.1:${this.port}/link/?ticket=${++this.#sent}` }));
    });
    this.#sockets = new WebSocketServer({ server: this.#server });
    this.#sockets.on('connection', (socket) => this.#onSocket(socket));
  }

  static async start(): Promise<BenchSlack> {
    const slack = new BenchSlack();
    await new Promise<void>((resolve) => slack.#server.listen(0, '127.0.0.1', resolve));
    return slack;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get isConnected(): boolean {
    return this.#live !== undefined;
  }

  /** Envelopes that wait for their acknowledgement. */
  get waiting(): number {
    return this.#sentMicros.size;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  stop(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Sends at a steady rate. Begins a new count; `shares` has those of the commands afterwards. */
  async send(commandsPerSecond: number, eventsPerSecond: number, seconds: number): Promise<void> {
    this.#shares = [];
    this.#acknowledged = 0;
    const startedAtMs = performance.now();
    let commands = 0;
    let events = 0;
    for (;;) {
      const elapsedS = Math.min(seconds, (performance.now() - startedAtMs) / 1_000);
      while (commands < commandsPerSecond * elapsedS) this.#sendOne(command(`command-${this.#sent}`, ++commands));
      while (events < eventsPerSecond * elapsedS) this.#sendOne(message(`event-${this.#sent}`, ++events));
      if (elapsedS >= seconds) return;
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }

  get shares(): readonly Share[] {
    return this.#shares;
  }

  #sendOne(envelope: { envelope_id: string }): void {
    this.#sent += 1;
    const text = JSON.stringify(envelope);
    this.#sentMicros.set(envelope.envelope_id, nowMicros());
    this.#live?.send(text);
  }

  #onSocket(socket: WebSocket): void {
    socket.on('message', (data) => this.#onAcknowledgement(JSON.parse(String(data)) as Acknowledgement));
    socket.on('close', () => {
      if (this.#live === socket) this.#live = undefined;
    });
    socket.on('error', () => undefined);
    socket.send(JSON.stringify({ type: 'hello', num_connections: 1, connection_info: { app_id: 'A0BENCH' } }));
    this.#live = socket;
  }

  #onAcknowledgement({ envelope_id, payload }: Acknowledgement): void {
    const readMicros = nowMicros();
    const sentMicros = this.#sentMicros.get(envelope_id);
    if (sentMicros === undefined) throw new Error(`acknowledged twice, or never sent: ${envelope_id}`);
    this.#sentMicros.delete(envelope_id);
    this.#acknowledged += 1;
    if (payload === undefined) return;
    const { poppedMicros, pushedMicros } = payload;
    this.#shares.push({ thereMs: (poppedMicros - sentMicros) / 1_000, backMs: (readMicros - pushedMicros) / 1_000 });
  }
}

const command = (envelope_id: string, n: number) => ({
  envelope_id,
  type: 'slash_commands',
  accepts_response_payload: true,
  payload: {
    token: 'verification',
    team_id: 'T0BENCH',
    api_app_id: 'A0BENCH',
    channel_id: 'C1',
    user_id: 'U1',
    command: '/deploy',
    text: `web ${n}`,
    trigger_id: '1.2.3',
    response_url: 'https://hooks.slack.com/commands/T0BENCH/1/x',
  },
});

const message = (envelope_id: string, n: number) => {
  const ts = `${Math.floor(Date.now() / 1_000)}.${String(n % 1_000_000).padStart(6, '0')}`;
  return {
    envelope_id,
    type: 'events_api',
    accepts_response_payload: false,
    retry_attempt: 0,
    retry_reason: '',
    payload: {
      token: 'verification',
      team_id: 'T0BENCH',
      api_app_id: 'A0BENCH',
      type: 'event_callback',
      event_id: `Ev${envelope_id}`,
      event_time: Math.floor(Date.now() / 1_000),
      authorizations: [{ enterprise_id: null, team_id: 'T0BENCH', user_id: 'U0BOT', is_bot: true }],
      event: { type: 'message', channel: `C${n % 50}`, user: 'U1', text: 'x'.repeat(200), ts, event_ts: ts },
    },
  };
};
