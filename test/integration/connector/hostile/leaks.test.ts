import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { RUNTIME } from '#core/process/runtime.ts';
import { localCertificate } from '#slack-simulator/certificate.ts';
import { ENDS, ReconnectSlack, SLOW_ENDS } from './reconnect-slack.ts';
import type { Leaks } from './reconnect-subject.ts';

const SUBJECT = join(import.meta.dirname, 'reconnect-subject.ts');

let subject: ChildProcess | undefined;
/** A test that fails or takes too long does not wait for it. */
afterEach(() => {
  subject?.kill('SIGKILL');
});

/** Runs slots whose sockets end again and again, and gives what they left. */
async function reconnect() {
  const certificate = await localCertificate();
  const slack = await ReconnectSlack.start(certificate);
  try {
    const flags = RUNTIME.name === 'node' ? ['--expose-gc', '--no-warnings'] : [];
    const args = [...flags, SUBJECT, slack.url];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate.caFile },
    });
    subject = child;
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    // It ends by itself only if nothing is left that keeps it alive.
    const [code] = await once(child, 'close');
    expect(code).toBe(0);
    return { leaks: JSON.parse(out) as Leaks, ends: slack.ends, open: slack.open };
  } finally {
    await slack.stop();
  }
}

/** A socket with all that belongs to it takes some 30 KB. */
const MOST_GROWTH_BYTES = 2_000_000;

/** A thousand of one slot of each transport, and eight of each of fifty more. */
const [RECONNECTS, SLOTS] = [2_400, 52];

function expectNothingLeft({ after, empty, stopped }: Leaks): void {
  const none = { AbortController: 0, Unacknowledged: 0, listeners: empty.listeners };
  // One timer turns the wheel of heartbeats.
  expect(after).toMatchObject({ ...none, WebSocket: SLOTS, TCPSocketWrap: SLOTS, Timeout: 1 });
  expect(stopped).toMatchObject({ ...none, WebSocket: 0, TCPSocketWrap: 0, TLSWrap: 0, Timeout: 0 });
  // An idle connection to the Web API remembers its last call.
  expect(after.AbortSignal).toBeLessThanOrEqual((after.TLSSocket ?? 0) - SLOTS);
  expect(stopped.AbortSignal).toBeLessThanOrEqual(stopped.TLSSocket ?? 0);
  expect(stopped.TLSSocket).toBeLessThan(SLOTS);
}

/** A websocket is two objects of that name there, and signals and idle connections of the Web API do not outlast a call. */
function expectNothingLeftOnBun({ after, empty, stopped }: Leaks): void {
  const { heapBytes: _, Timeout: __, ...nothing } = empty;
  expect(after).toMatchObject({
    ...nothing,
    WebSocket: (empty.WebSocket ?? 0) + 2 * SLOTS,
    TLSSocket: expect.any(Number),
  });
  expect(after.Timeout).toBeLessThan(SLOTS);
  expect(stopped).toMatchObject({ ...nothing, Timeout: 0 });
}

it('thousands of reconnects of whatever kind leave no socket, timer, listener or signal behind', async () => {
  const { leaks, ends, open } = await reconnect();
  const { before, after, empty, stopped } = leaks;
  console.log(
    `${RECONNECTS} reconnects in ${Math.round(leaks.tookMs)} ms: ${JSON.stringify({ empty, before, after, stopped })}`,
  );
  expect(leaks.unhandled).toEqual([]);
  expect([...ENDS, ...SLOW_ENDS].filter((end) => !ends.has(end))).toEqual([]);
  expect([...ends.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0.8 * RECONNECTS);
  if (RUNTIME.name === 'node') expectNothingLeft(leaks);
  else expectNothingLeftOnBun(leaks);
  expect([leaks.members, open]).toEqual([0, 0]);
  expect((after.heapBytes ?? 0) - (before.heapBytes ?? 0)).toBeLessThan(MOST_GROWTH_BYTES);
}, 240_000);
