#!/usr/bin/env bash
# Runs every test: "make test". Arguments go to go test.
#
# With CI=true nothing is taken from the cache of test results, and a group of
# tests that must be left out is a failure.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/test-setup.sh

go=${GO:-go}
failed=()

# step runs a command under a name, says how long it took, and notes a failure.
step() {
  local name=$1 begun=$SECONDS
  shift
  echo "== $name"
  if "$@" </dev/null; then
    echo "== $name: $((SECONDS - begun)) s"
  else
    echo "== $name: FAILED after $((SECONDS - begun)) s"
    failed+=("$name")
    return 1
  fi
}

# aside runs a step beside those that follow; joined waits for all of them, and
# says what they said.
asides=() asides_dir=
aside() {
  step "$@" >"$asides_dir/${#asides[@]}" 2>&1 &
  asides+=("$! $1")
}
joined() {
  local i pid name
  for i in "${!asides[@]}"; do
    read -r pid name <<<"${asides[i]}"
    wait "$pid" || failed+=("$name")
    cat "$asides_dir/$i"
  done
  asides=()
}

# left takes with it what still runs.
left() {
  local i
  for i in "${asides[@]}"; do pkill -TERM -P "${i%% *}" 2>/dev/null; done
  rm -rf "$asides_dir"
  teardown_tests
}

trap left EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

begun=$SECONDS
setup_tests
echo "== set-up: $((SECONDS - begun)) s"

# While the tests are being built, both demonstrations play.
asides_dir=$(mktemp -d)
if step "build" "$go" build -o bin/comity ./cmd/comity; then
  aside "demo --check on SQLite" bin/comity demo --check
  if [ -n "${COMITY_TEST_POSTGRES:-}" ]; then
    aside "demo --check on PostgreSQL" bin/comity demo --check --db "$COMITY_TEST_POSTGRES"
  fi
fi

flags=(-timeout 8m)
[ "${CI:-}" = true ] && flags+=(-count=1 -vet=off) # .ci/run has vetted
# The pages' test takes longest, and waits for a browser: begun last it would be alone.
step "go test" "$go" test "${flags[@]}" "$@" ./test/browser ./...
joined

code=0
list() { # joined by "; "
  local all=$1
  shift
  printf '%s' "$all" "${@/#/; }"
}
if [ ${#left_out[@]} -gt 0 ] && [ "${CI:-}" = true ]; then
  failed+=("${left_out[@]/#/left out: }")
fi
if [ ${#failed[@]} -gt 0 ]; then
  code=1
  printf 'make test: FAILED in %d s: %s\n' $((SECONDS - begun)) "$(list "${failed[@]}")"
elif [ ${#left_out[@]} -gt 0 ]; then
  printf 'make test: passed in %d s; left out: %s\n' $((SECONDS - begun)) "$(list "${left_out[@]}")"
else
  printf 'make test: passed in %d s; nothing was left out\n' $((SECONDS - begun))
fi
exit $code
