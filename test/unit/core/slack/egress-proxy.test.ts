import { describe, expect, it } from 'vitest';
import { egressProxy, proxyMistake, proxyTo } from '#core/slack/egress-proxy.ts';

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

it.each(['', 'http://p:1', 'HTTPS://p:1', 'http://user:p%40ss@[::1]:3128'])('the proxy %j is fine', (HTTPS_PROXY) => {
  expect(proxyMistake({ HTTPS_PROXY })).toBeUndefined();
});

it.each(['p:1', 's3cret', 'socks5://u:s3cret@p:1', 'http://', 'http://u:s3cret%zz@p:1', 'http://p:99999'])(
  'the proxy %j is a mistake, told without its value',
  (https_proxy) => {
    expect(proxyMistake({ https_proxy })).toMatch(/^HTTPS_PROXY \(value hidden.*http:\/\/host:port(?!.*s3cret)/);
  },
);

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
