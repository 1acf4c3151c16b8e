import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Either will do: both have everything that Relax needs. */
const SERVERS = ['redis-server', 'valkey-server'] as const;

/** The package that brings a server, by the package manager of the machine. Each command is typed as root, save brew's. */
export interface RedisPackage {
  manager: string;
  command: readonly string[];
  /** Whether the manager wants to be root. */
  asRoot: boolean;
}

const PACKAGES: readonly RedisPackage[] = [
  // RUNLEVEL=1 keeps Debian from starting the server as a service: only the program is wanted.
  {
    manager: 'apt-get',
    command: ['env', 'RUNLEVEL=1', 'apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'redis-server'],
    asRoot: true,
  },
  { manager: 'dnf', command: ['dnf', 'install', '-y', '-q', 'valkey'], asRoot: true },
  { manager: 'apk', command: ['apk', 'add', '--quiet', 'valkey'], asRoot: true },
  { manager: 'pacman', command: ['pacman', '-S', '--noconfirm', 'valkey'], asRoot: true },
  { manager: 'brew', command: ['brew', 'install', '--quiet', 'redis'], asRoot: false },
];

/** @param path the variable PATH @returns the first program of that name, absolute */
export function programOnPath(name: string, path: string): string | undefined {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** @returns path of a Redis or Valkey server */
export function findRedisServer(path: string): string | undefined {
  for (const name of SERVERS) {
    const found = programOnPath(name, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** How this machine would get one; undefined without a package manager known here. */
export const redisPackage = (path: string): RedisPackage | undefined =>
  PACKAGES.find(({ manager }) => programOnPath(manager, path) !== undefined);

/** The one command that a person types. */
export function redisRemedy(path: string): string {
  const found = redisPackage(path);
  if (found === undefined) return 'install Redis 6.2 or Valkey 7.2, or later, so that redis-server is on PATH';
  return `type: ${found.asRoot ? 'sudo ' : ''}${found.command.join(' ')}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
