import { RUNTIME } from '#core/process/runtime.ts';

type Class = abstract new (...args: never[]) => unknown;

/**
 * How many objects of each class this thread's heap holds, after a collection. Under Bun the stack is searched for whatever
 * looks like a reference, so a few may be there that nothing holds; and what a class is made of may have its name, too.
 */
export async function heapObjects(classes: Readonly<Record<string, Class>>): Promise<Record<string, number>> {
  const names = Object.keys(classes);
  const count = RUNTIME.name === 'node' ? await byNode(classes) : bySnapshot();
  return Object.fromEntries(names.map((name) => [name, count(name)]));
}

async function byNode(classes: Readonly<Record<string, Class>>): Promise<(name: string) => number> {
  // Bun lacks it, and would not load a module that imports it.
  const { queryObjects } = await import('node:v8');
  return (name) => Number(queryObjects(classes[name] as never, { format: 'count' }));
}

/** Four numbers for each node: id, size, index of its class's name, flags. */
const NODE_FIELDS = 4;

interface BunGlobal {
  Bun: { gc(now: true): void; generateHeapSnapshot(): { nodes: number[]; nodeClassNames: string[] } };
}

function bySnapshot(): (name: string) => number {
  const { Bun } = globalThis as unknown as BunGlobal;
  Bun.gc(true);
  const { nodes, nodeClassNames } = Bun.generateHeapSnapshot();
  const counts = new Map<string, number>();
  for (let at = 0; at < nodes.length; at += NODE_FIELDS) {
    const name = nodeClassNames[nodes[at + 2] ?? -1] ?? '';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return (name) => counts.get(name) ?? 0;
}
