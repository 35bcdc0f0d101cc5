#!/usr/bin/env bash
# Runs each fuzz target for 30 seconds (FUZZTIME): "make fuzz". An input that
# fails is kept under the package's testdata/fuzz; commit it with the repair.
#
# With KEEP=n, up to n of the inputs that reached something new are kept there,
# too, so that every go test tries them: small ones, of all sizes.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
keep=${KEEP:-0}
cache=$("$go" env GOCACHE)/fuzz

# kept PACKAGE TARGET copies inputs out of the cache.
kept() {
  local from=$cache/$("$go" list "$1")/$2 to=$1/testdata/fuzz/$2 all n
  [ -d "$from" ] || return 0
  mkdir -p "$to"
  all=$(find "$from" -type f -size -2k -printf '%s %f\n' | sort -n | cut -d' ' -f2)
  [ -n "$all" ] || return 0
  n=$(wc -l <<<"$all")
  awk -v n="$n" -v keep="$keep" 'int((NR-1)*keep/n) != int((NR-2)*keep/n) || NR == 1' <<<"$all" | while read -r f; do
    cp "$from/$f" "$to/"
  done
}

grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u | while read -r pkg; do
  "$go" test -list '^Fuzz' "$pkg" | grep '^Fuzz' | while read -r target; do
    echo "== $pkg $target"
    "$go" test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" -fuzzminimizetime 5s "$pkg" </dev/null
    [ "$keep" = 0 ] || kept "$pkg" "$target"
  done
done
