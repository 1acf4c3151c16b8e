import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** An HTTP proxy that tunnels to this machine, or refuses to. */
export interface HttpProxy {
  url: string;
  /** What CONNECT is answered; undefined: the tunnel is made. */
  refuseWith(status: number | undefined): void;
  stop(): void;
}

export async function startProxy(): Promise<HttpProxy> {
  let refusal: number | undefined;
  const tunnels = new Set<Socket>();
  const server = createServer();
  server.on('connect', (request, socket: Socket) => {
    tunnels.add(socket.on('error', () => undefined));
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal} Refused\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const port = Number(request.url?.split(':').at(-1));
    const onward = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
    onward.on('error', () => socket.destroy());
    onward.on('close', () => socket.destroy());
    socket.on('close', () => {
      tunnels.delete(socket);
      onward.destroy();
    });
    onward.pipe(socket).pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refuseWith: (status) => {
      refusal = status;
    },
    stop() {
      for (const tunnel of tunnels) tunnel.destroy();
      server.close();
    },
  };
}
