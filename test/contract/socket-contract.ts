import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  EDGE_BYTES,
  MAX_TEXT_BYTES,
  MOST_FRAME_BYTES,
  MOST_UNSENT_BYTES,
  type OpenSocket,
} from '#connector/socket/socket.ts';
import { type Certificate, localCertificate } from '#slack-simulator/certificate.ts';
import { runCommand } from '#test/support/command.ts';
import { waitFor } from '#test/support/wait.ts';
import { BINARY, CLOSE, type PeerConnection, PING, PONG, RawPeer, TEXT } from './raw-peer.ts';
import { SocketLog } from './socket-log.ts';

export interface ContractSubject {
  openSocket: OpenSocket;
  /** A program that takes a URL, dials it and prints `{opened, ...SocketClose}`, for what only a new process can show. */
  dialProgram: string;
  /** The subject with a short handshake timeout. */
  impatient: OpenSocket;
}

/** What every OpenSocket must do, whatever library and runtime are below it (ADR 0001). */
export function socketContract(subject: ContractSubject): void {
  let peer: RawPeer;
  const logs: SocketLog[] = [];

  beforeEach(async () => {
    peer = await RawPeer.start();
  });
  afterEach(async () => {
    for (const log of logs) log.socket.terminate();
    await waitFor(() => logs.every((log) => log.closes.length > 0), { what: 'every socket tells its end' });
    await peer.stop();
    for (const log of logs.splice(0)) log.checkOrder();
  });

  function dial(url = peer.url, openSocket = subject.openSocket): SocketLog {
    const log = new SocketLog(openSocket, url);
    logs.push(log);
    return log;
  }

  async function open(): Promise<{ log: SocketLog; far: PeerConnection }> {
    const log = dial();
    await waitFor(() => log.count('open') === 1, { what: 'onOpen' });
    const far = await waitFor(() => peer.connections.at(-1));
    return { log, far };
  }

  const texts = (count: number, bytes: number): string[] =>
    Array.from({ length: count }, (_, at) => `${at}:${'x'.repeat(bytes)}`);

  describe('texts', () => {
    it('go out and come in, whole and in order', async () => {
      const { log, far } = await open();
      expect(['one', 'zwei: ä€😀', ''].map((text) => log.socket.send(text))).toEqual([true, true, true]);
      const sent = texts(2_000, 50);
      for (const text of sent) far.text(text);
      await waitFor(() => log.texts.length === sent.length && far.frames.length === 3);
      expect(log.texts).toEqual(sent);
      expect(far.frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
        [TEXT, 'one'] as const,
        [TEXT, 'zwei: ä€😀'] as const,
        [TEXT, ''] as const,
      ]);
    });

    it('are put together when a fragment ends inside a character', async () => {
      const { log, far } = await open();
      const bytes = Buffer.from('a😀b');
      far.fragments([bytes.subarray(0, 2), bytes.subarray(2, 4), bytes.subarray(4)]);
      await waitFor(() => log.texts.length === 1);
      expect(log.texts).toEqual(['a😀b']);
    });

    it('come from the very moment of the upgrade on', async () => {
      const log = dial();
      const far = await waitFor(() => (peer.connections[0]?.isOpen ? peer.connections[0] : undefined), { everyMs: 0 });
      far.text('hello');
      await waitFor(() => log.texts.length === 1);
      expect(log.told).toEqual(['open', 'text hello']);
    });

    it('may be as large as the limit, and no larger', async () => {
      const { log, far } = await open();
      far.frame(TEXT, Buffer.alloc(MAX_TEXT_BYTES, 'x'));
      far.frame(TEXT, Buffer.alloc(MAX_TEXT_BYTES + 1, 'x'));
      far.text('after');
      await waitFor(() => log.texts.length === 2);
      expect(log.texts.map((text) => text.length)).toEqual([MAX_TEXT_BYTES, 5]);
      expect(log.count(`tooLarge ${MAX_TEXT_BYTES + 1}`)).toBe(1);
      far.frame(TEXT, Buffer.alloc(MOST_FRAME_BYTES + 1, 'x'));
      expect((await log.closed()).kind).toBe('tooLarge');
    });

    it('that are not UTF-8 are reported and dropped, and the socket stays open', async () => {
      const { log, far } = await open();
      far.frame(TEXT, Buffer.from([0xc3, 0x28]));
      far.text('after');
      await waitFor(() => log.texts.length === 1);
      expect(log.told).toEqual(['open', 'notUtf8 2', 'text after']);
    });

    it('that cannot be read are shown by their edges, so that the event inside can be acknowledged', async () => {
      const { log, far } = await open();
      const large = Buffer.alloc(MAX_TEXT_BYTES + 1, 'x');
      large.write('{"envelope_id":"e-1"');
      large.write('}', MAX_TEXT_BYTES);
      far.frame(TEXT, large);
      far.frame(TEXT, Buffer.from([0x61, 0xff, 0x62]));
      far.text('after');
      await waitFor(() => log.texts.length === 1);
      expect(log.edges.map((edges) => edges.length)).toEqual([2 * EDGE_BYTES, 3]);
      expect(log.edges[0]).toMatch(/^\{"envelope_id":"e-1"x+\}$/);
      expect(log.edges[1]).toBe('a\u00ffb');
    });

    it('are not compressed: a socket offers no extension', async () => {
      const { far } = await open();
      expect(far.request.toLowerCase()).not.toContain('sec-websocket-extensions');
    });

    it('are refused once a peer that does not read has too many of them waiting', async () => {
      const { log, far } = await open();
      far.stopReading();
      let sent = 0;
      // The first few go to the kernel.
      const isRefused = (): boolean => {
        for (let count = 0; count < 20; count += 1) {
          if (!log.socket.send('x'.repeat(60_000))) return true;
          sent += 1;
        }
        return false;
      };
      await waitFor(isRefused);
      expect(sent * 60_000).toBeGreaterThan(MOST_UNSENT_BYTES);
      expect(sent * 60_000).toBeLessThan(4 * MOST_UNSENT_BYTES);
    });

    it('are refused before the socket is open and after it is closed', async () => {
      const log = dial();
      expect(log.socket.send('early')).toBe(false);
      log.socket.ping();
      await waitFor(() => log.count('open') === 1);
      log.socket.terminate();
      await log.closed();
      expect(log.socket.send('late')).toBe(false);
      log.socket.ping();
      log.socket.pause();
      log.socket.resume();
      log.socket.close();
      expect(peer.connections[0]?.frames.filter(({ opcode }) => opcode !== CLOSE)).toEqual([]);
    });
  });

  it('a binary frame is reported by its length', async () => {
    const { log, far } = await open();
    far.frame(BINARY, Buffer.alloc(300));
    await waitFor(() => log.count('binary 300') === 1);
  });

  it("the peer's ping is answered and heard, and so is its answer to ours", async () => {
    const { log, far } = await open();
    far.frame(PING, Buffer.from('Ping from applink-2'));
    await waitFor(() => log.count('heard') === 1);
    await waitFor(() => far.frames.some(({ opcode }) => opcode === PONG));
    expect(far.frames[0]?.payload.toString()).toBe('Ping from applink-2');
    log.socket.ping();
    const ping = await waitFor(() => far.frames.find(({ opcode }) => opcode === PING));
    far.frame(PONG, Buffer.concat([ping.payload, Buffer.from(';timestamp:1')]));
    await waitFor(() => log.count('heard') === 2);
    expect(log.heard).toEqual(['ping', 'pong']);
  });

  it('a pong is an answer only if we asked: a peer that does not hear us may send them all the same', async () => {
    const { log, far } = await open();
    far.frame(PONG, Buffer.from('I am here'));
    far.frame(PONG, Buffer.alloc(0));
    log.socket.ping();
    const { payload } = await waitFor(() => far.frames.find(({ opcode }) => opcode === PING));
    far.frame(PONG, Buffer.from(payload.toString().replace('1', '2')));
    far.frame(PONG, payload);
    await waitFor(() => log.count('heard') === 4);
    expect(log.heard).toEqual(['ping', 'ping', 'ping', 'pong']);
  });

  it('a storm of pings costs the socket nothing, and the last one is answered', async () => {
    const { log, far } = await open();
    for (let count = 1; count <= 500; count += 1) far.frame(PING, Buffer.from(`${count}`));
    await waitFor(() => far.frames.some(({ opcode, payload }) => opcode === PONG && payload.toString() === '500'));
    expect(log.socket.send('alive')).toBe(true);
    await waitFor(() => far.frames.at(-1)?.opcode === TEXT);
  });

  it('a ping is answered in time by a socket that is never quiet', async () => {
    const { far } = await open();
    const talk = setInterval(() => far.text('talk'), 5);
    try {
      far.frame(PING, Buffer.from('busy'));
      await waitFor(() => far.frames.some(({ opcode }) => opcode === PONG), { timeoutMs: 3_500 });
    } finally {
      clearInterval(talk);
    }
  });

  it('so are pings that never cease', async () => {
    const { far } = await open();
    const pings = setInterval(() => far.frame(PING, Buffer.from('again')), 20);
    try {
      await waitFor(() => far.frames.some(({ opcode }) => opcode === PONG), { timeoutMs: 3_500 });
    } finally {
      clearInterval(pings);
    }
  });

  describe('a pause', () => {
    it('loses nothing when the peer pings and closes in the meantime', async () => {
      const { log, far } = await open();
      log.socket.pause();
      const sent = texts(2_000, 1_000);
      for (const [at, text] of sent.entries()) {
        if (at % 100 === 0) far.frame(PING, Buffer.from('Ping from applink-2'));
        far.text(text);
      }
      far.close(1000, 'idle');
      far.endForGood();
      // No event says that nothing comes: give it the time in which a reset would have come.
      await sleep(500);
      expect(log.told).toEqual(['open']);
      log.socket.resume();
      await log.closed(20_000);
      expect({ read: log.texts.length, inOrder: log.texts.every((text, at) => text === sent[at]) }).toEqual({
        read: sent.length,
        inOrder: true,
      });
      expect(far.frames.filter(({ opcode }) => opcode === PONG)).toEqual([]);
    });

    it('that ends with the socket loses nothing either, although the peer has closed', async () => {
      const { log, far } = await open();
      log.socket.pause();
      const sent = texts(2_000, 1_000);
      for (const text of sent) far.text(text);
      far.close(1000, 'idle');
      far.endForGood();
      // No event says that the peer has closed.
      await sleep(500);
      log.socket.resume();
      log.socket.close();
      await log.closed(20_000);
      expect(log.texts.length).toBe(sent.length);
    });

    it('stops reading, so that the peer is held back, and loses nothing', async () => {
      const { log, far } = await open();
      log.socket.pause();
      log.socket.pause();
      const sent = texts(20_000, 1_000);
      for (const text of sent) far.text(text);
      // No event says that nothing comes: give it the time in which all of it would have come.
      await sleep(500);
      expect(log.texts).toEqual([]);
      expect(far.waitingBytes).toBeGreaterThan(5_000_000);
      log.socket.resume();
      await waitFor(() => log.texts.length === sent.length, { timeoutMs: 20_000 });
      expect(log.texts).toEqual(sent);
    });

    it('from inside a handler holds at once: not even a text that was read already slips through', async () => {
      const { log, far } = await open();
      log.onText = () => log.socket.pause();
      const sent = texts(50, 100);
      far.texts(sent);
      for (let count = 1; count <= 3; count += 1) {
        await waitFor(() => log.texts.length >= count);
        await sleep(30);
        expect(log.texts).toEqual(sent.slice(0, count));
        log.socket.resume();
      }
      log.onText = () => undefined;
      log.socket.resume();
      await waitFor(() => log.texts.length === sent.length);
      expect(log.texts).toEqual(sent);
    });

    it('ends later than the call returns, so that who resumes can pause again at any text', async () => {
      const { log, far } = await open();
      log.onText = () => log.socket.pause();
      const sent = texts(50, 100);
      far.texts(sent);
      await waitFor(() => log.texts.length === 1);
      await sleep(30);
      log.socket.resume();
      expect(log.texts).toEqual(sent.slice(0, 1));
      await waitFor(() => log.texts.length === 2);
      log.onText = () => undefined;
      log.socket.resume();
      await waitFor(() => log.texts.length === sent.length);
      expect(log.texts).toEqual(sent);
    });

    it('does not keep the socket from being pinged, nor from being ended', async () => {
      const { log, far } = await open();
      log.socket.pause();
      log.socket.ping();
      await waitFor(() => far.frames.some(({ opcode }) => opcode === PING));
      log.socket.terminate();
      await log.closed(1_000);
    });

    it('asked for before the socket is open holds from the first frame on', async () => {
      const log = dial();
      log.socket.pause();
      await waitFor(() => log.count('open') === 1);
      const sent = texts(10_000, 1_000);
      for (const text of sent) peer.connections[0]?.text(text);
      await sleep(200);
      expect(log.texts).toEqual([]);
      expect(peer.connections[0]?.waitingBytes).toBeGreaterThan(2_000_000);
      log.socket.resume();
      await waitFor(() => log.texts.length === sent.length);
      expect(log.texts).toEqual(sent);
    });
  });

  describe('the end', () => {
    it('by close() is a handshake', async () => {
      const { log, far } = await open();
      log.socket.close();
      log.socket.close();
      const frame = await waitFor(() => far.frames.find(({ opcode }) => opcode === CLOSE));
      far.frame(CLOSE, frame.payload);
      far.end();
      expect(await log.closed(900)).toMatchObject({ kind: 'closed', code: 1000 });
    });

    it('by close() takes about a second when the peer does not answer', async () => {
      const { log, far } = await open();
      far.stopReading();
      // More than the kernel takes, so that not even the close frame gets out.
      for (let count = 0; count < 200; count += 1) log.socket.send('x'.repeat(60_000));
      const startMs = performance.now();
      log.socket.close();
      log.socket.close();
      expect((await log.closed()).kind).toBe('closed');
      expect(performance.now() - startMs).toBeGreaterThan(800);
      expect(performance.now() - startMs).toBeLessThan(2_500);
    });

    it('by close() takes about a second when the peer answers and leaves TCP open', async () => {
      const { log, far } = await open();
      const startMs = performance.now();
      log.socket.close();
      const frame = await waitFor(() => far.frames.find(({ opcode }) => opcode === CLOSE));
      far.frame(CLOSE, frame.payload);
      expect((await log.closed()).kind).toBe('closed');
      expect(performance.now() - startMs).toBeLessThan(2_500);
    });

    it('by the peer reports its code and reason, also when it leaves TCP open', async () => {
      const { log, far } = await open();
      const startMs = performance.now();
      far.text('last');
      far.close(1001, 'going away');
      expect(await log.closed()).toMatchObject({
        kind: 'closed',
        code: 1001,
        detail: expect.stringContaining('going away'),
      });
      expect(performance.now() - startMs).toBeLessThan(2_500);
      expect(log.texts).toEqual(['last']);
    });

    it('by a broken connection is a failure', async () => {
      const { log, far } = await open();
      far.drop();
      expect(await log.closed()).toMatchObject({ kind: 'failed', code: 1006 });
    });

    it('by terminate() comes at once from a peer that reads nothing, with bytes still to be sent', async () => {
      const { log, far } = await open();
      far.stopReading();
      for (let count = 0; count < 200; count += 1) log.socket.send('x'.repeat(60_000));
      const startMs = performance.now();
      log.socket.terminate();
      log.socket.terminate();
      expect(await log.closed()).toMatchObject({ kind: 'failed', code: 1006 });
      expect(performance.now() - startMs).toBeLessThan(300);
    });

    it('by terminate() is told to a peer that is there after all', async () => {
      const { log, far } = await open();
      log.socket.terminate();
      await log.closed();
      await waitFor(() => far.frames.some(({ opcode }) => opcode === CLOSE), { what: 'a close frame' });
    });

    it('by terminate() or close() may come before the socket is open', async () => {
      peer.greeting = { kind: 'hang' };
      for (const how of ['terminate', 'close'] as const) {
        const log = dial();
        await waitFor(() => peer.connections.at(-1)?.request !== '');
        log.socket[how]();
        await log.closed(1_500);
        expect(log.told).toEqual(['close']);
      }
      const atOnce = dial();
      atOnce.socket.terminate();
      await atOnce.closed(1_500);
    });

    it('withholds nothing: texts that came before it in a pause are delivered first', async () => {
      const { log, far } = await open();
      log.onText = () => log.socket.pause();
      far.texts(['a', 'b', 'c']);
      await waitFor(() => log.texts.length === 1);
      far.end();
      log.socket.close();
      await log.closed();
      expect(log.texts).toEqual(['a', 'b', 'c']);
    });
  });

  describe('an upgrade that is refused', () => {
    it.each([
      [429, { 'retry-after': '58' }, 58_000],
      [409, {}, undefined],
      [302, { location: 'http://127.0.0.1:1/' }, undefined],
      [200, {}, undefined],
    ])('with %i tells the status and how long to wait', async (status, headers, waitMs) => {
      peer.greeting = { kind: 'refuse', status, headers };
      const close = await dial().closed();
      expect(close).toMatchObject({ kind: 'refused', status, code: 1006 });
      expect(close.retryAfterMs).toBe(waitMs);
    });

    it('with a date reports how long that is from now', async () => {
      const headers = { 'retry-after': new Date(Date.now() + 200_000).toUTCString() };
      peer.greeting = { kind: 'refuse', status: 503, headers };
      const { kind, retryAfterMs } = await dial().closed();
      expect(kind).toBe('refused');
      expect(Math.abs((retryAfterMs ?? 0) - 200_000)).toBeLessThan(5_000);
    });

    it('by silence is given up in time', async () => {
      peer.greeting = { kind: 'hang' };
      const log = dial(peer.url, subject.impatient);
      expect(await log.closed(3_000)).toMatchObject({ kind: 'failed', code: 1006 });
    });
  });

  describe('a failure to connect', () => {
    it('is reported when nobody listens', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      server.close();
      await once(server, 'close');
      const port = typeof address === 'object' ? address?.port : undefined;
      const close = await dial(`ws://127.0.0.1:${port}/s3cr3t?ticket=s3cr3t`).closed();
      expect(close).toMatchObject({ kind: 'failed', code: 1006 });
    });

    it.each(['', 'not a url s3cr3t', 'https://127.0.0.1/s3cr3t', 'ws://', 'ws://127.0.0.1:1/#s3cr3t'])(
      'is told of %j, and the call does not throw',
      async (url) => {
        expect(await dial(url).closed()).toMatchObject({ kind: 'failed', code: 1006 });
      },
    );
  });

  describe('over TLS', () => {
    let certificate: Certificate;
    let secure: RawPeer;
    beforeAll(async () => {
      certificate = await localCertificate();
      secure = await RawPeer.start(certificate);
    });
    afterAll(() => secure.stop());

    type Outcome = { opened: boolean; kind: string; detail: string };

    async function dialFromOutside(url: string, extra: NodeJS.ProcessEnv): Promise<Outcome> {
      const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
      const assignments = Object.entries({ ...env, ...extra }).map(([name, value]) => `${name}=${value ?? ''}`);
      const program = [process.execPath, subject.dialProgram, url];
      const { stdout, stderr } = await runCommand('env', ['-i', ...assignments, ...program]);
      if (stdout === '') throw new Error(`${subject.dialProgram} printed nothing: ${stderr}`);
      return JSON.parse(stdout);
    }

    it('a peer by a CA of NODE_EXTRA_CA_CERTS is trusted', async () => {
      const outcome = await dialFromOutside(secure.url, { NODE_EXTRA_CA_CERTS: certificate.caFile });
      expect(outcome).toMatchObject({ opened: true, kind: 'closed' });
    });

    it('a peer by an unknown CA is not', async () => {
      expect(await dialFromOutside(secure.url, {})).toMatchObject({ opened: false, kind: 'failed' });
      expect(await dial(secure.url).closed()).toMatchObject({ kind: 'failed', code: 1006 });
    });

    // Other systems have one loopback address only.
    it.skipIf(process.platform !== 'linux')('nor is one whose certificate is for another name', async () => {
      const other = await RawPeer.start(certificate, '127.0.0.2');
      try {
        const outcome = await dialFromOutside(other.url, { NODE_EXTRA_CA_CERTS: certificate.caFile });
        expect(outcome).toMatchObject({ opened: false, kind: 'failed' });
        expect(outcome.detail).toMatch(/alt|host|name/i);
      } finally {
        await other.stop();
      }
    });
  });
}
