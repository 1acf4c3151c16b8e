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
  /** In PEM: the server's own, then the one that signed it unless that is the CA. The server sends all of it. */
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
export function localCertificate(folder = defaultFolder, names: readonly string[] = localNames): Promise<Certificate> {
  return keptIn(folder, (fresh) => signByCA(fresh, names));
}

/**
 * The same with a chain as servers on the internet have it: an RSA certificate with all that a public CA writes into one, and
 * the intermediate that signed it. A client keeps what it is sent, so that such a chain weighs more in it than a small one.
 */
export function chainCertificate(folder = `${defaultFolder}-chain`): Promise<Certificate> {
  return keptIn(folder, (fresh) => signByIntermediate(fresh, localNames));
}

async function keptIn(folder: string, make: (fresh: string) => Promise<void>): Promise<Certificate> {
  const kept = await load(folder);
  if (kept !== undefined) return kept;
  await mkdir(dirname(folder), { recursive: true });
  const fresh = await mkdtemp(`${folder}-`);
  try {
    await make(fresh);
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
    const isUsable = isSigned([...chainIn(cert), new X509Certificate(ca)]);
    return isUsable ? { caFile, ca, cert, key } : undefined;
  } catch {
    return undefined;
  }
}

const chainIn = (pem: Buffer): X509Certificate[] =>
  pem
    .toString()
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .filter((each) => each.includes('BEGIN'))
    .map((each) => new X509Certificate(each));

/** Each by the next, and none about to expire. */
const isSigned = (chain: X509Certificate[]): boolean =>
  chain.every(
    (each, at) => each.verify((chain[at + 1] ?? each).publicKey) && each.validToDate.getTime() > Date.now() + dayMs,
  );

const ecKey = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
const rsaKey = '-newkey rsa:2048 -nodes';
const rootExtensions = '-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign';
const leafExtensions = (names: readonly string[]): string[] => [
  'basicConstraints=CA:FALSE',
  'keyUsage=critical,digitalSignature',
  'extendedKeyUsage=serverAuth',
  `subjectAltName=${names.join(',')}`,
];
/** Where to ask about a certificate and what it promises: a public CA writes this into each. */
const publicExtensions = [
  'subjectKeyIdentifier=hash',
  'authorityKeyIdentifier=keyid',
  'authorityInfoAccess=OCSP;URI:http://ocsp.ca.example/slack-simulator,caIssuers;URI:http://certificates.ca.example/slack-simulator-intermediate.crt',
  'crlDistributionPoints=URI:http://crl.ca.example/slack-simulator-intermediate-1.crl,URI:http://crl2.ca.example/slack-simulator-intermediate-1.crl',
  'certificatePolicies=2.23.140.1.2.2',
];
const intermediateExtensions = [
  'basicConstraints=critical,CA:TRUE,pathlen:0',
  'keyUsage=critical,digitalSignature,keyCertSign,cRLSign',
  'extendedKeyUsage=serverAuth,clientAuth',
];
/** The signed time stamps of two public logs: DER of 1.3.6.1.4.1.11129.2.4.2, of the usual length. */
const logStamps = `1.3.6.1.4.1.11129.2.4.2=DER:${'04:81:f0'.concat(':5a'.repeat(240))}`;

async function openssl(folder: string, args: string): Promise<void> {
  await run('openssl', args.split(' ').filter(Boolean), { cwd: folder }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new Error('TLS needs openssl to make a certificate, and it is not on PATH', { cause: error });
  });
}

const makeRoot = (folder: string, key: string): Promise<void> =>
  openssl(
    folder,
    `req -x509 ${key} -keyout ca.key -out ca.pem -days 3650 -subj /O=Relax/CN=slack-simulator-ca ${rootExtensions}`,
  );

/** `name`.pem, signed with `by`.key, and its own key. */
async function makeSigned(
  folder: string,
  of: { name: string; subject: string; key: string; by: string; extensions: readonly string[] },
): Promise<void> {
  const { name, by } = of;
  await writeFile(join(folder, `${name}.cnf`), `${of.extensions.join('\n')}\n`);
  await openssl(folder, `req -new ${of.key} -keyout ${name}.key -out ${name}.csr -subj ${of.subject}`);
  await openssl(
    folder,
    `x509 -req -in ${name}.csr -CA ${by}.pem -CAkey ${by}.key -CAcreateserial -out ${name}.pem -days 3650 -extfile ${name}.cnf`,
  );
}

async function signByCA(folder: string, names: readonly string[]): Promise<void> {
  await makeRoot(folder, ecKey);
  const extensions = leafExtensions(names);
  await makeSigned(folder, { name: 'server', subject: '/O=Relax/CN=localhost', key: ecKey, by: 'ca', extensions });
  // Nobody can sign another certificate that programs under test would trust.
  await rm(join(folder, 'ca.key'));
}

async function signByIntermediate(folder: string, names: readonly string[]): Promise<void> {
  await makeRoot(folder, rsaKey);
  await makeSigned(folder, {
    name: 'intermediate',
    subject: '/C=US/O=Relax/CN=slack-simulator-intermediate',
    key: rsaKey,
    by: 'ca',
    extensions: [...intermediateExtensions, ...publicExtensions],
  });
  await makeSigned(folder, {
    name: 'server',
    subject: '/C=US/ST=California/L=Cupertino/O=Relax/CN=localhost',
    key: rsaKey,
    by: 'intermediate',
    extensions: [...leafExtensions(names), ...publicExtensions, logStamps],
  });
  const [leaf, intermediate] = await Promise.all(
    ['server.pem', 'intermediate.pem'].map((file) => readFile(join(folder, file), 'utf8')),
  );
  await writeFile(join(folder, 'server.pem'), `${leaf}${intermediate}`);
  await Promise.all(['ca.key', 'intermediate.key'].map((file) => rm(join(folder, file))));
}
