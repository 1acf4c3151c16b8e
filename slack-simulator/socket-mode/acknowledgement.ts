/** Slack drops an acknowledgement of 20 KB or more without a word (slack-go, `socketmode`: maxResponseSize). */
const maxBytes = 20_000;

/** What a client said over its socket. `payload`: undefined if there was none. */
export type ClientFrame =
  | { kind: 'ack'; envelopeID: string; payload: unknown }
  | { kind: 'oversized' }
  /** Anything else. Slack says nothing to it. */
  | { kind: 'bad' };

/** Reads one frame of a client (undefined: a binary one). */
export function readClientFrame(text: string | undefined): ClientFrame {
  if (text === undefined) return { kind: 'bad' };
  if (Buffer.byteLength(text) >= maxBytes) return { kind: 'oversized' };
  const frame = parse(text);
  const envelopeID = frame?.envelope_id;
  if (typeof envelopeID !== 'string' || envelopeID === '') return { kind: 'bad' };
  return { kind: 'ack', envelopeID, payload: frame?.payload };
}

/** Whether there is anything in it: Slack's own clients send `{}` where they mean nothing. */
export function isEmptyPayload(payload: unknown): boolean {
  if (payload === undefined || payload === null || payload === '') return true;
  return typeof payload === 'object' && Object.keys(payload).length === 0;
}

function parse(text: string): { envelope_id?: unknown; payload?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
