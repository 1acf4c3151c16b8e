import type { Duplex } from 'node:stream';
import type { UpgradeAnswer } from './fault.ts';

/** A websocket handshake that fails on purpose. */
export function breakHandshake(tcp: Duplex, fault: UpgradeAnswer): void {
  switch (fault.kind) {
    case 'http':
      refuseHandshake(tcp, fault.status);
      return;
    case 'hang':
      return;
    case 'reset':
      tcp.destroy();
      return;
  }
}

/** What the tally of handshakes calls it. */
export const handshakeOutcome = (fault: UpgradeAnswer): string =>
  fault.kind === 'http' ? `http_${fault.status}` : fault.kind;

export function refuseHandshake(tcp: Duplex, status: number): void {
  const body = '<html><body>upstream error</body></html>';
  tcp.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
}
