package seal_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/seal"
)

const ecowas, au = comity.Domain("ecowas.example"), comity.Domain("au.example")

// people are identities, made once: making them is slower than using them.
var people = sync.OnceValue(func() []seal.Identity {
	out := make([]seal.Identity, 8)
	for i := range out {
		id, err := seal.NewIdentity()
		if err != nil {
			panic(err)
		}
		out[i] = id
	}
	return out
})

func recipients(ids ...seal.Identity) []seal.Recipient {
	var out []seal.Recipient
	for _, id := range ids {
		out = append(out, id.Recipient())
	}
	return out
}

func mustSeal(t testing.TB, payload []byte, ids ...seal.Identity) (seal.Box, seal.Opening) {
	t.Helper()
	box, o, err := seal.Seal(ecowas, seal.Content, payload, recipients(ids...), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return box, o
}

// commit is the commitment of an issuer that stands behind other bytes.
func commit(c seal.Commitment, ciphertext []byte) seal.Commitment {
	c.SHA256, c.Size = sha256.Sum256(ciphertext), int64(len(ciphertext))
	return c
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{1, 3, 7} {
		for _, size := range []int{0, 1, 700, 4096, 70_000, 300_000} {
			payload := bytes.Repeat([]byte("x"), size)
			box, sealed := mustSeal(t, payload, people()[:n]...)
			if got, want := box.Commitment.Size, int64(len(box.Ciphertext)); got != want {
				t.Errorf("%d recipients, %d bytes: committed to size %d, made %d", n, size, got, want)
			}
			for _, id := range []seal.Identity{people()[0], people()[n-1]} {
				got, err := id.Open(ecowas, seal.Content, box.Commitment, box.Ciphertext)
				if err != nil {
					t.Fatalf("%d recipients, %d bytes: %v", n, size, err)
				}
				if !bytes.Equal(got.Payload, payload) || got.Salt != sealed.Salt || got.Nonce != sealed.Nonce {
					t.Errorf("%d recipients, %d bytes: opened another thing than was sealed", n, size)
				}
			}
		}
	}
}

func TestSealTwiceSharesNothing(t *testing.T) {
	a, oa := mustSeal(t, []byte("the same"), people()[0])
	b, ob := mustSeal(t, []byte("the same"), people()[0])
	if a.Commitment.SHA256 == b.Commitment.SHA256 || a.Commitment.HMAC == b.Commitment.HMAC ||
		oa.Salt == ob.Salt || oa.Nonce == ob.Nonce {
		t.Error("two boxes of one payload can be recognised as such")
	}
	wantErr(t, oa.Check(ecowas, seal.Content, b.Commitment), seal.ErrCommitment)
}

func TestSealRefuses(t *testing.T) {
	one := recipients(people()[0])
	many := make([]seal.Recipient, 0, seal.MaxRecipients+1)
	for range seal.MaxRecipients + 1 {
		id, err := seal.NewIdentity()
		if err != nil {
			t.Fatal(err)
		}
		many = append(many, id.Recipient())
	}
	for _, tc := range []struct {
		name    string
		issuer  comity.Domain
		purpose seal.Purpose
		size    int
		to      []seal.Recipient
		random  io.Reader
		want    string
	}{
		{"no recipient", ecowas, seal.Content, 1, nil, nil, "name at least your own organization"},
		{"empty recipient", ecowas, seal.Content, 1, []seal.Recipient{one[0], {}}, nil, "recipient 2 of 2 has no key"},
		{"too many recipients", ecowas, seal.Content, 1, many, nil, "257 recipients, at most 256"},
		{"no domain", "", seal.Content, 1, one, nil, "write it like"},
		{"line feed in the issuer", "a.example\nb.example", seal.Content, 1, one, nil, "write it like"},
		{"unknown purpose", ecowas, "minutes", 1, one, nil, "write effects or content"},
		{"too large", ecowas, seal.Content, seal.MaxPayload + 1, one, nil, "at most"},
		{"no randomness", ecowas, seal.Content, 1, one, strings.NewReader("short"), "no randomness"},
	} {
		box, o, err := seal.Seal(tc.issuer, tc.purpose, make([]byte, tc.size), tc.to, tc.random)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got error %v, want one with %q", tc.name, err, tc.want)
		}
		if box.Ciphertext != nil || o.Payload != nil {
			t.Errorf("%s: returned a box beside the error", tc.name)
		}
	}
}

func TestLargest(t *testing.T) {
	box, _ := mustSeal(t, make([]byte, seal.MaxPayload), people()[0])
	if len(box.Ciphertext) > seal.MaxCiphertext {
		t.Errorf("a box of %d bytes, the documented bound is %d", len(box.Ciphertext), seal.MaxCiphertext)
	}
	if _, err := people()[0].Open(ecowas, seal.Content, box.Commitment, box.Ciphertext); err != nil {
		t.Error(err)
	}
	huge := make([]byte, seal.MaxCiphertext+1)
	_, err := people()[0].Open(ecowas, seal.Content, commit(box.Commitment, huge), huge)
	wantErr(t, err, seal.ErrMalformed)
}

func TestNotAddressee(t *testing.T) {
	box, _ := mustSeal(t, []byte("for two"), people()[:2]...)
	for name, k := range map[string]seal.Keyring{
		"another": {people()[2]}, "several others": people()[2:], "no key": nil, "zero identity": {{}},
	} {
		o, err := k.Open(ecowas, seal.Content, box.Commitment, box.Ciphertext)
		if wantErr(t, err, seal.ErrNotAddressee); o.Payload != nil {
			t.Errorf("%s: returned a payload", name)
		}
	}
}

func TestRotatedKeyring(t *testing.T) {
	old, now := people()[0], people()[1]
	box, _ := mustSeal(t, []byte("to the old key"), old)
	if _, err := (seal.Keyring{now, old}).Open(ecowas, seal.Content, box.Commitment, box.Ciphertext); err != nil {
		t.Error(err)
	}
}

func TestWrongIssuer(t *testing.T) {
	box, _ := mustSeal(t, []byte("said by ecowas"), people()[0])
	// The African Union puts the commitment into its own journal.
	o, err := people()[0].Open(au, seal.Content, box.Commitment, box.Ciphertext)
	if wantErr(t, err, seal.ErrWrongIssuer); o.Payload != nil {
		t.Error("returned a payload")
	}
	// It cannot rewrite who said it either: the HMAC covers the name.
	o, err = people()[0].Open(ecowas, seal.Content, box.Commitment, box.Ciphertext)
	if err != nil {
		t.Fatal(err)
	}
	o.Issuer = au
	wantErr(t, o.Check(au, seal.Content, box.Commitment), seal.ErrCommitment)
}

func TestSwappedPurpose(t *testing.T) {
	to := recipients(people()[0])
	for _, tc := range [][2]seal.Purpose{{seal.Effects, seal.Content}, {seal.Content, seal.Effects}} {
		box, o, err := seal.Seal(ecowas, tc[0], []byte("{}"), to, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = people()[0].Open(ecowas, tc[1], box.Commitment, box.Ciphertext)
		wantErr(t, err, seal.ErrWrongPurpose)
		wantErr(t, o.Check(ecowas, tc[1], box.Commitment), seal.ErrWrongPurpose)
	}
}

// A flipped bit is found by the commitment; and where the issuer commits to
// the damaged bytes, the box does not open.
func TestFlippedBit(t *testing.T) {
	id := people()[0]
	box, _ := mustSeal(t, []byte("exact"), id)
	for i := range box.Ciphertext {
		bad := bytes.Clone(box.Ciphertext)
		bad[i] ^= 1 << (i % 8)
		_, err := id.Open(ecowas, seal.Content, box.Commitment, bad)
		wantErr(t, err, seal.ErrCommitment)
		o, err := id.Open(ecowas, seal.Content, commit(box.Commitment, bad), bad)
		if !errors.Is(err, seal.ErrMalformed) && !errors.Is(err, seal.ErrNotAddressee) {
			t.Fatalf("byte %d of %d flipped: got %v, error %v", i, len(bad), o, err)
		}
	}
	for i := range box.Commitment.HMAC {
		c := box.Commitment
		c.HMAC[i] ^= 1
		_, err := id.Open(ecowas, seal.Content, c, box.Ciphertext)
		wantErr(t, err, seal.ErrCommitment)
	}
}

func TestTruncated(t *testing.T) {
	id := people()[0]
	box, _ := mustSeal(t, make([]byte, 70_000), id)
	for n := 0; n < len(box.Ciphertext); n += 509 {
		cut := box.Ciphertext[:n]
		_, err := id.Open(ecowas, seal.Content, box.Commitment, cut)
		wantErr(t, err, seal.ErrCommitment)
		_, err = id.Open(ecowas, seal.Content, commit(box.Commitment, cut), cut)
		wantErr(t, err, seal.ErrMalformed)
	}
	longer := append(bytes.Clone(box.Ciphertext), 0)
	_, err := id.Open(ecowas, seal.Content, commit(box.Commitment, longer), longer)
	wantErr(t, err, seal.ErrMalformed)
}

func TestErrorsAreShort(t *testing.T) {
	// age quotes bad lines in its errors; a peer chooses how long they are.
	bad := []byte("age-encryption.org/v1\n-> x\n" + strings.Repeat("!", 1<<20) + "\n")
	_, err := people()[0].Open(ecowas, seal.Content, commit(seal.Commitment{}, bad), bad)
	wantErr(t, err, seal.ErrMalformed)
	if n := len(err.Error()); n > 600 {
		t.Errorf("an error of %d bytes", n)
	}
}

func TestDisclosure(t *testing.T) {
	box, sealed := mustSeal(t, []byte(`{"title":"x"}`), people()[0])
	text, err := json.Marshal(sealed)
	if err != nil {
		t.Fatal(err)
	}
	var o seal.Opening
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sealed, o); diff != "" {
		t.Errorf("changed on the way through JSON (-want +got):\n%s", diff)
	}
	if err := o.Check(ecowas, seal.Content, box.Commitment); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*seal.Opening){
		"payload": func(o *seal.Opening) { o.Payload = append(bytes.Clone(o.Payload), ' ') },
		"salt":    func(o *seal.Opening) { o.Salt[31] ^= 1 },
		"nonce":   func(o *seal.Opening) { o.Nonce[0] ^= 1 },
		"issuer":  func(o *seal.Opening) { o.Issuer = au },
		"purpose": func(o *seal.Opening) { o.Purpose = seal.Effects },
		"empty":   func(o *seal.Opening) { *o = seal.Opening{} },
		// The same message, cut at other line feeds, says that another spoke.
		"second reading": func(o *seal.Opening) { o.Issuer, o.Purpose = "content\necowas.example", "" },
	} {
		bad := sealed
		change(&bad)
		if err := bad.Check(bad.Issuer, bad.Purpose, box.Commitment); !errors.Is(err, seal.ErrCommitment) {
			t.Errorf("another %s: got error %v, want %v", name, err, seal.ErrCommitment)
		}
	}
}

func TestDisclosureReadStrictly(t *testing.T) {
	_, o := mustSeal(t, []byte("x"), people()[0])
	good, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"null":           `null`,
		"not an object":  `[]`,
		"twice":          strings.Replace(string(good), `{`, `{"payload":"eQ==",`, 1),
		"unknown member": strings.Replace(string(good), `{`, `{"note":"",`, 1),
		"short salt":     strings.Replace(string(good), `"salt":"`, `"salt":"","salt2":"`, 1),
		"no nonce":       `{"issuer":"ecowas.example","purpose":"content","salt":"","payload":""}`,
		"bad issuer":     strings.Replace(string(good), `ecowas.example`, `ecowas.example\nx`, 1),
		"bad purpose":    strings.Replace(string(good), `content`, `minutes`, 1),
	} {
		if err := json.Unmarshal([]byte(bad), new(seal.Opening)); err == nil {
			t.Errorf("%s: read %s", name, bad)
		}
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	id := people()[0]
	_, o := mustSeal(t, []byte("the-text"), id)
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "opening", o, "identity", id)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		fmt.Fprintf(&log, verb+"\n"+verb+"\n"+verb+"\n", o, id, seal.Keyring{id})
	}
	text := strings.ToLower(log.String())
	for _, secret := range []string{"the-text", "secret", fmt.Sprintf("%x", "the-text"), fmt.Sprintf("%x", o.Salt[:4])} {
		if strings.Contains(text, secret) {
			t.Errorf("%q was printed:\n%s", secret, text)
		}
	}
}

func TestKeys(t *testing.T) {
	id := people()[0]
	again, err := seal.ParseIdentity(" " + id.Secret() + "\n")
	if err != nil || again.Secret() != id.Secret() {
		t.Errorf("identity does not survive its text: %v", err)
	}
	r, err := seal.ParseRecipient(id.Recipient().String())
	if err != nil || r.String() != id.Recipient().String() || len(r.String()) != 1959 {
		t.Errorf("recipient does not survive its text (%d characters): %v", len(r.String()), err)
	}
	var viaJSON struct{ R, Z seal.Recipient }
	viaJSON.R = r
	b, _ := json.Marshal(viaJSON)
	viaJSON.R = seal.Recipient{}
	if err := json.Unmarshal(b, &viaJSON); err != nil || viaJSON.R.String() != r.String() || viaJSON.Z.String() != "" {
		t.Errorf("recipient does not survive JSON: %v", err)
	}
	for _, s := range []string{"", "age1", "age1pq1qqqq", strings.ToUpper(r.String()), r.String()[:1958] + "b", id.Secret(),
		"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"} {
		if _, err := seal.ParseRecipient(s); err == nil {
			t.Errorf("took %.40q as a recipient", s)
		} else if len(err.Error()) > 500 {
			t.Errorf("an error of %d bytes for %.40q", len(err.Error()), s)
		}
	}
	for _, s := range []string{"", "AGE-SECRET-KEY-1", id.Secret()[1:], id.Recipient().String()} {
		if _, err := seal.ParseIdentity(s); err == nil {
			t.Errorf("took %.40q as an identity", s)
		} else if s != "" && strings.Contains(err.Error(), s) {
			t.Errorf("the error repeats the text: %v", err)
		}
	}
	k, err := seal.ParseKeyring("# au.example, 2003\n" + id.Secret() + "\r\n\n" + people()[1].Secret())
	if err != nil || len(k) != 2 || k[0].Secret() != id.Secret() || k[1].Secret() != people()[1].Secret() {
		t.Errorf("keyring of %d identities, error %v, want 2", len(k), err)
	}
	for _, s := range []string{"", "# nothing\n", id.Secret() + "\nx"} {
		if _, err := seal.ParseKeyring(s); err == nil {
			t.Errorf("took a bad keyring of %d bytes", len(s))
		}
	}
}

// Within a class of recipients and of lengths, all boxes have one length.
func TestSizesRevealOnlyClasses(t *testing.T) {
	sizes := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "recipients")
		size := rapid.OneOf(rapid.IntRange(0, 8000), rapid.IntRange(60_000, 140_000)).Draw(t, "size")
		purpose := rapid.SampledFrom([]seal.Purpose{seal.Effects, seal.Content}).Draw(t, "purpose")
		seed := rapid.Uint64().Draw(t, "seed")
		payload := bytes.Repeat([]byte{byte(seed)}, size)
		box, o, err := seal.Seal(ecowas, purpose, payload, recipients(people()[:n]...), mathrand.NewChaCha8([32]byte{0: byte(seed)}))
		if err != nil {
			t.Fatal(err)
		}
		people, length := 2, 1024
		for people < n {
			people *= 2
		}
		for length < len(o.Message())+36 {
			length += min(length, 65536)
		}
		class := fmt.Sprint(people, " recipients, ", length, " bytes")
		if want, ok := sizes[class]; ok && len(box.Ciphertext) != want {
			t.Fatalf("class of %s: %d bytes and %d bytes", class, len(box.Ciphertext), want)
		}
		sizes[class] = len(box.Ciphertext)
		if got := bytes.Count(box.Ciphertext, []byte("-> mlkem768x25519 ")); got != people {
			t.Fatalf("%d stanzas, want %d", got, people)
		}
	})
	t.Logf("%d classes seen", len(sizes))
}

// What was sealed opens for each addressee, for nobody else, in no other
// journal and role; and what opens discloses.
func TestOpenProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "payload")
		to := rapid.SliceOfNDistinct(rapid.IntRange(0, 7), 1, 7, rapid.ID[int]).Draw(t, "to")
		reader := rapid.IntRange(0, 7).Draw(t, "reader")
		issuer := rapid.SampledFrom([]comity.Domain{ecowas, au}).Draw(t, "issuer")
		asIssuer := rapid.SampledFrom([]comity.Domain{ecowas, au}).Draw(t, "as issuer")
		purpose := rapid.SampledFrom([]seal.Purpose{seal.Effects, seal.Content}).Draw(t, "purpose")
		asPurpose := rapid.SampledFrom([]seal.Purpose{seal.Effects, seal.Content}).Draw(t, "as purpose")

		var keys []seal.Recipient
		addressed := false
		for _, i := range to {
			keys = append(keys, people()[i].Recipient())
			addressed = addressed || i == reader
		}
		keys = append(keys, keys[0]) // named twice
		box, _, err := seal.Seal(issuer, purpose, payload, keys, nil)
		if err != nil {
			t.Fatal(err)
		}
		var want error
		switch {
		case !addressed:
			want = seal.ErrNotAddressee
		case issuer != asIssuer:
			want = seal.ErrWrongIssuer
		case purpose != asPurpose:
			want = seal.ErrWrongPurpose
		}
		o, err := people()[reader].Open(asIssuer, asPurpose, box.Commitment, box.Ciphertext)
		if !errors.Is(err, want) {
			t.Fatalf("got error %v, want %v", err, want)
		}
		if want != nil {
			if o.Payload != nil {
				t.Fatal("a payload beside an error")
			}
			return
		}
		if !bytes.Equal(o.Payload, payload) {
			t.Fatalf("opened %x, sealed %x", o.Payload, payload)
		}
		if err := o.Check(issuer, purpose, box.Commitment); err != nil {
			t.Fatal(err)
		}
	})
}

// A box made when the format was fixed opens for ever.
func TestGolden(t *testing.T) {
	b, err := os.ReadFile("testdata/v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Note       string          `json:"note"`
		Identity   string          `json:"identity"`
		Commitment seal.Commitment `json:"commitment"`
		Ciphertext []byte          `json:"ciphertext"`
		Opening    seal.Opening    `json:"opening"`
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	id, err := seal.ParseIdentity(g.Identity)
	if err != nil {
		t.Fatal(err)
	}
	got, err := id.Open(ecowas, seal.Content, g.Commitment, g.Ciphertext)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(g.Opening, got); diff != "" {
		t.Errorf("opens as another thing (-want +got):\n%s", diff)
	}
	want := "comity/seal/v1\ncontent\necowas.example\n000102030405060708090a0b0c0d0e0f\n{\"kind\":\"note.v1\",\"text\":\"golden\"}"
	if string(got.Message()) != want {
		t.Errorf("got message\n%s\nwant\n%s", got.Message(), want)
	}
}

func FuzzOpen(f *testing.F) {
	id := people()[0]
	box, _ := mustSeal(f, []byte("seed"), id)
	f.Add(box.Ciphertext)
	f.Add([]byte("age-encryption.org/v1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := id.Open(ecowas, seal.Content, commit(box.Commitment, b), b)
		if err == nil && !bytes.Equal(b, box.Ciphertext) {
			t.Error("another ciphertext opened under the same commitment")
		}
	})
}

func BenchmarkSeal4K(b *testing.B) {
	payload := make([]byte, 4000) // the class of 8 KiB would start at 4 KiB less the header
	for _, n := range []int{1, 3, 7} {
		b.Run(fmt.Sprintf("recipients=%d", n), func(b *testing.B) {
			to := recipients(people()[:n]...)
			for b.Loop() {
				if _, _, err := seal.Seal(ecowas, seal.Content, payload, to, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen4K(b *testing.B) {
	for _, n := range []int{1, 3, 7} {
		box, _ := mustSeal(b, make([]byte, 4000), people()[:n]...)
		b.Run(fmt.Sprintf("recipients=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := people()[0].Open(ecowas, seal.Content, box.Commitment, box.Ciphertext); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("recipients=%d/not-addressed", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := people()[7].Open(ecowas, seal.Content, box.Commitment, box.Ciphertext); !errors.Is(err, seal.ErrNotAddressee) {
					b.Fatal(err)
				}
			}
		})
	}
}
