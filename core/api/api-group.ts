/** The API group of all of Relax's kinds. */
export const GROUP = 'relax.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
/** Of every kind that has sockets: an object stays until they are known to be closed. */
export const FINALIZER = 'relax.dev/sockets';
/** Label of Secrets whose changes are to be seen at once, whatever kind of object names them. */
export const CREDENTIALS_LABEL = 'relax.dev/credentials';
