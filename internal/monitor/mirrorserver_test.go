package monitor_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/subtree"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

var update = flag.Bool("update", false, "write the golden files of requests")

func verifiers(v ...note.Verifier) note.Verifiers { return note.VerifierList(v...) }

// upload is the beginning of an add-entries request, written down a second
// time from https://c2sp.org/tlog-mirror#add-entries.
type upload struct {
	origin     string
	start, end int64
	ticket     string
}

func (u upload) encode() []byte {
	var b bytes.Buffer
	put := func(v any) { binary.Write(&b, binary.BigEndian, v) }
	put(uint16(len(u.origin)))
	b.WriteString(u.origin)
	put(uint64(u.start))
	put(uint64(u.end))
	put(uint16(len(u.ticket)))
	b.WriteString(u.ticket)
	return b.Bytes()
}

// readUpload takes a request's body apart: its beginning, and the packages.
func readUpload(t testing.TB, r *http.Request) (u upload, packages []byte) {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	cut := func(n int) []byte {
		if len(b) < n {
			t.Fatalf("the request ends %d bytes too early", n-len(b))
		}
		x := b[:n]
		b = b[n:]
		return x
	}
	u.origin = string(cut(int(binary.BigEndian.Uint16(cut(2)))))
	u.start, u.end = int64(binary.BigEndian.Uint64(cut(8))), int64(binary.BigEndian.Uint64(cut(8)))
	u.ticket = string(cut(int(binary.BigEndian.Uint16(cut(2)))))
	return u, b
}

func setBody(r *http.Request, parts ...[]byte) {
	b := slices.Concat(parts...)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
}

// packages of entries start to end-1 of a log, towards its size.
func packages(t testing.TB, l *witnesstest.Log, start, end, size int64) (all [][]byte) {
	t.Helper()
	for at := start; at < end; {
		to := min(end, at/256*256+256)
		var b []byte
		for _, e := range l.Entries[at:to] {
			b = binary.BigEndian.AppendUint16(b, uint16(len(e)))
			b = append(b, e...)
		}
		proof, err := subtree.Prove(at/256*256, to, size, l.Hashes())
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, byte(len(proof)))
		for _, h := range proof {
			b = append(b, h[:]...)
		}
		all = append(all, b)
		at = to
	}
	return all
}

// post sends a request straight to the server.
func (p *pushing) post(path string, header http.Header, body []byte) *httptest.ResponseRecorder {
	p.t.Helper()
	r := httptest.NewRequest("POST", path, bytes.NewReader(body))
	if strings.HasSuffix(path, "add-entries") {
		r.Header.Set("Content-Type", "application/octet-stream")
	}
	for k, v := range header {
		r.Header[k] = v
	}
	rec := httptest.NewRecorder()
	p.server.ServeHTTP(rec, r)
	return rec
}

func (p *pushing) addCheckpoint(old int64, proof tlog.TreeProof, signed []byte) *httptest.ResponseRecorder {
	p.t.Helper()
	return p.post("/add-checkpoint", nil, witness.FormatRequest(old, proof, signed))
}

func (p *pushing) addEntries(u upload, packages ...[]byte) *httptest.ResponseRecorder {
	p.t.Helper()
	return p.post("/add-entries", nil, append(u.encode(), bytes.Join(packages, nil)...))
}

func wantStatus(t *testing.T, rec *httptest.ResponseRecorder, status int) {
	t.Helper()
	if rec.Code != status {
		t.Fatalf("status %d %q, want %d", rec.Code, rec.Body, status)
	}
}

// wantInfo expects a mirror-info body.
func wantInfo(t *testing.T, rec *httptest.ResponseRecorder, status int, size, next int64) {
	t.Helper()
	wantStatus(t, rec, status)
	want := fmt.Sprintf("%d\n%d\n%s\n", size, next, base64.StdEncoding.EncodeToString([]byte("comity/checkpoint\nboxes\n")))
	if ct := rec.Header().Get("Content-Type"); rec.Body.String() != want || ct != "text/x.tlog.mirror-info" {
		t.Fatalf("%q of type %q, want %q", rec.Body, ct, want)
	}
}

const un = "un.example/journal"

// Every answer of add-checkpoint, as https://c2sp.org/tlog-witness has it.
func TestAddCheckpointAnswers(t *testing.T) {
	p := newPushing(t, 20)
	l := p.origin.Log
	las := witnesstest.NewLog(peertest.NewOrg("las.example"), 3)
	otherKey, err := note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: un, Tree: tlog.Tree{N: 20, Hash: l.Root(20)}}.String()}, las.Org.Log)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Replace(l.Checkpoint(20), []byte("\n20\n"), []byte("\n21\n"), 1)
	zero := l.Sign(torchwood.Checkpoint{Origin: un, Tree: tlog.Tree{N: 0, Hash: l.Root(1)}})
	size := func(rec *httptest.ResponseRecorder, want string) {
		t.Helper()
		wantStatus(t, rec, 409)
		if rec.Body.String() != want+"\n" || rec.Header().Get("Content-Type") != "text/x.tlog.size" {
			t.Errorf("conflict %q of type %q, want %s", rec.Body, rec.Header().Get("Content-Type"), want)
		}
	}
	for _, body := range []string{"", "old 0\n", "old x\n\n", "old 0\nnothash\n\n" + string(l.Checkpoint(5)), "old 0\n\n", "old 0\n\nx",
		"old 0\n" + strings.Repeat("PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n", 64) + "\n" + string(l.Checkpoint(5)),
		"old 0\n\n" + un + "\nfive\n", strings.Repeat("x", 70<<10)} {
		wantStatus(t, p.post("/add-checkpoint", nil, []byte(body)), 400)
	}
	wantStatus(t, p.addCheckpoint(0, nil, las.Checkpoint(3)), 404)
	wantStatus(t, p.addCheckpoint(0, nil, otherKey), 403)
	wantStatus(t, p.addCheckpoint(0, nil, forged), 403)
	wantStatus(t, p.addCheckpoint(21, nil, l.Checkpoint(20)), 400)
	wantStatus(t, p.addCheckpoint(0, nil, zero), 422)
	wantStatus(t, p.addCheckpoint(0, l.Proof(20, 5), l.Checkpoint(20)), 422)
	size(p.addCheckpoint(5, l.Proof(20, 5), l.Checkpoint(20)), "0")

	rec := p.addCheckpoint(0, nil, l.Checkpoint(5))
	wantStatus(t, rec, 200)
	if rec.Body.Len() != 0 {
		t.Errorf("something was signed before anything is stored: %q", rec.Body)
	}
	size(p.addCheckpoint(0, nil, l.Checkpoint(20)), "5")
	wantStatus(t, p.addCheckpoint(5, l.Proof(20, 6), l.Checkpoint(20)), 422)
	wantStatus(t, p.addCheckpoint(5, nil, l.Checkpoint(5)), 200) // the same again
	p.restart()
	size(p.addCheckpoint(0, nil, l.Checkpoint(20)), "5") // it was durable
	wantStatus(t, p.addCheckpoint(5, l.Proof(20, 5), l.Checkpoint(20)), 200)
	p.holds(0)
	if _, err := p.mem.Mirror(t.Context(), p.un.Domain.Origin()); err == nil {
		t.Error("the mirror signed without entries")
	}
	if rec := p.post("/add-checkpoint", nil, nil); rec.Code != 400 {
		t.Errorf("an empty body: %d", rec.Code)
	}
	if !slices.Contains(p.outcomes, monitor.PushForbidden) || !slices.Contains(p.outcomes, monitor.PushCheckpoint) {
		t.Errorf("outcomes %v", p.outcomes)
	}
}

// Every answer of add-entries, as https://c2sp.org/tlog-mirror has it.
func TestAddEntriesAnswers(t *testing.T) {
	p := newPushing(t, 1000)
	l := p.origin.Log
	all := packages(t, l, 0, 600, 600)

	wantStatus(t, p.addEntries(upload{un, 0, 600, ""}, all...), 422) // no checkpoint yet
	wantStatus(t, p.addEntries(upload{"las.example/journal", 0, 600, ""}, all...), 404)
	wantStatus(t, p.addEntries(upload{"nonsense", 0, 600, ""}, all...), 404)
	wantStatus(t, p.addEntries(upload{un, 600, 0, ""}), 400)
	wantStatus(t, p.addEntries(upload{un, 0, 1<<63 - 1, ""}), 400)
	wantStatus(t, p.post("/add-entries", nil, upload{un, 0, 600, ""}.encode()[:10]), 400)

	wantStatus(t, p.addCheckpoint(0, nil, l.Checkpoint(600)), 200)
	wantInfo(t, p.addEntries(upload{un, 0, 500, ""}, all...), 409, 600, 0)   // not a pending checkpoint
	wantInfo(t, p.addEntries(upload{un, 256, 600, ""}, all...), 409, 600, 0) // past the next entry
	wantStatus(t, p.addEntries(upload{un, 0, 600, ""}), 400)                 // no package
	wantStatus(t, p.addEntries(upload{un, 0, 600, ""}, all[0][:300]), 400)   // none that is whole
	wantStatus(t, p.addEntries(upload{un, 0, 600, ""}, all[1], all[0]), 422) // in another order
	wantStatus(t, p.addEntries(upload{un, 0, 600, ""}, all[0], all[0]), 422) // one of them twice
	p.holds(0)

	wantInfo(t, p.addEntries(upload{un, 0, 600, ""}, all[0], all[1][:300]), 202, 600, 256) // cut off in the second
	p.holds(256)
	wantInfo(t, p.addEntries(upload{un, 0, 600, "opaque"}, all[:2]...), 202, 600, 512) // from the start once more
	p.holds(512)
	p.restart()

	// The pending checkpoint moves on; the last one can still be uploaded to.
	wantStatus(t, p.addCheckpoint(600, l.Proof(700, 600), l.Checkpoint(700)), 200)
	wantInfo(t, p.addEntries(upload{un, 512, 600, ""}, all[2]), 409, 700, 512) // a new process does not know it
	wantStatus(t, p.addCheckpoint(700, l.Proof(800, 700), l.Checkpoint(800)), 200)
	rec := p.addEntries(upload{un, 512, 700, ""}, packages(t, l, 512, 700, 700)...)
	wantStatus(t, rec, 200)
	if _, sigs, err := witness.OpenCosigned(append(l.Checkpoint(700), rec.Body.Bytes()...), time.Now(), p.un.LogVerifier(), p.au.Mirror.Verifier()); err != nil || len(sigs) != 1 {
		t.Errorf("the receipt: %v, %v\n%s", sigs, err, rec.Body)
	}
	if !strings.HasPrefix(rec.Body.String(), "— au.example/mirror ") || strings.Count(rec.Body.String(), "\n") != 1 {
		t.Errorf("the receipt is %q", rec.Body)
	}
	p.holds(700)
	wantInfo(t, p.addEntries(upload{un, 512, 600, ""}, all[2]), 409, 800, 700)          // behind the mirror
	wantInfo(t, p.addEntries(upload{un, 0, 800, ""}), 409, 800, 700)                    // far too much once more
	again := p.addEntries(upload{un, 700, 700, ""})                                     // nothing to send, and the receipt again
	wantStatus(t, again, 200)                                                           //
	wantStatus(t, p.addEntries(upload{un, 512, 700, ""}, []byte("not looked at")), 400) // a package is due
	if again.Body.String() != rec.Body.String() {
		t.Errorf("the receipt the second time: %q, want %q", again.Body, rec.Body)
	}
	// From the middle of a block.
	wantStatus(t, p.addEntries(upload{un, 700, 800, ""}, packages(t, l, 700, 800, 800)...), 200)
	p.holds(800)
	// Bytes behind the last package are not looked at.
	wantStatus(t, p.addCheckpoint(800, l.Proof(1000, 800), l.Checkpoint(1000)), 200)
	wantStatus(t, p.addEntries(upload{un, 800, 1000, ""}, append(packages(t, l, 800, 1000, 1000), []byte("and more"))...), 200)
	p.holds(1000)

	if rec := p.post("/add-entries", http.Header{"Content-Type": {"text/plain"}}, upload{un, 0, 1, ""}.encode()); rec.Code != 400 {
		t.Errorf("another content type: %d", rec.Code)
	}
	for _, o := range []string{monitor.PushUnknown, monitor.PushUnproven, monitor.PushConflict, monitor.PushMalformed, monitor.PushPartly, monitor.PushStored} {
		if !slices.Contains(p.outcomes, o) {
			t.Errorf("outcome %q was not counted", o)
		}
	}
	if e := rec.Header().Get("Accept-Encoding"); e != "gzip" {
		t.Errorf("Accept-Encoding %q", e)
	}
}

// At most 32 packages are taken of one request, and no more bytes than the
// bound.
func TestAddEntriesBounds(t *testing.T) {
	p := newPushing(t, 0)
	l := p.origin.Log
	big := make([]byte, 60000)
	for range 1024 {
		l.Append(big)
	}
	wantStatus(t, p.addCheckpoint(0, nil, l.Checkpoint(1024)), 200)
	wantInfo(t, p.addEntries(upload{un, 0, 1024, ""}, packages(t, l, 0, 1024, 1024)...), 202, 1024, 768)

	p = newPushing(t, 33*256)
	l = p.origin.Log
	wantStatus(t, p.addCheckpoint(0, nil, l.Checkpoint(33*256)), 200)
	wantInfo(t, p.addEntries(upload{un, 0, 33 * 256, ""}, packages(t, l, 0, 33*256, 33*256)...), 202, 33*256, 32*256)
}

// Proofs that do not show what they should, and entries that were changed.
func TestAddEntriesUnproven(t *testing.T) {
	p := newPushing(t, 600)
	l := p.origin.Log
	wantStatus(t, p.addCheckpoint(0, nil, l.Checkpoint(600)), 200)
	good := packages(t, l, 0, 256, 600)[0]
	for name, change := range map[string]func(b []byte) []byte{
		"an entry changed":     func(b []byte) []byte { b[5] ^= 1; return b },
		"the proof changed":    func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"one hash less":        func(b []byte) []byte { b[len(b)-1-2*32]--; return b[:len(b)-32] },
		"64 hashes":            func(b []byte) []byte { b[len(b)-1-2*32] = 64; return append(b, make([]byte, 62*32)...) },
		"of another tree size": func([]byte) []byte { return packages(t, l, 0, 256, 300)[0] },
		"of another log":       func([]byte) []byte { return packages(t, l.Fork(3), 0, 256, 600)[0] },
	} {
		t.Run(name, func(t *testing.T) {
			p.t = t
			wantStatus(t, p.addEntries(upload{un, 0, 600, ""}, change(bytes.Clone(good))), 422)
			p.holds(0)
		})
	}
	p.t = t
	wantInfo(t, p.addEntries(upload{un, 0, 600, ""}, good), 202, 600, 256)
}

func zip(t testing.TB, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Write(b)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestAddEntriesGzip(t *testing.T) {
	p := newPushing(t, 300)
	l := p.origin.Log
	wantStatus(t, p.addCheckpoint(0, nil, l.Checkpoint(300)), 200)
	body := append(upload{un, 0, 300, ""}.encode(), bytes.Join(packages(t, l, 0, 300, 300), nil)...)
	as := func(enc string, b []byte) *httptest.ResponseRecorder {
		return p.post("/add-entries", http.Header{"Content-Encoding": {enc}}, b)
	}
	wantStatus(t, as("br", body), 415)
	wantStatus(t, as("gzip", body), 400)
	wantStatus(t, as("gzip", zip(t, body)[:20]), 400)
	// A bomb: what is not asked for is not unpacked. A package can have at most
	// 256 entries of 65,535 bytes; the entries here do not belong to the log.
	bomb := append(upload{un, 0, 300, ""}.encode(), bytes.Repeat([]byte{0xff}, 64<<20)...)
	wantStatus(t, as("gzip", zip(t, bomb)), 422)
	cut := zip(t, body)
	wantStatus(t, as("gzip", cut[:len(cut)/2]), 400)
	p.holds(0)
	wantStatus(t, as("gzip", zip(t, body)), 200)
	p.holds(300)
}

// Who sends much waits for others who do; who sends little does not.
func TestManyBigUploads(t *testing.T) {
	p := newPushing(t, 300)
	l := p.origin.Log
	wantStatus(t, p.addCheckpoint(0, nil, l.Checkpoint(300)), 200)
	slow := func() (stop func()) {
		rd, wr := io.Pipe()
		r := httptest.NewRequest("POST", "/add-entries", rd)
		r.Header.Set("Content-Type", "application/octet-stream")
		done := make(chan int)
		go func() {
			rec := httptest.NewRecorder()
			p.server.ServeHTTP(rec, r)
			done <- rec.Code
		}()
		wr.Write(upload{un, 0, 300, ""}.encode())
		for range 40 {
			wr.Write(append([]byte{0xff, 0xff}, make([]byte, 65535)...))
		}
		return func() {
			wr.Close()
			if code := <-done; code != 400 {
				t.Errorf("a big upload that was cut off: %d", code)
			}
		}
	}
	var stops []func()
	for range 4 {
		stops = append(stops, slow())
	}
	big := append(upload{un, 0, 300, ""}.encode(), bytes.Repeat([]byte{0xff}, 2<<20)...)
	rec := p.post("/add-entries", nil, big)
	wantStatus(t, rec, 503)
	if rec.Header().Get("Retry-After") == "" {
		t.Error("busy, and no word about when to try again")
	}
	wantStatus(t, p.addEntries(upload{un, 0, 300, ""}, packages(t, l, 0, 300, 300)...), 200)
	for _, stop := range stops {
		stop()
	}
	wantStatus(t, p.post("/add-entries", nil, big), 400)
}

// A paused link takes nothing.
func TestPushToPaused(t *testing.T) {
	p := newPushing(t, 3)
	p.follower.Pause()
	rec := p.addCheckpoint(0, nil, p.origin.Log.Checkpoint(3))
	wantStatus(t, rec, 503)
	if err := p.pusher.Step(t.Context()); err == nil {
		t.Error("a paused mirror took a push")
	}
	p.holds(0)
	p.follower.Resume()
	p.step()
	p.received(3)
}

// Two pasts, pushed: the same evidence as by pull, and the copy is frozen.
func TestForkByPush(t *testing.T) {
	for name, push := range map[string]func(p *pushing, fork *witnesstest.Log) int{
		"same size as the copy, in a ticket": func(p *pushing, fork *witnesstest.Log) int {
			return p.addEntries(upload{un, 300, 300, ticket(300, nil, fork.Checkpoint(300))}).Code
		},
		"same size as the copy": func(p *pushing, fork *witnesstest.Log) int {
			return p.addCheckpoint(300, nil, fork.Checkpoint(300)).Code
		},
		"smaller than the copy": func(p *pushing, fork *witnesstest.Log) int {
			if code := p.addCheckpoint(200, nil, fork.Checkpoint(200)).Code; code != 409 {
				p.t.Errorf("status %d, want 409", code)
			}
			return 422
		},
		"same size as the pending one": func(p *pushing, fork *witnesstest.Log) int {
			l := p.origin.Log
			wantStatus(p.t, p.addCheckpoint(300, l.Proof(400, 300), l.Checkpoint(400)), 200)
			return p.addCheckpoint(400, nil, fork.Checkpoint(400)).Code
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPushing(t, 300)
			p.step()
			p.received(300)
			p.origin.Log.Grow(100) // not shown yet
			fork := p.origin.Log.Fork(100)
			if code := push(p, fork); code != 422 {
				t.Errorf("status %d, want 422", code)
			}
			e := p.forks(300)
			if err := e.Verify(p.un.LogVerifier()); err != nil {
				t.Error(err)
			}
			if s := p.follower.Status(); s.Frozen == nil {
				t.Errorf("the follower does not know of it: %+v", s)
			}
			// Nothing is taken any more, of either side.
			l := p.origin.Log
			wantStatus(t, p.addCheckpoint(300, l.Proof(400, 300), l.Checkpoint(400)), 422)
			wantStatus(t, p.addEntries(upload{un, 300, 400, ""}, packages(t, l, 300, 400, 400)...), 422)
			p.received(300)
		})
	}
}

// A signed checkpoint that does not extend the copy proves nothing without the
// peer's tiles: the push is refused, and fetching them shows the fork.
func TestForkByPushShownByPull(t *testing.T) {
	p := newPushing(t, 300)
	p.step()
	p.origin.Log.Grow(100)
	fork := p.origin.Log.Fork(100)
	wantStatus(t, p.addCheckpoint(300, fork.Proof(400, 300), fork.Checkpoint(400)), 422)
	st, err := p.mem.State(t.Context(), p.un.Domain.Origin())
	if err != nil || st.Frozen != nil {
		t.Fatalf("frozen without a proof: %+v, %v", st, err)
	}
	p.holds(300)
	p.origin.Log, p.origin.Size = fork, 400
	p.forks(300)
}

// ticket carries an add-checkpoint request.
func ticket(old int64, proof tlog.TreeProof, signed []byte) string {
	return "comity/checkpoint\n" + string(witness.FormatRequest(old, proof, signed))
}

// What is wrong with a checkpoint in a ticket is as if it had not come.
func TestBadTickets(t *testing.T) {
	p := newPushing(t, 20)
	l := p.origin.Log
	pk := packages(t, l, 0, 20, 20)
	las := witnesstest.NewLog(peertest.NewOrg("las.example"), 20)
	for _, c := range []struct {
		ticket string
		status int
	}{
		{"comity/checkpoint\n", 422}, {"comity/checkpoint\nboxes\n", 422}, {"comity/checkpoint\ngarbage", 422}, {"other", 422},
		{ticket(5, l.Proof(20, 5), l.Checkpoint(20)), 422},
		{ticket(0, nil, las.Checkpoint(20)), 404},
		{ticket(0, l.Proof(20, 5), l.Checkpoint(20)), 422},
		{ticket(0, nil, bytes.Replace(l.Checkpoint(20), []byte("\n20\n"), []byte("\n21\n"), 1)), 403},
		{ticket(0, nil, l.Checkpoint(10)), 409},
	} {
		if rec := p.addEntries(upload{un, 0, 20, c.ticket}, pk...); rec.Code != c.status {
			t.Errorf("ticket %.40q: status %d %q, want %d", c.ticket, rec.Code, rec.Body, c.status)
		}
	}
	p.holds(0)
	wantStatus(t, p.addEntries(upload{un, 0, 20, ticket(0, nil, l.Checkpoint(20))}, pk...), 200)
	wantInfo(t, p.addEntries(upload{un, 20, 30, ticket(0, nil, l.Checkpoint(20))}), 409, 20, 20)
	p.received2(20)
}

func (p *pushing) received2(size int64) {
	p.t.Helper()
	p.holds(size)
	if mc, err := p.mem.Mirror(p.t.Context(), p.un.Domain.Origin()); err != nil || mc.Size != size {
		p.t.Errorf("mirrored %d, %v; want %d", mc.Size, err, size)
	}
}

// golden is one exchange, for other implementations. Bodies are base64.
type golden struct {
	What   string `json:"what"`
	Path   string `json:"path"`
	Body   []byte `json:"body"`
	Status int    `json:"status"`
	Answer string `json:"answer"` // "" if it is a signature, whose time varies
}

// The bodies as they go over the wire, in testdata/push.json: a journal whose
// keys and entries are those of the test packages.
func TestPushGolden(t *testing.T) {
	p := newPushing(t, 0)
	var all []golden
	p.instead = func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		setBody(r, body)
		rec := httptest.NewRecorder()
		http.StripPrefix(monitor.MirrorPrefix, p.server).ServeHTTP(rec, r)
		g := golden{Path: r.URL.Path, Body: body, Status: rec.Code, Answer: rec.Body.String()}
		if rec.Code == 200 {
			g.Answer = ""
		}
		all = append(all, g)
		w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes())
	}
	say := func(what string) {
		t.Helper()
		p.step()
		all[len(all)-1].What = what
	}
	p.grow(3)
	say("the first three entries, with their checkpoint in the ticket")
	p.grow(2)
	say("two more, in the middle of a block")
	p.grow(300)
	say("entries of two blocks")
	p.restart()
	p.instead, p.pusher = nil, nil
	raw := func(what, path string, body []byte) {
		t.Helper()
		rec := p.post(path, nil, body)
		g := golden{What: what, Path: "/mirror" + path, Body: body, Status: rec.Code, Answer: rec.Body.String()}
		if rec.Code == 200 {
			g.Answer = ""
		}
		all = append(all, g)
	}
	p.grow(10)
	l := p.origin.Log
	raw("as the specification has it: the checkpoint first", "/add-checkpoint", witness.FormatRequest(305, l.Proof(315, 305), l.Checkpoint(315)))
	raw("a checkpoint from a size that the mirror has passed", "/add-checkpoint", witness.FormatRequest(305, l.Proof(315, 305), l.Checkpoint(315)))
	raw("entries that come too early", "/add-entries", append(upload{un, 310, 315, ""}.encode(), packages(t, l, 310, 315, 315)[0]...))
	raw("then the entries", "/add-entries", append(upload{un, 305, 315, ""}.encode(), packages(t, l, 305, 315, 315)[0]...))

	got, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	file := filepath.Join("testdata", "push.json")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the requests differ from %s; if that is meant, write it anew with -update", file)
	}
}

// Whatever is pushed, nothing panics, and nothing is kept that was not signed.
func FuzzAddEntries(f *testing.F) {
	l := witnesstest.NewLog(peertest.NewOrg("un.example"), 300)
	pk := bytes.Join(packages(f, l, 0, 300, 300), nil)
	f.Add(append(upload{un, 0, 300, ticket(0, nil, l.Checkpoint(300))}.encode(), pk...), false)
	f.Add(append(upload{un, 0, 300, ticket(0, nil, l.Checkpoint(300))}.encode(), pk[:5000]...), false)
	f.Add(append(upload{un, 10, 300, ""}.encode(), pk...), false)
	f.Add(zip(f, append(upload{un, 0, 300, ""}.encode(), pk...)), true)
	f.Fuzz(func(t *testing.T, body []byte, zipped bool) {
		p := newPushing(t, 0)
		p.origin.Log = l
		h := http.Header{}
		if zipped {
			h.Set("Content-Encoding", "gzip")
		}
		rec := p.post("/add-entries", h, body)
		head, err := p.copy.Head(t.Context(), p.un.Domain.Origin())
		if err != nil || head.Size != 0 && head.Root != l.Root(head.Size) {
			t.Errorf("kept %d entries, %v", head.Size, err)
		}
		if rec.Code == 200 && head.Size != 300 {
			t.Errorf("a receipt for %d entries", head.Size)
		}
	})
}
