import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { promisify } from 'node:util';
import { localCertificate } from '#slack-simulator/certificate.ts';

const run = promisify(execFile);

/** Names and addresses of the stand-in that the good certificate is for. Names under `slack.test` exist only in a subject. */
const NAMES = ['IP:127.0.0.1', 'IP:127.0.0.2', 'IP:127.0.0.3', 'DNS:slack.test', 'DNS:*.slack.test'];

/** What a server may show of itself, and what is wrong with it. */
export interface HostileCertificates {
  /** PEM of the CA that the subject trusts. */
  caFile: string;
  good: SecureContext;
  /** For another name; by the trusted CA, as all but the last two are. */
  otherName: SecureContext;
  expired: SecureContext;
  /** By a CA that the subject does not know. */
  unknownCA: SecureContext;
  selfSigned: SecureContext;
  remove(): Promise<void>;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export async function hostileCertificates(): Promise<HostileCertificates> {
  const folder = await mkdtemp(join(tmpdir(), 'relax-hostile-'));
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: folder });
  const contextOf = async (name: string): Promise<SecureContext> =>
    createSecureContext({
      cert: await readFile(join(folder, `${name}.pem`)),
      key: await readFile(join(folder, `${name}.key`)),
    });
  const authority = (name: string, ...more: string[]): Promise<unknown> =>
    openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      `/CN=${name}`,
      ...more,
    );
  const leaf = async (name: string, names: readonly string[], days: number): Promise<SecureContext> => {
    await openssl('req', '-new', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const extensions = join(folder, `${name}.cnf`);
    await writeFile(extensions, `subjectAltName=${names.join(',')}\n`);
    const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', `${Date.now()}`];
    await openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...by,
      '-out',
      `${name}.pem`,
      '-days',
      `${days}`,
      '-extfile',
      extensions,
    );
    return contextOf(name);
  };
  await authority('ca', '-addext', 'basicConstraints=critical,CA:TRUE');
  const sanOf = `subjectAltName=${NAMES.join(',')}`;
  const unknown = await localCertificate(join(folder, 'unknown'), NAMES);
  const [good, otherName, expired] = await Promise.all([
    leaf('good', NAMES, 30),
    leaf('other', ['DNS:other.test'], 30),
    // It was over before it began.
    leaf('expired', NAMES, -1),
    authority('self', '-addext', sanOf),
  ]);
  return {
    caFile: join(folder, 'ca.pem'),
    good,
    otherName,
    expired,
    unknownCA: createSecureContext({ cert: unknown.cert, key: unknown.key }),
    selfSigned: await contextOf('self'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
