#!/bin/sh
# Entry of the image: becomes the program, on the runtime that RELAX_CONNECTOR_RUNTIME names for a connector (ADR 0024) and on
# Node for everything else. It is replaced by it, so that nothing of it stays in memory and signals need not be passed on.
set -eu
root=$(dirname "$0")/..

if [ "${1:-}" = connector ]; then
  case ${RELAX_CONNECTOR_RUNTIME:-} in
    bun | '')
      if command -v bun >/dev/null; then
        # The flags of core/process/runtime.ts.
        exec bun --no-env-file --config=/dev/null --no-install "$root/dist/bun/main.js" "$@"
      fi
      echo 'relax: RELAX_CONNECTOR_RUNTIME is bun, and this image has no Bun: build it with the Dockerfile of the repository, or set RELAX_CONNECTOR_RUNTIME=node (connector.runtime: node in the chart)' >&2
      exit 2
      ;;
  esac
fi
# It also says what is wrong with another value.
exec node "$root/dist/node/main.js" "$@"
