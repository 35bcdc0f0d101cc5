package monitor_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// boxesOf are the two boxes that an entry names, in these tests.
func boxesOf(entry []byte) [][]byte {
	return [][]byte{fmt.Appendf(nil, "effects of %x", sha256.Sum256(entry)), fmt.Appendf(nil, "content of %s", entry)}
}

// rack is a shelf that takes boxes before entries are stored. It fails the test
// if it is given one that no entry of the log names.
type rack struct {
	*shelf
	t     testing.TB
	named map[comity.Hash]bool
	store func() [][]byte // the entries that are stored
}

func (r *rack) Missing(ctx context.Context, o comity.Origin) (missing []monitor.BlobRef, err error) {
	return r.Needs(ctx, o, 0, r.store())
}

func (r *rack) Needs(_ context.Context, _ comity.Origin, _ int64, entries [][]byte) (needs []monitor.BlobRef, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		for _, box := range boxesOf(e) {
			if b := (monitor.BlobRef{Hash: sha256.Sum256(box), Size: int64(len(box))}); r.have[b.Hash] == nil {
				needs = append(needs, b)
			}
		}
	}
	return needs, nil
}

func (r *rack) Keep(ctx context.Context, _ comity.Origin, _ int64, _, blobs [][]byte) error {
	for _, b := range blobs {
		if !r.named[sha256.Sum256(b)] {
			r.t.Errorf("kept %q, which no entry names", b)
		}
		if err := r.Put(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (r *rack) kept() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.have)
}

// pushingBoxes is pushing of a log of n entries, each of which names two boxes.
func pushingBoxes(t testing.TB, p *pushing, n int) *rack {
	t.Helper()
	r := &rack{shelf: &shelf{have: map[comity.Hash][]byte{}}, t: t, named: map[comity.Hash]bool{}, store: func() [][]byte {
		h, err := p.copy.Head(context.Background(), un)
		if err != nil || h.Size == 0 {
			return nil
		}
		entries, _ := p.copy.Entries(context.Background(), un, 0, h.Size)
		return entries
	}}
	for _, e := range witnesstest.NewLog(p.un, n).Entries {
		for _, b := range boxesOf(e) {
			r.named[sha256.Sum256(b)] = true
			p.origin.AddBlob(b)
		}
	}
	p.conf.Blobs = r
	p.restart()
	return r
}

// boxes has the pusher send what entries name, as far as most allows.
func (p *pushing) boxes(maxBytes int64) (asked *int) {
	p.t.Helper()
	client, err := p.au.Peer.Client(peer.Config{Transport: roundTrip(p.roundTrip)})
	if err != nil {
		p.t.Fatal(err)
	}
	asked = new(int)
	p.pusher = monitor.NewPusher(monitor.PusherConfig{Journal: p.ours, Log: p.un.LogVerifier(), Mirror: p.au.Mirror.Verifier(),
		Client: client, Cosignatures: p.cosigs, Received: func(c witness.Cosignature) { p.told(c) }, MaxBytes: maxBytes,
		Boxes: func(_ context.Context, entries [][]byte, most int64) (all [][]byte, err error) {
			*asked++
			for _, e := range entries {
				for _, b := range boxesOf(e) {
					if most -= int64(len(b)); most < 0 {
						return all, nil
					}
					all = append(all, b)
				}
			}
			return all, nil
		}})
	return asked
}

// Boxes come with the entries that name them: one request, one transaction, and
// the receipt; nothing is fetched.
func TestPushBoxes(t *testing.T) {
	p := newPushing(t, 0)
	r := pushingBoxes(t, p, 400)
	p.boxes(0)
	for _, n := range []int{1, 3, 300, 20} {
		commits := p.copy.Commits()
		p.grow(n)
		p.step()
		p.received(p.origin.Size)
		p.wantSent("add-entries 200")
		if got := p.copy.Commits() - commits; got != 1 {
			t.Errorf("%d entries took %d transactions", n, got)
		}
		if got := r.kept(); int64(got) != 2*p.origin.Size {
			t.Errorf("%d boxes for %d entries", got, p.origin.Size)
		}
	}
	p.origin.Requests()
	if pr := p.poll(); pr.Stored != 0 || pr.Blobs != 0 || pr.Missing != 0 {
		t.Errorf("progress %+v", pr)
	}
	if asked := p.origin.Requests(); !slices.Equal(asked, []string{"/journal/checkpoint"}) {
		t.Errorf("a poll after the push asked for %v", asked)
	}
}

// What does not fit into a push is fetched.
func TestPushSomeBoxes(t *testing.T) {
	p := newPushing(t, 0)
	r := pushingBoxes(t, p, 100)
	p.boxes(10 << 10)
	p.grow(100)
	p.step()
	p.wantSent("add-entries 202")
	pushed := r.kept()
	if pushed == 0 || pushed == 200 {
		t.Errorf("%d boxes were pushed, want some of 200", pushed)
	}
	if pr, _ := p.catchUp(); pr.Missing != 0 || r.kept() != 200 || p.mirrored() != 100 {
		t.Errorf("%d boxes, mirrored %d, progress %+v", r.kept(), p.mirrored(), pr)
	}
}

// A mirror that does not say that it takes boxes is not sent any twice.
func TestPushToAMirrorWithoutBoxes(t *testing.T) {
	p := newPushing(t, 0)
	r := pushingBoxes(t, p, 20)
	asked := p.boxes(0)
	// One of ours as it was before: it ignores what stands behind the packages.
	p.instead = func(w http.ResponseWriter, req *http.Request) {
		u, rest := readUpload(t, req)
		packages := bytes.Join(packages(t, p.origin.Log, u.start, u.end, u.end), nil)
		if *asked > 1 && len(rest) > len(packages) {
			t.Errorf("boxes were sent again")
		}
		setBody(req, u.encode(), packages)
		rec := httptest.NewRecorder()
		http.StripPrefix(monitor.MirrorPrefix, p.server).ServeHTTP(rec, req)
		w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		w.WriteHeader(rec.Code)
		lines := strings.Split(rec.Body.String(), "\n")
		lines[2] = base64.StdEncoding.EncodeToString([]byte("comity/checkpoint\n"))
		io.WriteString(w, strings.Join(lines, "\n"))
	}
	for range 3 {
		p.grow(5)
		p.step()
		p.wantSent("add-entries 202")
		p.poll()
		if r.kept() == 0 || p.mirrored() != p.origin.Size {
			t.Errorf("%d boxes, mirrored %d of %d", r.kept(), p.mirrored(), p.origin.Size)
		}
	}
	if *asked != 1 {
		t.Errorf("boxes were read %d times, want once", *asked)
	}
}

func box(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }

// Whatever stands behind the packages, nothing is kept but boxes that verified
// entries name, and nobody is told that all are here unless they are.
func TestHostileBoxes(t *testing.T) {
	l := witnesstest.NewLog(peertest.NewOrg("un.example"), 2)
	a, b := boxesOf(l.Entries[0]), boxesOf(l.Entries[1])
	all := bytes.Join([][]byte{box(a[0]), box(a[1]), box(b[0]), box(b[1])}, nil)
	other := box([]byte("what nobody names"))
	endless := binary.BigEndian.AppendUint32(nil, 0xffffffff)
	for _, c := range []struct {
		name   string
		behind []byte
		status int
		kept   int
	}{
		{"none", nil, 202, 0},
		{"all", all, 200, 4},
		{"in another order", slices.Concat(box(b[1]), box(b[0]), box(a[1]), box(a[0])), 200, 4},
		{"one missing", all[:len(all)-len(box(b[1]))], 202, 3},
		{"one cut off", all[:len(all)-1], 202, 3},
		{"what nobody names", other, 202, 0},
		{"what nobody names between them", slices.Concat(box(a[0]), other, other, box(a[1]), box(b[0]), box(nil), box(b[1])), 200, 4},
		{"one twice", slices.Concat(box(a[0]), box(a[0]), box(a[1]), box(b[0]), box(b[1])), 200, 4},
		{"one twice, another not at all", slices.Concat(box(a[0]), box(a[0]), box(b[0]), box(b[1])), 202, 3},
		{"one damaged", bytes.Replace(all, []byte("content"), []byte("contenT"), 1), 202, 3},
		{"bytes behind them", append(slices.Clone(all), "garbage"...), 200, 4},
		{"one of 4 GB", append(endless, all...), 202, 0},
		{"others without end", bytes.Repeat(box(nil), 20000), 202, 0},
		{"many others, then all", append(bytes.Repeat(box(nil), 17000), all...), 202, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPushing(t, 2)
			r := pushingBoxes(t, p, 2)
			pk := packages(t, l, 0, 2, 2)
			rec := p.addEntries(upload{un, 0, 2, ticket(0, nil, l.Checkpoint(2))}, append(pk, c.behind)...)
			wantStatus(t, rec, c.status)
			p.holds(2)
			if got := r.kept(); got != c.kept {
				t.Errorf("%d boxes are kept, want %d", got, c.kept)
			}
			if want := map[int]int64{200: 2, 202: 0}[c.status]; p.mirrored() != want {
				t.Errorf("mirrored %d, want %d", p.mirrored(), want)
			}
			// What was not pushed is fetched.
			p.catchUp()
			if r.kept() != 4 || p.mirrored() != 2 {
				t.Errorf("after a poll %d boxes, mirrored %d", r.kept(), p.mirrored())
			}
		})
	}
}

// Boxes of entries that do not belong to the checkpoint are not kept, nor those
// of a journal that nobody follows.
func TestBoxesOfUnverifiedEntries(t *testing.T) {
	p := newPushing(t, 2)
	r := pushingBoxes(t, p, 2)
	l := p.origin.Log
	behind := box(boxesOf(l.Entries[0])[0])
	pk := packages(t, l, 0, 2, 2)[0]
	pk[2] ^= 1 // the first entry is another
	wantStatus(t, p.addEntries(upload{un, 0, 2, ticket(0, nil, l.Checkpoint(2))}, pk, behind), 422)
	pk[2] ^= 1
	wantStatus(t, p.addEntries(upload{"las.example/journal", 0, 2, ""}, pk, behind), 404)
	wantStatus(t, p.addEntries(upload{un, 0, 1, ""}, pk, behind), 422)
	if r.kept() != 0 {
		t.Errorf("%d boxes are kept", r.kept())
	}
}

// If boxes cannot be stored, nothing is; and the same again succeeds.
func TestBoxesNotStored(t *testing.T) {
	p := newPushing(t, 2)
	r := pushingBoxes(t, p, 2)
	p.boxes(0)
	r.broken = errors.New("the disk is full")
	if err := p.pusher.Step(t.Context()); err == nil {
		t.Error("a push succeeded although its boxes could not be stored")
	}
	p.holds(0)
	r.broken = nil
	p.step()
	p.received(2)
}

// Whatever stands behind the packages, nothing panics, the entries are kept, and
// of boxes none but those that they name.
func FuzzBoxes(f *testing.F) {
	l := witnesstest.NewLog(peertest.NewOrg("un.example"), 2)
	a, b := boxesOf(l.Entries[0]), boxesOf(l.Entries[1])
	all := slices.Concat(box(a[0]), box(a[1]), box(b[0]), box(b[1]))
	f.Add(all)
	f.Add(all[:len(all)-3])
	f.Add(slices.Concat(box(a[0]), box(nil), box([]byte("x")), all))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	pk := bytes.Join(packages(f, l, 0, 2, 2), nil)
	f.Fuzz(func(t *testing.T, behind []byte) {
		p := newPushing(t, 2)
		r := pushingBoxes(t, p, 2)
		rec := p.addEntries(upload{un, 0, 2, ticket(0, nil, l.Checkpoint(2))}, pk, behind)
		p.holds(2)
		if want := map[bool]int{true: 200, false: 202}[r.kept() == 4]; rec.Code != want {
			t.Errorf("status %d with %d boxes, want %d", rec.Code, r.kept(), want)
		}
	})
}

// between has something happen while boxes are stored, when the checkpoint has
// been compared with what was stored and the entries have not been stored yet.
type between struct {
	*rack
	then func()
}

func (b between) Keep(ctx context.Context, o comity.Origin, first int64, entries, blobs [][]byte) error {
	b.then()
	return b.rack.Keep(ctx, o, first, entries, blobs)
}

// What another process does while a push is on its way counts: a copy that it
// froze grows no more, and one that it extended is extended from there.
func TestPushMeetsAnotherProcess(t *testing.T) {
	t.Run("freezes", func(t *testing.T) {
		p := newPushing(t, 2)
		p.conf.Blobs = between{pushingBoxes(t, p, 2), func() {
			f := monitor.Frozen{Evidence: monitor.Evidence{Origin: un, Size: 1}, Since: time.Unix(1, 0).UTC()}
			if err := p.mem.Freeze(context.Background(), f); err != nil {
				t.Error(err)
			}
		}}
		p.restart()
		p.boxes(0)
		if err := p.pusher.Step(t.Context()); peer.StatusOf(err) != http.StatusUnprocessableEntity {
			t.Errorf("Step: %v, want status 422", err)
		}
		p.holds(0)
	})
	t.Run("extends", func(t *testing.T) {
		p := newPushing(t, 4)
		p.conf.Blobs = between{pushingBoxes(t, p, 4), func() {
			l := witnesstest.NewLog(p.un, 4)
			err := p.copy.Update(context.Background(), un, func(tx journal.Tx) error {
				_, root, err := journal.Extend(tx, l.Entries[:3])
				if err != nil {
					return err
				}
				return tx.PutHead(journal.Head{Origin: un, Size: 3, Root: root, Note: l.Checkpoint(3)})
			})
			if err != nil {
				t.Error(err)
			}
		}}
		p.restart()
		p.boxes(0)
		p.step()
		p.received(4)
	})
}
