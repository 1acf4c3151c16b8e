/** The namespace in a name such as `bots/acme`; empty if it has none. */
export const namespaceOf = (name: string): string => name.slice(0, Math.max(0, name.indexOf('/')));
