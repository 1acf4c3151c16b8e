import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { wsOpenSocket } from '../connector/socket/ws-socket.ts';

/**
 * The measured half of sockets.ts: opens the URL on each line of stdin and holds it. On an empty line it waits until all
 * are open, and prints how many there are and what the process weighs.
 */
export interface Weight {
  sockets: number;
  rssKiB: number;
}

/** Handshakes under way at once; more only make each slower. */
const DIALS = 16;
const openSocket = wsOpenSocket({ handshakeTimeoutMs: 30_000 });
const waiting: string[] = [];
let dialling = 0;
let open = 0;

function dialMore(): void {
  while (dialling < DIALS) {
    const url = waiting.shift();
    if (url === undefined) return;
    dialling += 1;
    openSocket(url, {
      onOpen: () => {
        dialling -= 1;
        open += 1;
        dialMore();
      },
      onText: () => undefined,
      onBinary: () => undefined,
      onUnreadable: () => undefined,
      onHeard: () => undefined,
      onClose: ({ detail }) => {
        process.stderr.write(`a socket ended: ${detail}\n`);
        process.exit(1);
      },
    });
  }
}

/** By `--expose-gc`, which both runtimes know. */
const collectGarbage = (): void => (globalThis as { gc?: () => void }).gc?.();

async function weigh(): Promise<Weight> {
  while (waiting.length > 0 || dialling > 0) await sleep(10);
  for (let round = 0; round < 5; round += 1) {
    collectGarbage();
    await sleep(200);
  }
  return { sockets: open, rssKiB: Math.round(process.memoryUsage.rss() / 1024) };
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === '') process.stdout.write(`${JSON.stringify(await weigh())}\n`);
  else waiting.push(line);
  dialMore();
}
process.exit(0);
