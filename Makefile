# The commands of daily work; CONTRIBUTING.md says when to use which.

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: build reproducible test test-ha test-race sim crash fuzz bench backtest fmt fmt-check vet lint staticcheck staticcheck-program govulncheck clean

# Nothing of the folder or of the machine's C library goes into the program.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/comity ./cmd/comity

# Builds the committed source twice, apart, and compares.
reproducible:
	@GO='$(GO)' scripts/reproducible.sh

# Sets up what the tests need, runs every test, and "demo --check" on SQLite
# and on PostgreSQL. Its last line says what was left out, and why.
test:
	@GO='$(GO)' scripts/test.sh

# Two processes on a replicated PostgreSQL, of which both the primary and a
# process are killed under load. Needs etcd, Patroni and HAProxy; some minutes.
test-ha:
	@GO='$(GO)' scripts/test-ha.sh

test-race:
	@GO='$(GO)' scripts/test.sh -race

# Plays SEEDS plans of seven nodes on a network, disks and clocks that fail.
SEEDS ?= 1000
FIRST ?= 1
PROCESSES ?= $(shell getconf _NPROCESSORS_ONLN)
sim:
	$(GO) test ./internal/simtest -run TestSeeds -timeout 60m -args -seeds $(SEEDS) -first $(FIRST) -processes $(PROCESSES)

# Kills a process of two nodes with SIGKILL as often, at random instants; on
# PostgreSQL too if COMITY_TEST_POSTGRES is set.
ROUNDS ?= 100
crash:
	$(GO) test ./cmd/comity -run TestCrash -v -timeout 60m -args -rounds $(ROUNDS)

# 30 seconds for each fuzz target; keeps KEEP of the inputs that it finds.
fuzz:
	@GO='$(GO)' KEEP='$(KEEP)' scripts/fuzz.sh

bench:
	cd bench && $(GO) run .

# Scores the forecast as doc/forecast.md quotes it: the open windows, those it was
# tuned on, the months right ahead, and those far ahead.
HISTORY ?= $(COMITY_FORECAST_DATA)/fatalities_cm.csv
BACKTEST = bin/comity forecast backtest --history '$(HISTORY)'
backtest: build
	@test -f '$(HISTORY)' || { echo 'The history is not part of the repository: set COMITY_FORECAST_DATA to the folder of fatalities_cm.csv, or HISTORY to such a file.' >&2; exit 1; }
	$(BACKTEST) --from 2018 --to 2019 --windows
	$(BACKTEST) --from 2000 --to 2017 --windows
	$(BACKTEST) --lead 1 --months 3 --every 3
	$(BACKTEST) --lead 25

fmt:
	gofmt -w $$(git ls-files '*.go')

fmt-check:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$bad" || { printf 'Not formatted; run "make fmt":\n%s\n' "$$bad"; exit 1; }

vet:
	$(GO) vet ./...

lint: fmt-check vet staticcheck govulncheck

staticcheck:
	$(GO) run $(STATICCHECK) ./...

# Without the tests, which takes a quarter of the time where nothing is cached; what
# only they use is then no finding.
staticcheck-program:
	$(GO) run $(STATICCHECK) -tests=false -checks inherit,-U1000 ./...

govulncheck:
	@GO='$(GO)' GOVULNCHECK='$(GOVULNCHECK)' scripts/govulncheck.sh

clean:
	rm -rf bin
