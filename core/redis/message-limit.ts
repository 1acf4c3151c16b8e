import type { Duplex } from 'node:stream';
import type { LoneConnection, Redis } from './redis.ts';

const ANSWER_MS = 2_000;

/**
 * Why this Redis can never read an argument of `bytes`, in words; undefined when it can, or when that is not known now.
 *
 * Redis answers a message above `proto-max-bulk-len` by closing the connection while it is still being sent, and the reset
 * that follows usually swallows the error. So the question is asked on a separate connection, with a header that announces
 * the length but no body: then nothing is unread, and the error arrives. Since Redis has answered on that connection before,
 * the cause can't be anything else.
 */
export async function whyUnreadable(redis: Redis, bytes: number): Promise<string | undefined> {
  const connection = await redis.dialOnce().catch(() => undefined);
  if (connection === undefined) return undefined;
  try {
    const buffer = await queryBufferLimit(connection);
    if (buffer !== undefined && buffer < bytes) {
      return `its client-query-buffer-limit is ${buffer}: raise it`;
    }
    const words = await answerToHeader(connection.takeSocket(), bytes);
    return words?.startsWith('-ERR Protocol error: invalid bulk length')
      ? 'it is above proto-max-bulk-len: raise that'
      : undefined;
  } catch {
    return undefined;
  } finally {
    connection.close();
  }
}

/** Undefined where CONFIG is forbidden, as it usually is. Redis enforces this limit without an error. */
async function queryBufferLimit(connection: LoneConnection): Promise<number | undefined> {
  const answer = await connection.configGet('client-query-buffer-limit').catch(() => undefined);
  const limit = Number(answer);
  return limit > 0 ? limit : undefined;
}

function answerToHeader(socket: Duplex, bytes: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ANSWER_MS, undefined);
    const end = (answer: string | undefined): void => {
      clearTimeout(timer);
      resolve(answer);
    };
    socket.once('data', (data: Buffer) => end(data.toString('latin1')));
    socket.once('close', () => end(undefined));
    socket.write(`*2\r\n$4\r\nPING\r\n$${bytes}\r\n`);
  });
}
