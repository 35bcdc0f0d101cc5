#!/usr/bin/env bash
# Builds the committed source twice, in two clones in folders of different names,
# each with a build cache of its own, and compares the programs: "make
# reproducible". Whoever builds the same commit with the same Go and platform
# gets the printed SHA-256.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# build FOLDER makes the program as "make build" does.
build() {
  git clone -q . "$1"
  (cd "$1" && GOCACHE="$1.cache" GO="$go" make --no-print-directory -s build)
}
build "$dir/one"
build "$dir/another/and deeper"

if ! cmp "$dir/one/bin/comity" "$dir/another/and deeper/bin/comity"; then
  echo "make reproducible: FAILED: two builds of one commit differ" >&2
  exit 1
fi
printf '%s  comity at %s, %s\n' "$(sha256sum <"$dir/one/bin/comity" | cut -d' ' -f1)" "$(git rev-parse --short HEAD)" "$("$go" version | cut -d' ' -f3-)"
