#!/usr/bin/env bash
# Runs each fuzz target for 30 seconds (FUZZTIME): "make fuzz". What it finds is
# kept under the package's testdata/fuzz; commit it with the repair.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u | while read -r pkg; do
  "$go" test -list '^Fuzz' "$pkg" | grep '^Fuzz' | while read -r target; do
    echo "== $pkg $target"
    "$go" test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" "$pkg" </dev/null
  done
done
