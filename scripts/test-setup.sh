# Finds or sets up what the tests need beside Go. To be sourced by bash.
#
#   setup_tests     sets COMITY_TEST_POSTGRES and COMITY_TEST_CHROMIUM, as far as
#                   they can be had, and adds what cannot to left_out
#   teardown_tests  stops and removes what setup_tests started
#
# On Debian and as root, what is missing is installed. Both variables may be set
# beforehand; then they are used as they are.

left_out=()         # "tests on PostgreSQL (initdb was not found)"
postgres_dir=       # of the private cluster
postgres_pid=
tests_dir=          # for what tests write

setup_tests() {
  install_missing
  setup_folder
  setup_postgres
  setup_chromium
  setup_tessera
}

say() { printf '%s\n' "test-setup: $*" >&2; }

# --- what is missing, on Debian ---

install_missing() {
  [ -e /etc/debian_version ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
  local want=()
  if [ -z "${COMITY_TEST_POSTGRES:-}" ] && [ -z "$(postgres_bin)" ]; then want+=(postgresql); fi
  if [ -z "${COMITY_TEST_CHROMIUM:-}" ] && [ -z "$(find_chromium)" ]; then want+=(chromium); fi
  if ! command -v fc-list >/dev/null || [ -z "$(fc-list :lang=ar family)" ]; then want+=(fontconfig fonts-noto-core); fi
  [ ${#want[@]} -gt 0 ] || return 0
  say "installing ${want[*]}"
  local log
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${want[@]}"; } >"$log" 2>&1 </dev/null; then
    say "apt-get failed:"
    tail -n 5 "$log" >&2
  fi
  rm -f "$log"
}

# --- folders ---

# What tests write outlives nothing, so it need not reach the disk: where there is
# room in memory, folders for it are there. Go goes on building where it did.
setup_folder() {
  room_in_memory || return 0
  tests_dir=$(mktemp -d -p /dev/shm)
  export GOTMPDIR="${GOTMPDIR:-${TMPDIR:-/tmp}}" TMPDIR="$tests_dir"
}

room_in_memory() {
  local room
  room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)
  [ "${room:-0}" -gt 4000000 ] && [ -w /dev/shm ]
}

# --- PostgreSQL ---

# postgres_bin prints the folder with initdb and postgres; nothing if there is
# none. Debian keeps them out of the path, one folder a version.
postgres_bin() {
  local dir
  for dir in "$(pg_config --bindir 2>/dev/null)" "$(dirname "$(readlink -f "$(command -v initdb || echo /none)")")" \
    $(ls -d /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin /usr/pgsql-*/bin 2>/dev/null | sort -rV); do
    if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && [ -x "$dir/pg_isready" ]; then
      echo "$dir"
      return
    fi
  done
}

# as_postgres runs a command as a user that PostgreSQL accepts: it refuses root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then
    runuser -u postgres -- "$@"
  else
    "$@"
  fi
}

setup_postgres() {
  [ -z "${COMITY_TEST_POSTGRES:-}" ] || return 0
  local bin why
  bin=$(postgres_bin)
  if [ -z "$bin" ]; then
    why="initdb was not found; install PostgreSQL, or set COMITY_TEST_POSTGRES"
  elif [ "$(id -u)" = 0 ] && ! id postgres >/dev/null 2>&1; then
    why="PostgreSQL refuses to run as root, and there is no user postgres"
  elif start_postgres "$bin"; then
    return 0
  else
    why="the server did not start"
  fi
  left_out+=("tests on PostgreSQL ($why)")
}

# start_postgres starts a private server on loopback with an empty cluster, on a
# port that is free, and in memory if there is room.
start_postgres() {
  local bin=$1 port try
  postgres_dir=$(if room_in_memory; then mktemp -d -p /dev/shm; else mktemp -d; fi)
  [ "$(id -u)" != 0 ] || chown postgres "$postgres_dir"
  if ! (cd "$postgres_dir" && as_postgres "$bin/initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --no-locale --no-sync) \
    >"$postgres_dir/initdb.log" 2>&1; then
    tail -n 5 "$postgres_dir/initdb.log" >&2
    return 1
  fi
  for try in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 12000)) # below the ports that systems give out
    (cd "$postgres_dir" && as_postgres "$bin/postgres" -D data -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$postgres_dir" \
      -c max_connections=300 -c fsync=off -c full_page_writes=off -c max_wal_size=256MB -c autovacuum=off -c jit=off) >"$postgres_dir/server.log" 2>&1 </dev/null &
    local started=$!
    local waited=0
    until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; do
      if ! kill -0 "$started" 2>/dev/null || [ $((waited += 1)) -gt 300 ]; then
        continue 2
      fi
      sleep 0.1
    done
    # The first line of postmaster.pid is the server's own process.
    if kill -0 "$started" 2>/dev/null && postgres_pid=$(head -n 1 "$postgres_dir/data/postmaster.pid" 2>/dev/null); then
      export COMITY_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
      say "PostgreSQL on 127.0.0.1:$port"
      return 0
    fi
  done
  tail -n 5 "$postgres_dir/server.log" >&2
  return 1
}

# --- a browser ---

find_chromium() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" /Applications/Chromium.app/Contents/MacOS/Chromium; do
    if command -v "$name" >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
}

setup_chromium() {
  [ -z "${COMITY_TEST_CHROMIUM:-}" ] || return 0
  COMITY_TEST_CHROMIUM=$(find_chromium)
  if [ -z "$COMITY_TEST_CHROMIUM" ]; then
    unset COMITY_TEST_CHROMIUM
    left_out+=("tests in a browser (Chromium was not found; install it, or set COMITY_TEST_CHROMIUM)")
    return 0
  fi
  export COMITY_TEST_CHROMIUM
}

# --- Tessera's fsck ---

# setup_tessera asks for the module of a checker that a test of the journal
# builds: internal/node/verifier_test.go, which names the version, too.
setup_tessera() {
  (cd / && GOFLAGS=-mod=mod GOWORK=off "${GO:-go}" list -m github.com/transparency-dev/tessera@v1.0.4) >/dev/null 2>&1 </dev/null ||
    left_out+=("the check by Tessera's fsck (its module could not be fetched)")
}

# --- the end ---

teardown_tests() {
  if [ -n "$postgres_pid" ]; then
    kill -INT "$postgres_pid" 2>/dev/null # disconnects everybody and stops
    local waited=0
    while kill -0 "$postgres_pid" 2>/dev/null && [ $((waited += 1)) -le 100 ]; do sleep 0.1; done
    kill -KILL "$postgres_pid" 2>/dev/null
  fi
  [ -z "$postgres_dir" ] || rm -rf "$postgres_dir"
  [ -z "$tests_dir" ] || rm -rf "$tests_dir"
  postgres_pid='' postgres_dir='' tests_dir=''
}
