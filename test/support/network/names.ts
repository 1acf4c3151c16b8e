import dns from 'node:dns';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { RUNTIME } from '#core/process/runtime.ts';
import { hasCompiler } from '#test/support/c-compiler.ts';
import { runCommand } from '#test/support/command.ts';

/**
 * Name of the variable with the file that says where names lead to now, for programs under test. A line is a name and its
 * answer; of several lines of a name the last one counts. Whatever else ends in `.slack.test` does not exist.
 */
export const NAMES_FILE = 'RELAX_TEST_NAMES_FILE';

/** An address, or what a resolver can do instead of giving one; `hang`: no answer at all. */
export type Answer = `127.${string}` | 'ENOTFOUND' | 'EAI_AGAIN' | 'hang';

export const nameLine = (name: string, answer: Answer): string => `${name} ${answer}\n`;

function answerFor(file: string, name: string): string | undefined {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const line = lines.findLast((each) => each.startsWith(`${name} `));
  return line?.slice(name.length + 1) ?? (name.endsWith('.slack.test') ? 'ENOTFOUND' : undefined);
}

/** From now on every look-up of this process by node:dns gives what the file says. */
export function bendLookups(file: string): void {
  const { lookup } = dns;
  const bent = (host: string, options: dns.LookupOptions, done: (...answer: unknown[]) => void): void => {
    const answer = answerFor(file, host);
    if (answer === 'hang') return;
    if (answer === undefined) lookup(host, options, done as never);
    else if (isIP(answer) !== 0) {
      process.nextTick(done, null, ...(options.all ? [[{ address: answer, family: 4 }]] : [answer, 4]));
    } else {
      const error = new Error(`getaddrinfo ${answer} ${host}`);
      process.nextTick(done, Object.assign(error, { code: answer, errno: -3008, syscall: 'getaddrinfo' }));
    }
  };
  Object.assign(dns, { lookup: bent });
}

/** Whether nothing can bend the names of websockets here: under Bun it takes a library that is preloaded. */
export const cannotBend = RUNTIME.name === 'bun' && !hasCompiler();

/**
 * What a program under test gets besides `bendLookups`. Bun resolves the names of websockets past node:dns, by libc, and
 * keeps what it found for 30 s, in which it would see no fault.
 * @param folder for the library
 */
export async function bentEnv(file: string, folder: string): Promise<Record<string, string>> {
  if (RUNTIME.name === 'node' || cannotBend) return { [NAMES_FILE]: file };
  const library = join(folder, 'bent-lookups.so');
  const source = join(import.meta.dirname, 'bent-lookups.c');
  const { code, stderr } = await runCommand('cc', ['-shared', '-fPIC', '-O2', '-o', library, source]);
  if (code !== 0) throw new Error(`bent-lookups.c does not compile: ${stderr}`);
  return { [NAMES_FILE]: file, LD_PRELOAD: library, BUN_CONFIG_DNS_TIME_TO_LIVE_SECONDS: '0' };
}
