/** What a caller can do about a failed call to the API server. Every failure is put in one of these once, here. */
export type KubeErrorKind =
  | 'notFound' // 404
  | 'conflict' // 409: read again; reason AlreadyExists for a create
  | 'gone' // 410: the resourceVersion or the continue token is too old
  | 'forbidden' // 401 (reason Unauthorized), 403
  | 'invalid' // 400, 405, 406, 413, 415, 422: the same request will never succeed
  | 'throttled' // 429
  | 'transient'; // 5xx, 408, timeouts, connection and parse errors

interface KubeErrorFields {
  kind: KubeErrorKind;
  /** HTTP status, 0 if no answer came. */
  status: number;
  /** `reason` of the server's Status object, or one of ours: Timeout, ConnectionError, BadAnswer, BadWatchLine, WatchSilent. */
  reason: string;
  message: string;
  /** The server's Retry-After. */
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly kind: KubeErrorKind;
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor(fields: KubeErrorFields) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.kind = fields.kind;
    this.status = fields.status;
    this.reason = fields.reason;
    this.retryAfterMs = fields.retryAfterMs;
  }
}

export function isKubeError(error: unknown, kind?: KubeErrorKind): error is KubeError {
  return error instanceof KubeError && (kind === undefined || error.kind === kind);
}

/** The kind of an HTTP status; `reason` Expired means gone whatever the status says (watch ERROR events). */
export function kindOfStatus(status: number, reason = ''): KubeErrorKind {
  if (reason === 'Expired' || reason === 'Gone') return 'gone';
  switch (status) {
    case 401:
    case 403:
      return 'forbidden';
    case 404:
      return 'notFound';
    case 409:
      return 'conflict';
    case 410:
      return 'gone';
    case 429:
      return 'throttled';
    case 408:
      return 'transient';
    default:
      return status >= 400 && status < 500 ? 'invalid' : 'transient';
  }
}

const MAX_MESSAGE_CHARS = 500;

/** An answer with an error status: the server's Status object if it is one, else the start of whatever a proxy sent. */
export function errorFromAnswer(
  what: string,
  status: number,
  body: string,
  retryAfterMs: number | undefined,
): KubeError {
  const parsed = parseStatus(body);
  const reason = parsed?.reason ?? '';
  const detail = (parsed?.message ?? body).replaceAll(/\s+/g, ' ').slice(0, MAX_MESSAGE_CHARS);
  return new KubeError({
    kind: kindOfStatus(status, reason),
    status,
    reason: reason || `HTTP${status}`,
    message: `${what}: ${status} ${reason} ${detail}`.trim(),
    retryAfterMs,
  });
}

/** The object of a watch's ERROR event. */
export function errorFromStatusObject(what: string, object: unknown): KubeError {
  const { code, reason, message } = statusFields(object);
  return new KubeError({
    kind: kindOfStatus(code ?? 0, reason),
    status: code ?? 0,
    reason: reason ?? 'Unknown',
    message: `${what}: ${code ?? 'no code'} ${reason ?? ''} ${(message ?? '').slice(0, MAX_MESSAGE_CHARS)}`.trim(),
  });
}

const TIMEOUT_CODES = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT']);

/** A failure below HTTP: connection refused or reset, TLS, timeout, an unreadable credentials file. */
export function errorFromConnection(what: string, error: unknown): KubeError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const timedOut = TIMEOUT_CODES.has(code) || (error instanceof Error && error.name === 'TimeoutError');
  const text = error instanceof Error ? error.message || error.name : String(error);
  return new KubeError({
    kind: 'transient',
    status: 0,
    reason: timedOut ? 'Timeout' : 'ConnectionError',
    message: `${what}: ${text}`,
    cause: error,
  });
}

/** Retry-After in seconds or as an HTTP date (RFC 9110, section 10.2.3). */
export function parseRetryAfterMs(value: string | string[] | undefined, wallMs: number): number | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallMs);
}

function parseStatus(body: string): { reason?: string; message?: string } | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) && value.kind === 'Status' ? statusFields(value) : undefined;
  } catch {
    return undefined;
  }
}

function statusFields(value: unknown): { code?: number; reason?: string; message?: string } {
  if (!isRecord(value)) return {};
  const { code, reason, message } = value;
  return {
    ...(typeof code === 'number' ? { code } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof message === 'string' ? { message } : {}),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
