import { subscribe } from 'node:diagnostics_channel';

/**
 * Errors of connections that never came about: no name, no route, a TLS handshake that failed or was reset. For a reset, the
 * error itself says no more than that one came, which may also have been after Slack had got the request. Bun has no such
 * channel: there, only the codes tell (`classifyFailure`).
 */
const unconnected = new WeakSet<Error>();

subscribe('undici:client:connectError', (message) => {
  const { error } = message as { error?: unknown };
  if (error instanceof Error) unconnected.add(error);
});

/** @param error of a fetch, which has the reason as its cause */
export function isUnconnected(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) if (unconnected.has(each)) return true;
  return false;
}
