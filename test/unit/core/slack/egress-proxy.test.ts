import { describe, expect, it } from 'vitest';
import { egressProxy, proxyTo } from '#core/slack/egress-proxy.ts';

const LOOPBACK = 'localhost,127.0.0.1,::1,[::1]';

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

describe('the way to a server', () => {
  const to = (url: string, except: string, proxy = 'http://p:1') =>
    proxyTo({ HTTPS_PROXY: proxy, NO_PROXY: except }, new URL(url));

  it.each([
    ['slack.com', true],
    ['slack.com:443', true],
    ['slack.com:80', false],
    ['.slack.com', true],
    ['*.slack.com', false],
    ['lack.com', false],
    ['', false],
    ['other.com,slack.com', true],
    ['*', true],
  ])('wss://Slack.com with NO_PROXY %j leads past the proxy: %s', (except, isDirect) => {
    expect(to('wss://Slack.com/link', except)).toBe(isDirect ? undefined : 'http://p:1');
  });

  it('leads through no proxy of a kind that the runtimes do not know', () => {
    expect(to('wss://slack.com', '', 'socks5://p:1')).toBeUndefined();
    expect(to('wss://slack.com', '', 'p:1')).toBeUndefined();
    expect(to('wss://slack.com', '', 'HTTPS://p:1')).toBe('HTTPS://p:1');
  });
});
