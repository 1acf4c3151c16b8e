import { isAbsolute, resolve } from 'node:path';

/** How the text of a setting becomes a value. A kind says what it expects in words that end up in the error message. */

/** What a kind may know about the machine; passed in, so that parsing depends only on its arguments. */
export interface Machine {
  hostname: string;
  cwd: string;
  /** @throws the error of `readFileSync`. */
  readFile(path: string): string;
}

export type Verdict<T> =
  | { value: T; warning?: string }
  /** Why the text is refused, where `expects` alone does not say it. */
  | { mistake: string | undefined };

export interface Kind<T> {
  /** Completes "expected ...". */
  expects: string;
  read(text: string, machine: Machine): Verdict<T>;
  /** The text as an error message may show it; undefined when it may be a secret. */
  show?(text: string): string | undefined;
}

const REFUSED = { mistake: undefined };

export function integer(min: number, max: number): Kind<number> {
  return {
    expects: `a whole number from ${min} to ${max}, digits only`,
    read: (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? { value } : REFUSED;
    },
  };
}

export function choice<const T extends string>(values: readonly T[]): Kind<T> {
  return {
    expects: `one of ${values.join(', ')}`,
    read: (text) => {
      const value = values.find((candidate) => candidate === text);
      return value === undefined ? REFUSED : { value };
    },
  };
}

export function text(pattern: RegExp, expects: string): Kind<string> {
  return { expects, read: (value) => (pattern.test(value) ? { value } : REFUSED) };
}

export function commaList(pattern: RegExp, expects: string): Kind<readonly string[]> {
  return {
    expects: `a comma separated list of ${expects}`,
    read: (value) => {
      const items = value.split(',').map((item) => item.trim());
      const bad = items.find((item) => !pattern.test(item));
      if (bad !== undefined) return { mistake: `"${bad}" is not one` };
      const twice = items.find((item, index) => items.indexOf(item) !== index);
      return twice === undefined ? { value: items } : { mistake: `"${twice}" is listed twice` };
    },
  };
}

export const yesOrNo: Kind<boolean> = {
  expects: 'true or false',
  read: (value) => (value === 'true' || value === 'false' ? { value: value === 'true' } : REFUSED),
};

/** A setting planned for a later version: only its present value is accepted. */
export function notYet(present: string): Kind<string> {
  return {
    expects: `"${present}" or nothing`,
    read: (value) => (value === present ? { value } : { mistake: 'not in this version yet' }),
  };
}

/**
 * A path, made absolute. The file must be readable now and pass `check`, which returns what is wrong with it.
 * A value that does not look like a path may be the secret itself, so it is never shown.
 */
export function file(expects: string, check: (content: string) => string | undefined): Kind<string> {
  return {
    expects: `the path of ${expects}`,
    read: (value, machine) => {
      const path = resolve(machine.cwd, value);
      try {
        const problem = check(machine.readFile(path));
        return problem === undefined ? { value: path } : { mistake: problem };
      } catch (error) {
        return { mistake: `it can't be read (${errorCode(error)})` };
      }
    },
    show: (value) => (looksLikePath(value) ? value : undefined),
  };
}

const looksLikePath = (value: string): boolean =>
  (isAbsolute(value) || value.startsWith('./') || value.startsWith('../')) && !/^[A-Za-z0-9+/_-]{43}=?$/.test(value);

const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown reason';

export const folder: Kind<string> = {
  expects: 'the path of a directory',
  read: (value, machine) => ({ value: resolve(machine.cwd, value) }),
};

export const redisUrl: Kind<string> = {
  expects: 'redis://host:port or rediss://host:port (TLS), with /number for a database other than 0',
  read: (value) => {
    const url = parseUrl(value);
    if (url === undefined || url.hostname === '') return REFUSED;
    if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') return REFUSED;
    // The client would take any of its own options from the query.
    if (url.search !== '' || url.hash !== '') return { mistake: 'a query or fragment is not supported' };
    return /^(\/\d*)?$/.test(url.pathname) ? { value } : { mistake: 'the database is a number' };
  },
  show: (value) => withoutPassword(value),
};

export const slackApiUrl: Kind<string> = {
  expects: "an https:// URL without query, such as Slack's own https://slack.com/api/",
  read: (value) => {
    const url = parseUrl(value);
    if (url === undefined || url.hostname === '') return REFUSED;
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return REFUSED;
    if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') return REFUSED;
    const normal = url.href.endsWith('/') ? url.href : `${url.href}/`;
    if (url.protocol === 'https:' || isLoopback(url.hostname)) return { value: normal };
    return { value: normal, warning: 'tokens travel unencrypted to a host that is not this machine: use https://' };
  },
  show: (value) => withoutPassword(value),
};

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);

const parseUrl = (value: string): URL | undefined => (URL.canParse(value) ? new URL(value) : undefined);

/** A URL without its password; undefined when the position of the password can't be determined. */
function withoutPassword(value: string): string | undefined {
  const url = parseUrl(value);
  if (url === undefined) return value.includes('@') ? undefined : value;
  if (url.password !== '') url.password = 'hidden';
  return url.host === '' && value.includes('@') ? undefined : url.href;
}
