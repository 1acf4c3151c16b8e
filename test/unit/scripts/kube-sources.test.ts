import { describe, expect, it } from 'vitest';
import { chooseEnvtest } from '#scripts/kube-download.ts';
import { goFault } from '#scripts/kube-from-go.ts';

describe('a Go that may build Kubernetes', () => {
  it.each([
    ['go1.26.0', 'local'],
    ['go1.26.8', 'auto'],
    ['go1.27rc1', 'local'],
    ['go2.0', 'local'],
    // Fetches a newer one of itself through the module proxy.
    ['go1.21.3', 'auto'],
    ['go1.24.1', 'go1.24.1+auto'],
  ])('is %s with GOTOOLCHAIN %s', (version, toolchain) => {
    expect(goFault({ version, toolchain })).toBeUndefined();
  });

  it.each([
    ['go1.25.9', 'local'],
    ['go1.20.14', ''],
    ['devel +abc', 'local'],
    ['', ''],
  ])('is not %s with GOTOOLCHAIN %s', (version, toolchain) => {
    expect(goFault({ version, toolchain })).toContain('too old');
  });

  it('is not one that is not there', () => {
    expect(goFault(undefined)).toBe('there is no Go here');
  });
});

describe('the envtest release that is downloaded', () => {
  const release = (version: string, machine: string) => ({
    [`envtest-${version}-${machine}.tar.gz`]: {
      hash: `hash of ${version}`,
      selfLink: `https://example.test/${version}`,
    },
  });
  const index = (...versions: string[]) => ({
    releases: Object.fromEntries(versions.map((version) => [version, release(version, 'linux-amd64')])),
  });

  it('is the newest final one that is no newer than the Kubernetes of the tests', () => {
    const { url } = chooseEnvtest(index('v1.36.2', 'v1.36.10', 'v1.37.0', 'v1.36.11-rc.1', 'v1.9.0'), 'linux-amd64');
    expect(url).toBe('https://example.test/v1.36.10');
  });

  it('is named as missing where there is none for this machine, or all are too old or too new', () => {
    expect(() => chooseEnvtest(index('v1.36.2'), 'linux-riscv64')).toThrow(/no release .* for linux-riscv64/);
    expect(() => chooseEnvtest(index('v1.32.0', 'v1.37.0'), 'linux-amd64')).toThrow(/no release from 1\.33 to 1\.36/);
  });
});
