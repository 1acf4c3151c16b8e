import { say } from '../events.ts';
import type { LifeRow } from '../life-row.ts';
import { REPLACED, UNHARMED } from './life-promises.ts';

/** A line of the table. */
const ODD_HELLOS = 'a hello that comes twice, late, after an event, or for another app';

/** What can come before, or in place of, hello. */
export const GREETING_ROWS: readonly LifeRow[] = [
  {
    fault: 'hello twice',
    line: ODD_HELLOS,
    greet(socket) {
      socket.hello();
      socket.hello();
    },
    promise: UNHARMED,
  },
  {
    fault: 'hello after five seconds',
    line: ODD_HELLOS,
    async greet(socket) {
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      socket.hello();
    },
    promise: UNHARMED,
  },
  {
    fault: 'a hello that names another app than the token',
    line: ODD_HELLOS,
    transports: ['socketMode'],
    greet: (socket) => socket.hello({ connection_info: { app_id: 'A0OTHER' } }),
    promise: UNHARMED,
  },
  {
    fault: 'an event before hello',
    line: ODD_HELLOS,
    greet(socket, kind) {
      say(socket, kind, 'early');
      socket.hello();
    },
    promise: UNHARMED,
    offers: () => ({ event: 1 }),
  },
  {
    fault: 'goodbye in place of hello',
    greet: (socket, kind) =>
      socket.text(JSON.stringify(kind === 'rtm' ? { type: 'goodbye' } : { type: 'disconnect', reason: 'warning' })),
    promise: { kind: 'replaced', reasons: ['HelloTimeout'], detectedWithinMs: 11_500 },
  },
  {
    fault: 'a close frame in place of hello',
    greet: (socket) => socket.close(1011),
    promise: REPLACED,
  },
];
