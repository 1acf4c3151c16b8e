/** The API group of all of Relax's kinds. */
export const GROUP = 'relax.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
/** Label of Secrets whose changes are to be seen at once, whatever kind of object names them. */
export const CREDENTIALS_LABEL = 'relax.dev/credentials';
