import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#cli/demo/free-port.ts';
import { findRedisServer } from '#cli/demo/redis-binary.ts';
import { waitFor } from './wait.ts';

/** A real redis-server or valkey-server from PATH on a free loopback port, with a folder of its own. */
export interface RedisServer {
  url: string;
  port: number;
  /** Of the running server; changes with `restart`. */
  readonly pid: number;
  /** SIGKILL; with `appendOnly` the data is there again after `restart`. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same data, killing it first if it still runs. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  appendOnly?: boolean;
  /** More arguments of redis-server, such as ['--maxmemory', '10mb']. */
  args?: readonly string[];
  /** More environment, such as LD_PRELOAD. */
  env?: Readonly<Record<string, string>>;
}

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'relax-redis-'));
  for (let attempt = 0; ; attempt++) {
    const port = await freePort();
    try {
      return await serve(port, folder, options);
    } catch (error) {
      // Another process may have taken the port in between.
      if (attempt === 4) throw error;
    }
  }
}

async function serve(port: number, folder: string, options: RedisServerOptions): Promise<RedisServer> {
  const launch = async (): Promise<ChildProcess> => {
    const child = spawn(
      findRedisServer(process.env.PATH ?? '') ?? 'redis-server',
      [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--dir',
        folder,
        '--save',
        '',
        '--daemonize',
        'no',
        '--appendonly',
        options.appendOnly ? 'yes' : 'no',
        '--loglevel',
        'warning',
        ...(options.args ?? []),
      ],
      { stdio: 'ignore', env: { ...process.env, ...options.env } },
    );
    let failure: Error | undefined;
    child.on('error', (error) => {
      failure = new Error(`redis-server does not start: ${error.message}`, { cause: error });
    });
    await waitFor(() => failure !== undefined || child.exitCode !== null || answers(port), { what: 'redis-server' });
    if (failure) throw failure;
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}: is port ${port} taken?`);
    return child;
  };

  let child = await launch();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? 0;
    },
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGKILL');
      child = await launch();
    },
    stop: async () => {
      await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A server that still loads its data answers too; its clients must cope with that. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(2_000, () => socket.destroy());
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
