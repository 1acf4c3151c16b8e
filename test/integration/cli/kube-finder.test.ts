import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureKube } from '#scripts/kube.ts';
import { thisMachine } from '#scripts/kube-download.ts';
import { findHelm, findKubeBinaries } from '#test/support/kube/binaries.ts';

const SERVER = ['etcd', 'kube-apiserver', 'kubectl'];
const ALL = { server: true, helm: true };

describe('a machine that needs Kubernetes for the tests', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;
  let said: string[];
  const files = new Map<string, Buffer>();
  let site: Server;
  let url: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'relax-kube-finder-'));
    // Nothing of the real machine but the system's own tools, and no Go.
    for (const name of ['bin', 'programs']) mkdirSync(join(folder, name));
    link('tar');
    link('gzip');
    env = { HOME: folder, PATH: join(folder, 'bin') };
    said = [];
    files.clear();
    site = createServer((request, response) => {
      const file = files.get(request.url ?? '');
      response.writeHead(file === undefined ? 404 : 200).end(file);
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    const address = site.address();
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  });
  afterEach(async () => {
    site.closeAllConnections();
    await new Promise((resolve) => site.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  const shared = (): string => join(folder, 'no-shared-folder');
  const ensure = (needs = ALL) =>
    ensureKube(needs, {
      env,
      shared: shared(),
      say: (line: string) => said.push(line),
      sites: { envtestIndex: `${url}/envtest-releases.yaml`, helm: url },
    });
  function program(at: string, body = 'exit 0'): void {
    writeFileSync(join(folder, at), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, at), 0o755);
  }
  function link(name: string): void {
    program(join('bin', name), `PATH=/usr/bin:/bin exec ${name} "$@"`);
  }
  /** An archive as its publisher lays it out. */
  function archive(inside: string, names: readonly string[]): Buffer {
    const at = mkdtempSync(join(folder, 'publisher-'));
    mkdirSync(join(at, inside), { recursive: true });
    for (const name of names) {
      writeFileSync(join(at, inside, name), `#!/bin/sh\necho ${name} of the publisher\n`);
    }
    spawnSync('tar', ['-czf', join(at, 'archive.tar.gz'), '-C', at, inside.split('/')[0] ?? '']);
    return readFileSync(join(at, 'archive.tar.gz'));
  }
  function publish(options: { envtestHash?: string } = {}): void {
    const machine = thisMachine();
    const envtest = archive('controller-tools/envtest', SERVER);
    const hash = options.envtestHash ?? createHash('sha512').update(envtest).digest('hex');
    files.set('/envtest.tar.gz', envtest);
    files.set(
      '/envtest-releases.yaml',
      Buffer.from(
        `releases:\n  v1.36.2:\n    envtest-v1.36.2-${machine}.tar.gz:\n      hash: ${hash}\n      selfLink: ${url}/envtest.tar.gz\n`,
      ),
    );
    const helm = archive(machine, ['helm', 'LICENSE']);
    const name = `helm-v3.22.0-${machine}.tar.gz`;
    files.set(`/${name}`, helm);
    files.set(`/${name}.sha256sum`, Buffer.from(`${createHash('sha256').update(helm).digest('hex')}  ${name}\n`));
  }
  /** A Go that builds what it is told to, as far as anybody can see. */
  function fakeGo(version = 'go1.26.8', last = 'true'): void {
    program(
      'bin/go',
      `PATH=/usr/bin:/bin
case "$1" in
  env) printf '${version}\\nlocal\\n';;
  build) echo k8s.io/one >&2; ${last} && while [ "$1" != -o ]; do shift; done && printf '#!/bin/sh\\n' > "$2" && chmod +x "$2";;
  install) printf '#!/bin/sh\\n' > "$GOBIN/helm" && chmod +x "$GOBIN/helm";;
esac`,
    );
  }

  it('is left alone when it has all', async () => {
    for (const name of [...SERVER, 'helm']) program(join('bin', name));
    expect(await ensure()).toBeUndefined();
    expect(said).toEqual([]);
  });

  it('gets them built by its Go, announced first with what, how long and where it goes, and once', async () => {
    fakeGo();
    expect(await ensure()).toBeUndefined();
    expect(said[0]).toMatch(
      /^Missing here .*: an API server, helm\. Building etcd .* with go1\.26\.8 .* minutes .*4 GB.*Kept in .*relax-kube; RELAX_KUBE_GET=no/,
    );
    expect(said).toContainEqual(
      expect.stringMatching(/kube-apiserver: \d+ s, 0 modules fetched, 1 packages compiled, done/),
    );
    expect(findKubeBinaries(env, shared())).toMatchObject({ helm: expect.stringContaining('/helm-3.22.0/helm') });
    said.length = 0;
    expect(await ensure()).toBeUndefined();
    expect(said).toEqual([]);
  });

  it('gets published ones where Go is too old, each by its checksum', async () => {
    fakeGo('go1.24.2');
    publish();
    expect(await ensure()).toBeUndefined();
    expect(said[0]).toContain('Downloading etcd, kube-apiserver and kubectl of envtest');
    expect(said).toContainEqual(expect.stringMatching(/envtest\.tar\.gz: .* checksum right/));
    const found = findKubeBinaries(env, shared());
    const { stdout } = spawnSync(found?.['kube-apiserver'] ?? '', { encoding: 'utf8' });
    expect(stdout).toBe('kube-apiserver of the publisher\n');
    expect(findHelm(env)).toContain('helm-3.22.0');
  });

  it('gets published ones where the build fails, and learns why it failed', async () => {
    fakeGo('go1.26.8', 'echo "no space left on device" >&2; exit 1');
    publish();
    expect(await ensure()).toBeUndefined();
    expect(said).toContainEqual(expect.stringMatching(/Not built: etcd: go build: .*no space left on device/));
  });

  it('uses nothing whose checksum is wrong, and leaves nothing of it behind', async () => {
    publish({ envtestHash: 'abc' });
    expect(await ensure()).toEqual(ALL);
    expect(said).toContainEqual(expect.stringMatching(/Not downloaded: .*sha512 .* and abc is published: not used/));
    expect(findKubeBinaries(env, shared())).toBeUndefined();
    expect(existsSync(join(folder, '.cache/relax-kube'))).toBe(true);
    expect(spawnSync('ls', ['-A', join(folder, '.cache/relax-kube')], { encoding: 'utf8' }).stdout).toBe('');
  });

  it('is told what is missing where there is no network', async () => {
    expect(await ensure()).toEqual(ALL);
    expect(said).toContainEqual(
      expect.stringMatching(/Not downloaded: http:.*envtest-releases\.yaml can't be had: .*404/),
    );
  });

  it('gets helm alone where only helm is missing, as beside the programs of setup-envtest', async () => {
    for (const name of SERVER) program(join('programs', name));
    env.KUBEBUILDER_ASSETS = join(folder, 'programs');
    publish();
    expect(await ensure()).toBeUndefined();
    expect(said[0]).toMatch(/^Missing here .*: helm\. Downloading helm/);
    expect(findKubeBinaries(env, shared())).toMatchObject({ helm: expect.stringContaining('helm-3.22.0') });
  });

  it('gets nothing when that is forbidden, and nothing in a way that is not allowed', async () => {
    publish();
    env.RELAX_KUBE_GET = 'no';
    expect(await ensure()).toEqual(ALL);
    expect(said).toEqual([]);
    env.RELAX_KUBE_GET = 'go';
    await expect(ensure()).rejects.toThrow('RELAX_KUBE_GET=go, and there is no Go here');
    env.RELAX_KUBE_GET = 'maybe';
    await expect(ensure()).rejects.toThrow('set it to go, download or no');
    fakeGo();
    env.RELAX_KUBE_GET = 'download';
    expect(await ensure()).toBeUndefined();
    expect(said[0]).toContain('Downloading');
  });
});
