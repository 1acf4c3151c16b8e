/**
 * FNV-1a of a text's UTF-16 units, 32 bits: quick, and good where texts differ in only a few characters. Connectors of
 * different versions choose queues by it, so it never changes.
 */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
