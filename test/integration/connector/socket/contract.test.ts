import { join } from 'node:path';
import { describe } from 'vitest';
import { wsOpenSocket } from '#connector/socket/ws-socket.ts';
import { socketContract } from '#test/contract/socket-contract.ts';

/** In a suite of each runtime (scripts/test.ts). */
describe('the socket by ws', () => {
  socketContract({
    openSocket: wsOpenSocket(),
    impatient: wsOpenSocket({ handshakeTimeoutMs: 300 }),
    dialProgram: join(import.meta.dirname, '..', '..', '..', 'contract', 'dial.ts'),
  });
});
