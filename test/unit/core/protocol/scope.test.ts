import { describe, expect, it } from 'vitest';
import { standaloneOwner } from '#core/config/standalone-owner.ts';
import { isForeignOwner, isSameOwner, kubeOwner } from '#core/protocol/scope.ts';

describe('The owner of a scope', () => {
  it('is another for two installations in one Kubernetes cluster', () => {
    expect(isSameOwner(kubeOwner('uid-1', 'relax'), kubeOwner('uid-1', 'relax'))).toBe(true);
    expect(isSameOwner(kubeOwner('uid-1', 'relax'), kubeOwner('uid-1', 'relax-2'))).toBe(false);
    expect(isSameOwner(kubeOwner('uid-1', 'relax'), kubeOwner('uid-2', 'relax'))).toBe(false);
  });

  it('is known again as an earlier version wrote it', () => {
    expect(isSameOwner('uid-1', 'uid-1/relax')).toBe(true);
    expect(isSameOwner('uid-1/relax', 'uid-1')).toBe(false);
    expect(isSameOwner('uid', 'uid-1/relax')).toBe(false);
  });

  it('sees no conflict while one of the two is not known', () => {
    expect(isForeignOwner('', 'uid-1/relax')).toBe(false);
    expect(isForeignOwner('uid-1/relax', '')).toBe(false);
    expect(isForeignOwner('uid-1/relax', 'uid-2/relax')).toBe(true);
  });

  it('is another on two machines of one host name, and stays the same on each', () => {
    const machine = (id: string | undefined) => ({
      hostname: 'ubuntu',
      cwd: '/',
      readFile: (path: string) => {
        if (id === undefined) throw new Error(`no ${path}`);
        return `${id}\n`;
      },
    });
    const owners = ['a', 'b', undefined, ''].map((id) => standaloneOwner('/home/me/bots', machine(id)));
    const [a, b, none, empty] = owners;
    expect(a).toMatch(/^standalone:ubuntu-[0-9a-f]{8}\/[0-9a-f]{8}$/);
    expect(b).not.toBe(a);
    expect(standaloneOwner('/home/me/bots', machine('a'))).toBe(a);
    expect([none, empty]).toEqual([a?.split('/')[0], a?.split('/')[0]]);
    // What an earlier version wrote.
    expect(isSameOwner(none ?? '', a ?? '')).toBe(true);
  });
});
