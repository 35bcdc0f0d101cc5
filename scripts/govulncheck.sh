#!/usr/bin/env bash
# Looks for known vulnerabilities in what the program calls: "make govulncheck".
# Its database is on the network; where that cannot be reached, says so and
# succeeds.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$(timeout 120 "${GO:-go}" run "${GOVULNCHECK:-golang.org/x/vuln/cmd/govulncheck@latest}" ./... 2>&1 </dev/null)
code=$?
case $code in
0) echo "$out" | tail -n 3 ;;
*)
  if grep -qE 'fetching vulnerabilities|dial tcp|no such host|i/o timeout|proxyconnect|TLS handshake|Forbidden|HTTP GET' <<<"$out" || [ $code = 124 ]; then
    echo "govulncheck: left out: its database could not be reached"
    exit 0
  fi
  echo "$out"
  exit $code
  ;;
esac
