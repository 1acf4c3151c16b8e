import { wsOpenSocket } from '#connector/socket/ws-socket.ts';
import { egressProxy } from '#core/slack/egress-proxy.ts';

/**
 * `dial.ts URL`: opens a socket by what this process trusts, and prints how it went as one line of JSON. A program of
 * its own, since NODE_EXTRA_CA_CERTS is read when a process starts.
 */
let opened = false;
const socket = wsOpenSocket({ proxy: egressProxy(process.env) })(process.argv[2] ?? '', {
  onOpen: () => {
    opened = true;
    socket.close();
  },
  onText: () => undefined,
  onBinary: () => undefined,
  onUnreadable: () => undefined,
  onHeard: () => undefined,
  onClose: (close) => process.stdout.write(`${JSON.stringify({ opened, ...close })}\n`),
});
