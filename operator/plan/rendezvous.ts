/**
 * Rendezvous hashing: each set ranks the pods in its own order, which does not depend on which other pods exist. A pod
 * that joins or leaves therefore moves only the slots that it takes or had. Not cryptographic; equal on every machine.
 */

/** FNV-1a, 32 bits. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** How much the owner of this hash prefers the pod of that hash; higher is better. */
export function score(ownerHash: number, podHash: number): number {
  // The finalizer of MurmurHash3: without it, FNV's low diffusion gives all owners similar orders.
  let mixed = Math.imul(ownerHash ^ 0x9e3779b9, 0x85ebca6b) ^ podHash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
