package keys_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/keys"
	"github.com/comity/comity/keys/keystest"
)

var update = flag.Bool("update", false, "write testdata anew")

func at(t testing.TB, s string) comity.Time {
	t.Helper()
	v, err := comity.ParseTime(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// life is an organization that has changed keys of every kind: the vector in
// testdata.
func life(t testing.TB) *keystest.Org {
	t.Helper()
	o := keystest.New("ecowas.example")
	o.Rotated(keys.Log, "yearly rotation")
	retired := o.Next("the old log key is no longer used")
	retired.Log = retired.Log[:1]
	o.Add(retired)
	o.Rotated(keys.Witness, "another machine")
	o.Rotated(keys.Mirror, "another machine")
	s := o.Next("the old sealing key was seen by a contractor")
	s.Recipient = "age1pq1" + strings.Repeat("z", 40)
	o.Add(s)
	r := o.Next("the disk of the old machine was stolen")
	r.Revoked = []keys.Revocation{{Role: keys.Log, Key: r.Log[0], Since: at(t, "2003-04-28T00:00:00Z"), From: 120, To: 131},
		{Role: keys.Witness, Key: r.Witness[1], Since: at(t, "2003-04-28T00:00:00Z")}}
	r.Log, r.Witness = []string{keystest.VKey(o.Domain, keys.Log, "20")}, r.Witness[:1]
	o.Add(r)
	root := o.Next("the root key goes to another safe")
	signer, vkey := keystest.NewRoot(o.Domain, "2")
	root.Root = vkey
	o.Add(root)
	o.Root = signer
	o.Rotated(keys.Log, "the first statement under the new root key")
	return o
}

func TestVector(t *testing.T) {
	const file = "testdata/ecowas.example.keys"
	h := life(t).History
	if *update {
		if err := os.WriteFile(file, h.File(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(h.File(), want) {
		t.Errorf("got\n%s\nwant %s:\n%s", h.File(), file, want)
	}
	back, err := keys.ParseFile(want)
	if err != nil || !back.Extends(h) || !h.Extends(back) || back.Len() != 9 {
		t.Fatalf("read back: %d statements, %v", back.Len(), err)
	}
}

func TestWhatIsInForce(t *testing.T) {
	h := life(t).History
	log := func(seed string) string { return keystest.VKey("ecowas.example", keys.Log, seed) }
	if got, want := h.InForce(keys.Log), []string{log("9"), log("20")}; !slices.Equal(got, want) {
		t.Errorf("log keys in force: %v", got)
	}
	all := h.Keys(keys.Log)
	if len(all) != 4 {
		t.Fatalf("log keys: %+v", all)
	}
	stolen, first := all[2], all[3]
	if first.Key != log("1") || first.InForce || first.Until.IsZero() || first.Revoked != nil {
		t.Errorf("the first log key: %+v", first)
	}
	if stolen.Key != log("2") || stolen.InForce || stolen.Revoked == nil {
		t.Errorf("the stolen log key: %+v", stolen)
	}
	if good := h.Good(keys.Log); len(good) != 4 || good[2] != first.Key || good[3] != stolen.Key {
		t.Errorf("the order of those that were good once: %v", good)
	}
	doubts := keys.Doubts{"ecowas.example": h.Doubts()}
	for i, doubtful := range map[int64]bool{119: false, 120: true, 130: true, 131: false} {
		if d := doubts.Of(comity.ActName{Domain: "ecowas.example", Index: i}); (d != nil) != doubtful {
			t.Errorf("entry %d in doubt: %+v", i, d)
		}
	}
	if d := doubts.Of(comity.ActName{Domain: "un.example", Index: 125}); d != nil {
		t.Errorf("another journal's entry is in doubt: %+v", d)
	}
	if d := h.Doubts(); len(d) != 1 || d[0].Reason == "" || d[0].Number == 0 || d[0].Date.IsZero() || d[0].Entries() != 11 {
		t.Errorf("doubts: %+v", d)
	}
	for size, want := range map[int64]int64{0: 11, 120: 11, 125: 6, 130: 1, 131: 0, 500: 0} {
		if left, ok := h.Doubts()[0].Vouched(size); ok != (want > 0) || ok && left.Entries() != want {
			t.Errorf("cosigned up to %d: %d entries are left in doubt, want %d", size, left.Entries(), want)
		}
	}
	old := keystest.VKey("ecowas.example", keys.Witness, "1")
	if !h.Counts(keys.Witness, old, at(t, "2003-04-27T23:59:59Z")) || h.Counts(keys.Witness, old, at(t, "2003-04-28T00:00:00Z")) {
		t.Error("a revoked witness key counts for other times than before it was in other hands")
	}
	newest := h.InForce(keys.Witness)[0]
	if !h.Counts(keys.Witness, newest, at(t, "2030-01-01")) || h.Counts(keys.Mirror, newest, at(t, "2030-01-01")) {
		t.Error("the witness key in force counts for other than its role, or not")
	}
}

func TestRefused(t *testing.T) {
	fresh := func() *keystest.Org { return keystest.New("ecowas.example") }
	thief, thiefKey := keystest.NewRoot("ecowas.example", "thief")
	for _, c := range []struct {
		what string
		note func(o *keystest.Org) []byte
		want error // nil if only an error is wanted
	}{
		{"a statement signed by another root key", func(o *keystest.Org) []byte {
			b, err := keys.Sign(o.Next("theft"), thief)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}, keys.ErrUnauthorized},
		{"a new root key that authorizes itself", func(o *keystest.Org) []byte {
			s := o.Next("theft")
			s.Root = thiefKey
			b, err := keys.Sign(s, thief)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}, keys.ErrUnauthorized},
		{"a statement that is known already", func(o *keystest.Org) []byte {
			return []byte(o.Rotated(keys.Log, "once"))
		}, keys.ErrDoesNotFollow},
		{"a gap", func(o *keystest.Org) []byte {
			s := o.Next("two at once")
			s.Number++
			return o.Sign(s)
		}, keys.ErrDoesNotFollow},
		{"another predecessor", func(o *keystest.Org) []byte {
			s := o.Next("x")
			s.Previous = comity.LeafHash(nil)
			return o.Sign(s)
		}, keys.ErrDoesNotFollow},
		{"another organization's", func(*keystest.Org) []byte {
			return []byte(keystest.New("un.example").Rotated(keys.Log, "theirs"))
		}, keys.ErrDoesNotFollow},
		{"an older date", func(o *keystest.Org) []byte {
			o.Rotated(keys.Log, "x")
			s := o.Next("y")
			s.Date = at(t, "2003-01-01")
			return o.Sign(s)
		}, keys.ErrDoesNotFollow},
		{"a retired key that comes back", func(o *keystest.Org) []byte {
			old := o.History.InForce(keys.Log)
			s := o.Next("x")
			s.Log = []string{keystest.VKey(o.Domain, keys.Log, "2")}
			o.Add(s)
			s = o.Next("y")
			s.Log = old
			return o.Sign(s)
		}, keys.ErrDoesNotFollow},
		{"a revocation of a key that never was", func(o *keystest.Org) []byte {
			s := o.Next("x")
			s.Revoked = []keys.Revocation{{Role: keys.Mirror, Key: keystest.VKey(o.Domain, keys.Mirror, "7"), Since: keystest.Date}}
			return o.Sign(s)
		}, keys.ErrDoesNotFollow},
		{"a changed line", func(o *keystest.Org) []byte {
			return bytes.Replace(o.Sign(o.Next("yearly")), []byte("yearly"), []byte("weekly"), 1)
		}, keys.ErrUnauthorized},
		{"lines in another order", func(o *keystest.Org) []byte {
			text := o.Next("x").Text()
			lines := strings.SplitAfter(text, "\n")
			lines[1], lines[2] = lines[2], lines[1]
			return []byte(strings.Join(lines, "") + "\n— x y\n")
		}, nil},
		{"nothing", func(*keystest.Org) []byte { return nil }, nil},
	} {
		o := fresh()
		signed := c.note(o)
		if h, err := o.History.Add(signed); err == nil || c.want != nil && !errors.Is(err, c.want) || h.Len() != o.History.Len() {
			t.Errorf("%s: %d statements, %v; want %v", c.what, h.Len(), err, c.want)
		}
	}
}

func TestInvalid(t *testing.T) {
	o := keystest.New("ecowas.example")
	for what, change := range map[string]func(*keys.Statement){
		"no log key":                     func(s *keys.Statement) { s.Log = nil },
		"five log keys":                  func(s *keys.Statement) { s.Log = slices.Repeat(s.Log, 5) },
		"one key in two roles":           func(s *keys.Statement) { s.Witness = s.Mirror },
		"a foreign log key":              func(s *keys.Statement) { s.Log = []string{keystest.VKey("un.example", keys.Log, "1")} },
		"a wrong id":                     func(s *keys.Statement) { s.Log = []string{"ecowas.example/journal+00000000+AQAA"} },
		"no reason":                      func(s *keys.Statement) { s.Reason = " " },
		"a reason of two lines":          func(s *keys.Statement) { s.Reason = "a\nb" },
		"no date":                        func(s *keys.Statement) { s.Date = comity.Time{} },
		"a recipient that is none":       func(s *keys.Statement) { s.Recipient = "age" },
		"a key in force that is revoked": func(s *keys.Statement) { s.Revoked = []keys.Revocation{{Role: keys.Log, Key: s.Log[0], Since: s.Date}} },
		"entries of a witness": func(s *keys.Statement) {
			s.Revoked = []keys.Revocation{{keys.Witness, keystest.VKey(o.Domain, keys.Witness, "5"), s.Date, 1, 2}}
		},
		"entries that end before they do": func(s *keys.Statement) {
			s.Revoked = []keys.Revocation{{keys.Log, keystest.VKey(o.Domain, keys.Log, "5"), s.Date, 5, 2}}
		},
		"revoked since tomorrow": func(s *keys.Statement) {
			s.Revoked = []keys.Revocation{{keys.Log, keystest.VKey(o.Domain, keys.Log, "5"), at(t, "2031-01-01"), 1, 2}}
		},
	} {
		s := o.Next("x")
		change(&s)
		if err := s.Valid(); err == nil {
			t.Errorf("%s is let through", what)
		}
	}
	if err := o.Next("x").Valid(); err != nil {
		t.Errorf("without a change: %v", err)
	}
}

// Two keys of one name and one ID cannot be told apart by their signature lines:
// the second is refused beside the first, and also after it.
func TestOneID(t *testing.T) {
	a, b := oneID(t, "ecowas.example/witness")
	with := func(o *keystest.Org, witness ...string) keys.Statement {
		s := o.Next("x")
		s.Witness = witness
		return s
	}
	o := keystest.New("ecowas.example")
	if err := with(o, a, b).Valid(); err == nil {
		t.Error("two keys of one ID are let through in one statement")
	}
	founding := o.History.Founding().Set
	founding.Witness = []string{a, b}
	if _, err := keys.Found(o.Domain, founding); err == nil {
		t.Error("two keys of one ID are let through in the founding")
	}
	o.Add(with(o, a))
	for _, when := range []string{"in force", "retired"} {
		signed := o.Sign(with(o, b))
		if h, err := o.History.Add(signed); !errors.Is(err, keys.ErrDoesNotFollow) || h.Len() != o.History.Len() {
			t.Errorf("the ID of one %s: %d statements, %v; want %v", when, h.Len(), err, keys.ErrDoesNotFollow)
		}
		o.Add(with(o, keystest.VKey(o.Domain, keys.Witness, "3")))
	}
}

// oneID are two keys of one name and one ID. To find them takes some 2^16 hashes.
func oneID(t *testing.T, name string) (a, b string) {
	t.Helper()
	raw := make([]byte, 33)
	raw[0] = 0x04
	vkey := func(n uint32) (string, [4]byte) {
		binary.BigEndian.PutUint32(raw[1:], n)
		sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
		return fmt.Sprintf("%s+%x+%s", name, sum[:4], base64.StdEncoding.EncodeToString(raw)), [4]byte(sum[:])
	}
	seen := map[[4]byte]uint32{}
	for n := range uint32(1 << 20) {
		k, id := vkey(n)
		if first, ok := seen[id]; ok {
			a, _ = vkey(first)
			return a, k
		}
		seen[id] = n
	}
	t.Fatal("no two keys of one ID")
	return
}

func TestExtends(t *testing.T) {
	a, b := keystest.New("ecowas.example"), keystest.New("ecowas.example")
	a.Rotated(keys.Log, "one way")
	short := a.History
	a.Rotated(keys.Log, "and further")
	b.Rotated(keys.Log, "another way")
	if !a.History.Extends(short) || short.Extends(a.History) || b.History.Extends(short) || short.Extends(b.History) {
		t.Error("two statements of one number pass for one history")
	}
}

func FuzzParseFile(f *testing.F) {
	file := life(f).History.File()
	f.Add(file)
	f.Add(file[:700])
	f.Add([]byte("comity/keys/v1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := keys.ParseFile(b)
		if err == nil && !bytes.Equal(h.File(), b) {
			// Other signature lines may stand beside the root key's.
			if again, err := keys.ParseFile(h.File()); err != nil || !again.Extends(h) {
				t.Errorf("a history is not what was read: %v", err)
			}
		}
		if s, err := keys.ParseSigned(b); err == nil {
			if again, err := keys.Parse(s.Text()); err != nil || again.Hash() != s.Hash() {
				t.Errorf("a statement does not survive: %v", err)
			}
		}
	})
}

// A history ends where its file could not be read any more.
func TestHistoryHasAnEnd(t *testing.T) {
	o := keystest.New("un.example")
	for n := 2; ; n++ {
		s := o.Next(strings.Repeat("x", 500))
		for i := range 3 { // as long as a statement may be
			raw := append([]byte{0x09, byte(i)}, make([]byte, 2900)...)
			sum := sha256.Sum256(append([]byte("un.example/journal\n"), raw...))
			if n == 2 {
				s.Log = append(s.Log, fmt.Sprintf("un.example/journal+%x+%s", sum[:4], base64.StdEncoding.EncodeToString(raw)))
			}
		}
		signed := o.Sign(s)
		h, err := o.History.Add(signed)
		if fits := len(o.History.File())+len(signed) <= keys.MaxHistory; fits != (err == nil) || !fits && !errors.Is(err, keys.ErrDoesNotFollow) {
			t.Fatalf("statement %d, of %d bytes after %d: %v", n, len(signed), len(o.History.File()), err)
		}
		if err != nil {
			break
		}
		o.History = h
	}
	if h, err := keys.ParseFile(o.History.File()); err != nil || h.Len() != o.History.Len() {
		t.Errorf("it is read as %d statements, %v; want %d", h.Len(), err, o.History.Len())
	}
}

// What a peer serves as its history is read before it proves anything: also of
// one that is as long as it may be.
func BenchmarkParseFile(b *testing.B) {
	o := keystest.New("un.example")
	for n := 2; len(o.History.File()) < keys.MaxHistory-2048; n++ {
		s := o.Next("another rotation")
		for _, r := range []keys.Role{keys.Log, keys.Witness, keys.Mirror} {
			s.Set = s.With(r, keystest.VKey("un.example", r, strconv.Itoa(n)))
		}
		o.Add(s)
	}
	file := o.History.File()
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if h, err := keys.ParseFile(file); err != nil || h.Len() != o.History.Len() {
			b.Fatal(h.Len(), err)
		}
	}
}
