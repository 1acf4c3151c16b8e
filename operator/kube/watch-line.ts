import { errorFromConnection, errorFromStatusObject, isKubeError, KubeError } from './kube-error.ts';
import type { KubeObject } from './object.ts';

export type WatchEvent<T extends KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  /** Nothing changed up to this version. */
  | { type: 'BOOKMARK'; resourceVersion: string };

/** An object in etcd is at most 1.5 MB; a longer line is not a watch event, and must not fill the memory. */
const MAX_LINE_CHARS = 16 * 1024 * 1024;

/** Cuts a stream of text into its lines. @throws KubeError (BadWatchLine) for a line that does not end */
export async function* splitLines(chunks: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', from)) {
      pieces.push(chunk.slice(from, end));
      const line = pieces.join('');
      pieces = [];
      length = 0;
      from = end + 1;
      if (line !== '') yield line;
    }
    if (from < chunk.length) {
      pieces.push(chunk.slice(from));
      length += chunk.length - from;
    }
    if (length > MAX_LINE_CHARS) throw badLine(`line over ${MAX_LINE_CHARS} characters`);
  }
  if (length > 0) throw badLine('the stream ended within a line');
}

/**
 * @throws KubeError: what an ERROR event says, or BadWatchLine for anything that is not a watch event. After a bad line
 * the whole watch is unusable, since the change it described is lost.
 */
export function parseWatchLine<T extends KubeObject>(what: string, line: string): WatchEvent<T> {
  let event: { type?: unknown; object?: Partial<T> };
  try {
    event = JSON.parse(line);
  } catch (cause) {
    throw badLine('not JSON', cause);
  }
  const { type, object } = event ?? {};
  if (type === 'ERROR') throw errorFromStatusObject(what, object);
  const resourceVersion = object?.metadata?.resourceVersion;
  if (typeof resourceVersion !== 'string') throw badLine('no metadata.resourceVersion');
  if (type === 'BOOKMARK') return { type, resourceVersion };
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') throw badLine('unknown event type');
  if (typeof object?.metadata?.name !== 'string') throw badLine('no metadata.name');
  return { type, object: object as T };
}

/** The events of a watch's body. Throws the signal's reason if it aborts, else a KubeError. */
export async function* watchEvents<T extends KubeObject>(
  what: string,
  body: AsyncIterable<string>,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>, void, void> {
  try {
    for await (const line of splitLines(body)) yield parseWatchLine<T>(what, line);
  } catch (error) {
    signal.throwIfAborted();
    throw isKubeError(error) ? error : errorFromConnection(what, error);
  }
}

function badLine(why: string, cause?: unknown): KubeError {
  return new KubeError({
    kind: 'transient',
    status: 0,
    reason: 'BadWatchLine',
    message: `bad watch line: ${why}`,
    cause,
  });
}
