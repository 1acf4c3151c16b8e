#!/bin/sh
# Runs a command in network, mount and process namespaces of its own, as root: `namespace.sh COMMAND ARGS`. Whatever the
# command starts or mounts ends with it; the machine's network is never touched. RELAX_CLUSTER_DIR is the command's
# folder for the time.
set -u
export PATH="$PATH:/usr/sbin:/sbin"
dir=$(mktemp -d "${TMPDIR:-/tmp}/relax-cluster-XXXXXX") || exit 1
# kubelet sets these for the whole machine.
settings='vm/overcommit_memory kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes'
before=$(cd /proc/sys && for name in $settings; do echo "$name $(cat "$name")"; done 2> /dev/null)
# The command hears the signal too; the cleaning is done after its end.
trap : INT TERM HUP

# A shell as the first process takes in orphans, such as containers. /run and /var/log stay the machine's own.
# shellcheck disable=SC2016
RELAX_CLUSTER_DIR=$dir TMPDIR=$dir unshare --net --mount --pid --fork --kill-child --mount-proc sh -c '
  mount -t tmpfs run /run && mount -t tmpfs log /var/log && ip link set lo up || exit 1
  echo 1 > /proc/sys/net/ipv4/ip_forward
  "$@" & wait $!' init "$@"
status=$?

echo "$before" | while read -r name value; do
  [ "$(cat "/proc/sys/$name" 2> /dev/null)" = "$value" ] || echo "$value" > "/proc/sys/$name"
done 2> /dev/null
for _ in 1 2 3 4 5; do rm -rf "$dir" 2> /dev/null && break; sleep 1; done
for tree in /sys/fs/cgroup/k8s.io /sys/fs/cgroup/*/k8s.io; do
  # Only empty groups can be removed.
  [ ! -d "$tree" ] || find "$tree" -depth -type d -exec rmdir {} + 2> /dev/null
done
exit $status
