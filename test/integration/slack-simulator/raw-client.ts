import { type ClientOptions, WebSocket } from 'ws';
import type { Frame } from '#slack-simulator/frames.ts';
import type { Simulator } from '#slack-simulator/simulator.ts';
import { waitFor } from '#test/support/wait.ts';

export type RawAnswer = { status: number; type: string | null; retryAfter: string | null; body: Frame };

/** Calls a Web API method as Slack's clients do: a form, the token in the header. */
export async function callApi(
  slack: { url: string },
  method: string,
  token?: string,
  args: Record<string, string> = {},
): Promise<RawAnswer> {
  const response = await fetch(`${slack.url}${method}`, {
    method: 'POST',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    body: new URLSearchParams(args),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    retryAfter: response.headers.get('retry-after'),
    body: (await response.json()) as Frame,
  };
}

/** A bare websocket that keeps all it gets and adds nothing of its own. */
export type RawSocket = {
  ws: WebSocket;
  /** Text frames that are JSON, as they came. */
  frames: Frame[];
  /** Everything else. */
  oddities: Buffer[];
  pings: string[];
  closed: Promise<number>;
  frame(fits: (frame: Frame) => boolean): Promise<Frame>;
};

export function dial(url: string, options: ClientOptions = { perMessageDeflate: false }): RawSocket {
  const ws = new WebSocket(url, options);
  const frames: Frame[] = [];
  const oddities: Buffer[] = [];
  const pings: string[] = [];
  ws.on('ping', (data) => pings.push(data.toString()));
  ws.on('error', () => undefined);
  ws.on('message', (data, isBinary) => {
    const bytes = data as Buffer;
    try {
      if (isBinary) throw new Error('binary');
      frames.push(JSON.parse(bytes.toString()) as Frame);
    } catch {
      oddities.push(bytes);
    }
  });
  return {
    ws,
    frames,
    oddities,
    pings,
    closed: new Promise((resolve) => ws.on('close', resolve)),
    frame: (fits) => waitFor(() => frames.find(fits), { timeoutMs: 10_000, what: `a frame that fits ${fits}` }),
  };
}

export async function connectURL(slack: Simulator, token: string): Promise<string> {
  const { body } = await callApi(slack, 'rtm.connect', token);
  if (typeof body.url !== 'string') throw new Error(`rtm.connect answered ${JSON.stringify(body)}`);
  return body.url;
}

/** rtm.connect, dial, hello. */
export async function openSocket(slack: Simulator, token: string, options?: ClientOptions): Promise<RawSocket> {
  const socket = dial(await connectURL(slack, token), options);
  await socket.frame(({ type }) => type === 'hello');
  return socket;
}
