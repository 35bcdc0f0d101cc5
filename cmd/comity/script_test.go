package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/seal"
	"github.com/comity/comity/keys"
)

// The scripts in testdata run the program as people do, each call a process
// of its own.

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"comity": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":      await,
			"await-node": awaitNode,
			"classic":    classic,
			"exits":      exits,
			"fetch":      fetchURL,
			"forge":      forge,
			"keep":       keep,
			"address":    address,
			"env-from":   envFrom,
			"key":        key,
			"mode":       mode,
			"newest":     newest,
			"replace":    replace,
			"s3":         s3,
			"snake":      snake,
			"sql":        sqlite,
			"take-port":  takePort,
		},
	})
}

// patience is how long a script waits for what must come.
const patience = 30 * time.Second

// until calls f until it is true.
func until(ts *testscript.TestScript, what string, f func() bool) {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for end := time.Now().Add(patience); !f(); <-t.C {
		if time.Now().After(end) {
			ts.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// await PATTERN COMMAND… runs a command until its output matches.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await PATTERN COMMAND…")
	}
	re := regexp.MustCompile("(?m)" + args[0])
	until(ts, args[0], func() bool { return ts.Exec(args[1], args[2:]...) == nil && re.MatchString(ts.ReadFile("stdout")) })
}

// await-node FOLDER VARIABLE waits until a node runs on the folder, and puts
// its address into the variable.
func awaitNode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await-node FOLDER VARIABLE")
	}
	until(ts, "a node on "+args[0], func() bool {
		url, err := node.Running(ts.MkAbs(args[0]))
		if err != nil || url == "" {
			return false
		}
		resp, err := http.Get(url + "/healthz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		ts.Setenv(args[1], url)
		return resp.StatusCode == http.StatusOK
	})
}

// exits CODE COMMAND… runs a command that must end with that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// fetch URL FILE keeps what is answered there.
func fetchURL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fetch URL FILE")
	}
	resp, err := http.Get(args[0])
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s\n%s", args[0], resp.Status, b)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}

// s3 VARIABLE serves an S3 store with a bucket named comity until the script
// ends, and puts its address into the variable.
func s3(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: s3 VARIABLE")
	}
	objects := s3mem.New()
	ts.Check(objects.CreateBucket("comity"))
	s := httptest.NewServer(gofakes3.New(objects).Server())
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
	ts.Setenv("AWS_ACCESS_KEY_ID", "key")
	ts.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
}

// keep VARIABLE keeps the last output, one word.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keep VARIABLE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// key FILE VARIABLE finds an organization's log key in what it says of itself
// or in its key act.
func key(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: key FILE VARIABLE")
	}
	var v struct {
		LogKey string `json:"log_key"`
		Body   struct{ Log string }
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	if v.LogKey+v.Body.Log == "" {
		ts.Fatalf("%s names no log key", args[0])
	}
	ts.Setenv(args[1], v.LogKey+v.Body.Log)
}

// classic FILE takes the post-quantum signatures from a proof, as one of an
// older program has none.
func classic(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: classic FILE")
	}
	var out string
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if len(line) < 1000 || !strings.HasPrefix(line, "— ") {
			out += line
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(out), 0o600))
}

// newest FILE ROLE VARIABLE finds the newest key of a role in a history.
func newest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: newest FILE ROLE VARIABLE")
	}
	h, err := keys.ParseFile([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	ts.Setenv(args[2], h.InForce(keys.Role(args[1]))[0])
}

// address URL VARIABLE sets a variable to the host and port of a URL.
func address(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: address URL VARIABLE")
	}
	_, host, _ := strings.Cut(args[0], "://")
	ts.Setenv(args[1], host)
}

// env-from FILE VARIABLE sets a variable to the line that a file has.
func envFrom(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: env-from FILE VARIABLE")
	}
	ts.Setenv(args[1], strings.TrimSpace(ts.ReadFile(args[0])))
}

// forge FILE puts another text into a disclosure.
func forge(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: forge FILE")
	}
	var o seal.Opening
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &o))
	o.Payload = bytes.Replace(o.Payload, []byte("Between us"), []byte("Between you"), 1)
	b, err := json.Marshal(o)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// mode PERMISSIONS FILE… checks who may read files.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mode PERMISSIONS FILE…")
	}
	for _, pattern := range args[1:] {
		files, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		if len(files) == 0 {
			ts.Fatalf("%s: no such file", pattern)
		}
		for _, f := range files {
			st, err := os.Stat(f)
			ts.Check(err)
			if got := strconv.FormatUint(uint64(st.Mode().Perm()), 8); got != args[0] {
				ts.Fatalf("%s has mode %s, want %s", f, got, args[0])
			}
		}
	}
}

// replace FILE OLD NEW replaces text that must be there.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	before := ts.ReadFile(args[0])
	if !strings.Contains(before, args[1]) {
		ts.Fatalf("%s does not have %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(before, args[1], args[2])), 0o600))
}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// snake FILE checks that a file is one JSON object or array all of whose
// names are in snake_case.
func snake(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: snake FILE")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	var check func(v any)
	check = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, x := range v {
				if !snakeCase.MatchString(name) {
					ts.Fatalf("the name %q is not in snake_case", name)
				}
				check(x)
			}
		case []any:
			for _, x := range v {
				check(x)
			}
		}
	}
	switch v.(type) {
	case map[string]any, []any:
		check(v)
	default:
		ts.Fatalf("%v is neither object nor array", v)
	}
}

// sql FILE STATEMENT changes a database behind the program's back.
func sqlite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql FILE STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	r, err := db.Exec(args[1])
	ts.Check(err)
	if n, _ := r.RowsAffected(); n == 0 {
		ts.Fatalf("%s: changed nothing", args[1])
	}
}

// take-port VARIABLE [VARIABLE] listens until the script ends, and puts the
// address into the first variable and its port into the second.
func takePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: take-port VARIABLE [VARIABLE]")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
	if len(args) == 2 {
		_, port, err := net.SplitHostPort(l.Addr().String())
		ts.Check(err)
		ts.Setenv(args[1], port)
	}
}

// callHere runs the program in this process.
func callHere(t *testing.T, in string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}
