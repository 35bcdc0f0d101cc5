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

trap teardown_tests EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

begun=$SECONDS
setup_tests
echo "== set-up: $((SECONDS - begun)) s"

flags=(-timeout 8m)
[ "${CI:-}" = true ] && flags+=(-count=1 -vet=off) # .ci/run has vetted
# The pages' test takes longest, and waits for a browser: begun last it would be alone.
step "go test" "$go" test "${flags[@]}" "$@" ./test/browser ./...

if step "build" "$go" build -o bin/comity ./cmd/comity; then
  step "demo --check on SQLite" bin/comity demo --check
  if [ -n "${COMITY_TEST_POSTGRES:-}" ]; then
    step "demo --check on PostgreSQL" bin/comity demo --check --db "$COMITY_TEST_POSTGRES"
  fi
fi

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
