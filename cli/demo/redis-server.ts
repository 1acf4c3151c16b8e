import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { OwnedProcess } from './owned-process.ts';
import { findRedisServer, redisRemedy } from './redis-binary.ts';

/** The shell ends the server, and removes the folder, when its stdin closes: the kernel does that however we end. */
const KEEPER = `
folder=$1; shift
"$@" &
server=$!
cat > /dev/null
kill "$server" 2> /dev/null
wait "$server"
rm -rf "$folder"
`;

interface DemoRedis {
  url: string;
  process: OwnedProcess;
}

/** A Redis of the demo's own on a free port. @param folder goes away with it @throws Error with the remedy */
export async function startRedis(folder: string): Promise<DemoRedis> {
  const path = process.env.PATH ?? '';
  const server = findRedisServer(path);
  if (server === undefined) throw new Error(`the demo needs redis-server or valkey-server: ${redisRemedy(path)}`);
  const port = await freePort();
  const data = join(folder, 'redis');
  mkdirSync(data);
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', data, '--save', '', '--appendonly', 'no'];
  const command = ['/bin/sh', '-c', KEEPER, 'relax-demo', folder, server, ...args, '--daemonize', 'no'];
  return { url: `redis://127.0.0.1:${port}`, process: new OwnedProcess('redis-server', command, { tie: 'stdin' }) };
}
