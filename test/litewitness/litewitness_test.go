// Package litewitness tests that a witness which nobody here wrote cosigns our
// journal: torchwood's litewitness, as a process of its own.
//
// The test builds it with go install, and is skipped where its modules cannot
// be had; with CI=true it fails there.
package litewitness

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	_ "modernc.org/sqlite"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/witness"
)

const program = "filippo.io/torchwood/cmd/litewitness@v0.9.0"

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func install(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a program of others")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "go", "install", program)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := c.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("go install %s: %v\n%s", program, err, out)
		}
		t.Skipf("left out: litewitness could not be built: %v: %s", err, out)
	}
	return filepath.Join(dir, "litewitness")
}

// A lite is one running litewitness.
type lite struct {
	url  string
	vkey string
	log  *output
}

type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs one that knows a log.
func start(t *testing.T, path string, origin comity.Origin, logKey string) *lite {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	// The path of a socket is short; that of t.TempDir may not be.
	dir, err := os.MkdirTemp("", "lite")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	fingerprint := serveAgent(t, filepath.Join(dir, "agent"), key)

	const name = "lite.example/witness"
	signer, err := torchwood.NewCosignatureSigner(name, key)
	check(t, err)
	l := &lite{vkey: signer.Verifier().String(), log: &output{}}
	for range 5 { // somebody else may take the port in between
		free, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		addr := free.Addr().String()
		free.Close()
		c := exec.Command(path, "-name="+name, "-db="+filepath.Join(dir, "db"), "-ssh-agent="+filepath.Join(dir, "agent"), "-key="+fingerprint, "-listen="+addr)
		c.Stderr = l.log
		check(t, c.Start())
		ended := make(chan struct{})
		go func() { c.Wait(); close(ended) }()
		t.Cleanup(func() { c.Process.Kill(); <-ended })
		if l.url = "http://" + addr; answers(t, l.url, ended) {
			know(t, filepath.Join(dir, "db"), origin, logKey)
			return l
		}
	}
	t.Fatalf("litewitness does not answer:\n%s", l.log)
	return nil
}

// serveAgent is the ssh-agent from which litewitness has its key.
func serveAgent(t *testing.T, path string, key ed25519.PrivateKey) (fingerprint string) {
	t.Helper()
	ring := agent.NewKeyring()
	check(t, ring.Add(agent.AddedKey{PrivateKey: key}))
	listener, err := net.Listen("unix", path)
	check(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); agent.ServeAgent(ring, c) }()
		}
	}()
	public, err := ssh.NewPublicKey(key.Public())
	check(t, err)
	return ssh.FingerprintSHA256(public)
}

// answers waits until the program answers; false if it ended.
func answers(t *testing.T, url string, ended <-chan struct{}) bool {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get(url + "/")
		if err == nil {
			resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		}
		select {
		case <-ended:
			return false
		case <-t.Context().Done():
			return false
		case <-tick.C:
		}
	}
}

// know puts a log into its database, as witnessctl does, which needs modules
// that cannot be had everywhere.
func know(t *testing.T, path string, origin comity.Origin, logKey string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	check(t, err)
	defer db.Close()
	_, err = db.Exec("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", string(origin), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
	check(t, err)
	_, err = db.Exec("INSERT INTO key (origin, key) VALUES (?, ?)", string(origin), logKey)
	check(t, err)
}

// A node whose policy names litewitness has it cosign its journal, again and
// again, over a restart of the node, and its proofs carry that.
func TestLitewitness(t *testing.T) {
	t.Parallel()
	path := install(t)
	dir := t.TempDir()
	check(t, node.Init(dir, "un.example", "United Nations"))
	folder, err := node.ReadFolder(dir)
	check(t, err)
	l := start(t, path, "un.example/journal", folder.Keys.LogVerifier)
	policy := fmt.Sprintf("# seen by somebody outside\nwitness lite %s %s/\nquorum lite\n", l.vkey, l.url)
	check(t, os.WriteFile(filepath.Join(dir, node.PolicyFile), []byte(policy), 0o600))

	wanted, err := witness.ParsePolicy([]byte("log " + folder.Keys.LogVerifier + "\n" + policy))
	check(t, err)
	var old string
	for round := range 3 {
		if round == 2 {
			old = t.TempDir()
			check(t, os.CopyFS(old, os.DirFS(dir)))
		}
		n, err := node.Open(t.Context(), node.Config{Dir: dir})
		check(t, err)
		for i := range 3 {
			name := issue(t, n, fmt.Sprintf("Situation %d of %d", i, round))
			if err := n.WitnessRound(t.Context()); err != nil {
				t.Fatalf("litewitness: %v\n%s", err, l.log)
			}
			proof, err := n.Desk.Proof(t.Context(), desk.Who{}, name, true)
			check(t, err)
			_, checkpoint, _ := strings.Cut(string(proof), "\n\n")
			cp, _, err := torchwood.VerifyCheckpoint([]byte(checkpoint), wanted)
			if err != nil || cp.N <= name.Index {
				t.Errorf("the proof of %s: size %d, %v\n%s", name, cp.N, err, checkpoint)
			}
		}
		r, err := n.Desk.Record(t.Context(), desk.Who{})
		check(t, err)
		if r.Demands != "lite" || r.Accepted != r.Size {
			t.Errorf("the record demands %q and is accepted up to %d of %d", r.Demands, r.Accepted, r.Size)
		}
		check(t, n.Close())
	}

	// litewitness shows nobody what it cosigned. It tells nevertheless that an
	// old copy was put back.
	for _, pattern := range []string{"*", "keys/*"} { // others must not read them, which a copy forgets
		names, err := filepath.Glob(filepath.Join(old, pattern))
		check(t, err)
		for _, name := range names {
			check(t, os.Chmod(name, 0o700))
		}
	}
	n, err := node.Open(t.Context(), node.Config{Dir: old})
	check(t, err)
	defer n.Close()
	ended := time.After(time.Minute)
	for n.Held() == nil || !strings.Contains(n.Held().Error(), "remembers 10 entries of our journal, but we have 7") {
		select {
		case <-ended:
			t.Fatalf("with an old copy it records, or refuses because %v", n.Held())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func issue(t *testing.T, n *node.Node, title string) comity.ActName {
	t.Helper()
	doc, err := act.Encode(&act.Act{Kind: "situation.v1", Date: comity.TimeOf(time.Now()), Status: comity.Exercise, TLP: comity.Clear, Lang: "en", Title: title})
	check(t, err)
	out, err := n.Desk.Issue(t.Context(), desk.Who{Person: &person.Person{ID: "o.fficer", Office: "Watch officer", Role: person.Officer}, Role: person.Officer}, doc)
	check(t, err)
	return out.Name
}
