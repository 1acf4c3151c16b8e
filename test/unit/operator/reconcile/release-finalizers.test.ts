import { expect, it, vi } from 'vitest';
import { createLog } from '../../../../core/log.ts';
import { type ReleaseOptions, releaseAllFinalizers } from '../../../../operator/reconcile/release-finalizers.ts';

const log = createLog({ program: 'test', level: 'silent' });

it('takes no lease from the operator of its own pod, with which it would end', async () => {
  const lease = { metadata: { name: 'relax-operator' }, spec: { holderIdentity: 'relax-operator-1_5f' } };
  const replace = vi.fn();
  const client = { get: async () => lease, replace } as unknown as ReleaseOptions['client'];
  const options = { client, lease: { namespace: 'relax', name: 'relax-operator' }, namespaces: [], log };
  const signal = new AbortController().signal;
  await expect(releaseAllFinalizers({ ...options, pod: 'relax-operator-1' }, signal)).rejects.toThrow(
    /of this pod leads/,
  );
  expect(replace).not.toHaveBeenCalled();
});
