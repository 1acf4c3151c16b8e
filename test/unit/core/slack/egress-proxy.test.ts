import { expect, it } from 'vitest';
import { egressProxy } from '#core/slack/egress-proxy.ts';

const LOOPBACK = 'localhost,127.0.0.1,[::1]';

it.each([
  [{}, undefined],
  [{ HTTPS_PROXY: '' }, undefined],
  [{ HTTP_PROXY: 'http://p:1' }, undefined],
  [{ HTTPS_PROXY: 'http://p:1' }, { HTTPS_PROXY: 'http://p:1', NO_PROXY: LOOPBACK }],
  [
    { https_proxy: 'http://q:1', HTTPS_PROXY: 'http://p:1' },
    { HTTPS_PROXY: 'http://q:1', NO_PROXY: LOOPBACK },
  ],
  [
    { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'redis, .svc' },
    { HTTPS_PROXY: 'http://p:1', NO_PROXY: `redis,.svc,${LOOPBACK}` },
  ],
])('%j', (env, proxy) => {
  expect(egressProxy(env)).toEqual(proxy);
});
