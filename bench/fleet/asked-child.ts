import { fork } from 'node:child_process';
import { once } from 'node:events';

/** A forked program that answers each request once, by the number that came with it. */
export interface AskedChild<Request> {
  pid: number;
  ask(request: Request): Promise<unknown>;
  stop(): Promise<void>;
}

interface Reply {
  id: number;
  value?: unknown;
  error?: string;
}

/** @param name for errors */
export function forkAsked<Request>(file: string, name: string): AskedChild<Request> {
  const child = fork(file);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  child.on('message', ({ id, value, error }: Reply) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(value);
    else asked?.reject(new Error(`${name}: ${error}`));
  });
  child.on('exit', () => {
    for (const asked of waiting.values()) asked.reject(new Error(`${name} has ended`));
  });
  return {
    pid: child.pid ?? 0,
    ask(request) {
      last += 1;
      const asked = Promise.withResolvers<unknown>();
      waiting.set(last, asked);
      child.send({ id: last, request });
      return asked.promise;
    },
    async stop() {
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    },
  };
}

/** In the child. */
export function answerParent<Request>(answer: (request: Request) => Promise<unknown>): void {
  process.on('message', ({ id, request }: { id: number; request: Request }) => {
    answer(request).then(
      (value) => process.send?.({ id, value }),
      (error: unknown) => process.send?.({ id, error: String(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
}
