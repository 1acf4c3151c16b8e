import { RUNTIME } from '#core/process/runtime.ts';

/** Kinds of what keeps a process alive, as Node names them. */
const NODE_KINDS = ['TCPSocketWrap', 'TCPServerWrap', 'TLSWrap', 'PipeWrap', 'ProcessWrap', 'Timeout', 'FSEventWrap'];
/** Likewise, as Bun names those of its own that it holds on to. Websockets of clients and file watches are not among them. */
const BUN_KINDS = ['TCPSocket', 'TLSSocket', 'Listener', 'NodeHTTPServerSocket', 'ServerWebSocket', 'Subprocess'];
const BUN_SERVERS = ['HTTPServer', 'HTTPSServer', 'DebugHTTPServer', 'DebugHTTPSServer'];

interface BunRuntime {
  heapStats(): { protectedObjectTypeCounts: Record<string, number> };
}

/** What this thread has open, by kind. */
export type OpenThings = () => ReadonlyMap<string, number>;

/** Under Bun Node's own count is always empty. */
export async function openThings(): Promise<OpenThings> {
  if (RUNTIME.name === 'node') return () => countOf(NODE_KINDS, process.getActiveResourcesInfo());
  // Named so that nothing looks for it under Node.
  const name = 'bun:jsc';
  const { heapStats } = (await import(name)) as BunRuntime;
  const kinds = [...BUN_KINDS, ...BUN_SERVERS, 'Timeout'];
  return () => {
    const held = heapStats().protectedObjectTypeCounts;
    return new Map(kinds.map((kind) => [kind, held[kind] ?? 0]));
  };
}

const countOf = (kinds: readonly string[], all: readonly string[]): ReadonlyMap<string, number> =>
  new Map(kinds.map((kind) => [kind, all.filter((each) => each === kind).length]));
