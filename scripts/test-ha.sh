#!/usr/bin/env bash
# Several processes on a replicated PostgreSQL: "make test-ha". Needs etcd,
# Patroni, HAProxy and PostgreSQL, as Debian has them; as root, installs what is
# missing. Everything runs on loopback, in a folder of its own, and is stopped in
# the end. See test/ha. Arguments go to that program.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/test-setup.sh

want=()
command -v etcd >/dev/null || want+=(etcd-server)
command -v patroni >/dev/null || want+=(patroni)
[ -x /usr/sbin/haproxy ] || want+=(haproxy)
[ -n "$(postgres_bin)" ] || want+=(postgresql)
if [ ${#want[@]} -gt 0 ]; then
  if [ ! -e /etc/debian_version ] || [ "$(id -u)" != 0 ]; then
    echo "make test-ha: install ${want[*]} first" >&2
    exit 1
  fi
  echo "test-ha: installing ${want[*]}"
  # Their services are not wanted, only their programs.
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d.test-ha
  chmod 755 /usr/sbin/policy-rc.d.test-ha
  [ -e /usr/sbin/policy-rc.d ] || { mv /usr/sbin/policy-rc.d.test-ha /usr/sbin/policy-rc.d; ours=1; }
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${want[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 5 "$log" >&2
    exit 1
  fi
  rm -f "$log" /usr/sbin/policy-rc.d.test-ha
  [ -z "${ours:-}" ] || rm -f /usr/sbin/policy-rc.d
fi

go=${GO:-go}
"$go" build -o bin/comity ./cmd/comity
"$go" build -o bin/test-ha ./test/ha
exec bin/test-ha -comity bin/comity -postgres "$(postgres_bin)" "$@"
