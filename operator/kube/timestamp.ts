/** Whole seconds, as every time that Kubernetes writes. */
export const rfc3339 = (wallMs: number): string => new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');

/** Kubernetes' MicroTime has exactly six digits after the point. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z');
}
