import { endByForceAfter } from '#core/process/forced-end.ts';
import { startHttpServer } from '#core/process/http-server.ts';
import { type Lifecycle, live } from '#core/process/lifecycle.ts';
import { createLog } from '#core/process/log.ts';
import { createRegistry } from '#core/process/metrics.ts';

/** A program that hangs on its way out as its argument says. Prints its port, then waits for SIGTERM or `fail`. */
const STOP_DEADLINE_MS = 2_000;

function spin(): never {
  for (;;);
}
const spinInMicrotasks = (): void => queueMicrotask(spinInMicrotasks);
const spinInTicks = (): void => process.nextTick(spinInTicks);
const never = (): Promise<never> => new Promise(() => setInterval(() => undefined, 1_000));

const HANGS: Record<string, (lifecycle: Lifecycle, outside: AbortSignal) => Promise<void> | void> = {
  'not at all': () => undefined,
  'in a part whose stop never resolves': (lifecycle) => stopping(lifecycle, never),
  'in a part whose stop spins': (lifecycle) => stopping(lifecycle, spin),
  'in a part whose stop spins in microtasks': (lifecycle) => stopping(lifecycle, spinInMicrotasks),
  'in a part whose stop spins in ticks': (lifecycle) => stopping(lifecycle, spinInTicks),
  'in a part whose stop throws at once and in another': async (lifecycle) => {
    await stopping(lifecycle, never);
    await stopping(lifecycle, () => {
      throw new Error('no');
    });
  },
  'in work that never ends': (lifecycle) => lifecycle.background('work', never()),
  'in work that spins when it is told to end': (lifecycle) =>
    lifecycle.signal.addEventListener('abort', () => spin(), { once: true }),
  'in a start that goes on': never,
  'in a listener that spins': (_lifecycle, outside) => outside.addEventListener('abort', () => spin(), { once: true }),
  'in an exit handler that spins': async (lifecycle) => {
    process.once('exit', spin);
    await never();
    void lifecycle;
  },
  'after it has failed': async (lifecycle) => {
    await stopping(lifecycle, never);
    setTimeout(() => lifecycle.fail(new Error('leadership lost')), 100);
  },
};

async function stopping(lifecycle: Lifecycle, stop: () => Promise<void> | void): Promise<void> {
  await lifecycle.part('a part', () => undefined, stop);
}

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const hang = HANGS[process.argv[2] ?? ''];
if (hang === undefined) throw new Error(`one of: ${Object.keys(HANGS).join(', ')}`);

await live(createLog({ program: 'test', level: 'info' }), stop.signal, STOP_DEADLINE_MS, async (lifecycle) => {
  const checks = { registry: createRegistry('operator'), notReady: () => [], notAlive: () => lifecycle.notAlive() };
  const server = await lifecycle.part(
    'http server',
    () => startHttpServer({ host: '127.0.0.1', port: 0 }, checks),
    (started) => started.stop(),
  );
  process.stdout.write(`port ${server.port}\n`);
  await hang(lifecycle, stop.signal);
});
// As cli/main.ts does: what was left behind keeps no process alive.
endByForceAfter(300, () => process.exit());
