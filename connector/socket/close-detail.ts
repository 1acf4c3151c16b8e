import { errorText } from '../../core/process/log.ts';

const MAX_LENGTH = 200;

/**
 * A text about a connection for logs: one line, bounded, without a token and without the URL, which runtimes like to
 * quote in their errors and whose ticket is a secret.
 */
export function closeDetail(cause: unknown, url: string): string {
  let text = errorText(cause);
  for (const secret of secretsOf(url)) text = text.replaceAll(secret, '[url]');
  return text.replace(/\b(?:wss?|https?):\/\/[^\s'"]+/gi, '[url]').slice(0, MAX_LENGTH);
}

/** Longest first, so that no rest of a longer one stays behind. */
function secretsOf(url: string): string[] {
  if (!URL.canParse(url)) return url === '' ? [] : [url];
  const { href, pathname, search, username, password } = new URL(url);
  return [url, href, `${pathname}${search}`, search, pathname, password, username].filter((part) => part.length > 3);
}
