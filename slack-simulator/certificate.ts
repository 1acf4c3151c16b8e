import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const dayMs = 24 * 60 * 60 * 1000;
/** Rises when the way the files are made changes, so that old ones are not used any more. */
const version = 1;
const cacheFolder = process.env.XDG_CACHE_HOME || join(process.env.HOME || homedir(), '.cache');
const defaultFolder = join(cacheFolder, 'relax-slack', `v${version}`);

export type Certificate = {
  /** Path of the CA in PEM: what NODE_EXTRA_CA_CERTS takes. */
  caFile: string;
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
};

const localNames = ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1'];

/** A certificate for this name or IP address, and for localhost, by a CA of its own; made once, then kept. */
export function certificateFor(host: string): Promise<Certificate> {
  const name = `${isIP(host) === 0 ? 'DNS' : 'IP'}:${host}`;
  if (localNames.includes(name)) return localCertificate();
  return localCertificate(`${defaultFolder}-${host.replaceAll(/[^\w.-]/g, '_')}`, [...localNames, name]);
}

/** A certificate for 127.0.0.1 and localhost by a CA of our own. Made once by openssl, then kept in `folder`. */
export async function localCertificate(
  folder = defaultFolder,
  names: readonly string[] = localNames,
): Promise<Certificate> {
  const kept = await load(folder);
  if (kept !== undefined) return kept;
  await mkdir(dirname(folder), { recursive: true });
  const fresh = await mkdtemp(`${folder}-`);
  try {
    await make(fresh, names);
    // An existing one that can't be used (expired) is replaced; one that another process has just made must stay, because
    // that process has told its file to its clients.
    if ((await load(folder)) === undefined) await setAside(folder);
    // A folder is renamed onto nothing or not at all: of several processes the first wins.
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    const theirs = await load(folder);
    if (theirs === undefined) throw error;
    return theirs;
  }
  const made = await load(folder);
  if (made === undefined) throw new Error(`openssl made no usable certificate in ${folder}`);
  return made;
}

async function setAside(folder: string): Promise<void> {
  const old = await mkdtemp(`${folder}-old-`);
  // Nothing there is the usual case.
  await rename(folder, join(old, 'files')).catch(() => undefined);
  await rm(old, { recursive: true, force: true });
}

async function load(folder: string): Promise<Certificate | undefined> {
  try {
    const caFile = join(folder, 'ca.pem');
    const [ca, cert, key] = await Promise.all([
      readFile(caFile),
      readFile(join(folder, 'server.pem')),
      readFile(join(folder, 'server.key')),
    ]);
    const leaf = new X509Certificate(cert);
    const isUsable = leaf.verify(new X509Certificate(ca).publicKey) && leaf.validToDate.getTime() > Date.now() + dayMs;
    return isUsable ? { caFile, ca, cert, key } : undefined;
  } catch {
    return undefined;
  }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const extensions = (names: readonly string[]): string[] => [
  'basicConstraints=CA:FALSE',
  'keyUsage=critical,digitalSignature',
  'extendedKeyUsage=serverAuth',
  `subjectAltName=${names.join(',')}`,
];

async function make(folder: string, names: readonly string[]): Promise<void> {
  const openssl = async (args: string): Promise<void> => {
    await run('openssl', args.split(' ').filter(Boolean), { cwd: folder }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      throw new Error('TLS needs openssl to make a certificate, and it is not on PATH', { cause: error });
    });
  };
  await writeFile(join(folder, 'server.cnf'), `${extensions(names).join('\n')}\n`);
  await openssl(
    `req -x509 ${newKey.join(' ')} -keyout ca.key -out ca.pem -days 3650 -subj /O=Relax/CN=slack-simulator-ca ` +
      '-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign',
  );
  await openssl(`req -new ${newKey.join(' ')} -keyout server.key -out server.csr -subj /O=Relax/CN=localhost`);
  await openssl(
    'x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 3650 -extfile server.cnf',
  );
  // Nobody can sign another certificate that programs under test would trust.
  await rm(join(folder, 'ca.key'));
}
