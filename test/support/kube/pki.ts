import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A CA for client certificates, made by openssl: Node can't sign certificates. */
export async function createClientCa(folder: string): Promise<void> {
  await openssl(folder, [
    'req',
    '-x509',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=relax-test-client-ca',
    ...newKey('client-ca'),
  ]);
}

/** Files `<file>.key` and `<file>.crt` that make their bearer `name` in `groups` to the API server. */
export async function createClientCertificate(
  folder: string,
  file: string,
  user: { name: string; groups: readonly string[] },
): Promise<void> {
  const subject = [...user.groups.map((group) => `/O=${group}`), `/CN=${user.name}`].join('');
  await openssl(folder, ['req', '-new', '-nodes', '-subj', subject, ...newKey(file, 'csr')]);
  const signer = ['-CA', 'client-ca.crt', '-CAkey', 'client-ca.key', '-CAcreateserial', '-days', '2'];
  await openssl(folder, ['x509', '-req', '-in', `${file}.csr`, ...signer, '-out', `${file}.crt`]);
}

/** Files `<file>.key` and `<file>.crt`: a self-signed certificate of 127.0.0.1, which is its own CA. */
export async function createServerCertificate(folder: string, file: string): Promise<void> {
  const names = ['-subj', `/CN=${file}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  await openssl(folder, ['req', '-x509', '-nodes', '-days', '2', ...names, ...newKey(file)]);
}

function newKey(file: string, kind: 'crt' | 'csr' = 'crt'): string[] {
  return [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-keyout',
    `${file}.key`,
    '-out',
    `${file}.${kind}`,
  ];
}

async function openssl(folder: string, args: string[]): Promise<void> {
  await run('openssl', args, { cwd: folder, env: { ...process.env, RANDFILE: join(folder, '.rnd') } });
}
