package spec_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/seal"
)

// sealVectors is sealing.json; sealing.md says what stands where. Encryption is
// random, so they are of opening: what is inside is checked to the byte.
type sealVectors struct {
	Issuer    comity.Domain `json:"issuer"`
	Identity  string        `json:"identity"`
	Recipient string        `json:"recipient"`
	Document  string        `json:"document"`
	Cut       string        `json:"effects_document"`
	Entry     string        `json:"entry"`
	Effects   box           `json:"effects"`
	Content   box           `json:"content"`
	Refused   []refusedBox  `json:"refused"`
	Classes   []class       `json:"classes"`
}

type box struct {
	Ciphertext []byte       `json:"ciphertext"`
	Plaintext  []byte       `json:"plaintext"` // what age decrypts to
	Opening    seal.Opening `json:"opening"`
}

type refusedBox struct {
	What    string        `json:"what"`
	Box     string        `json:"box"` // effects or content
	Issuer  comity.Domain `json:"issuer"`
	Purpose seal.Purpose  `json:"purpose"`
	Why     string        `json:"why"`
}

type class struct {
	Payload    int   `json:"payload"` // bytes
	Recipients int   `json:"recipients"`
	Ciphertext int64 `json:"ciphertext"` // bytes
}

const sealedDocument = `{"kind":"report.v1","date":"2003-04-10T08:00:00Z","by":{"organ":"Early Warning Directorate","office":"Watch officer"},` +
	`"to":[{"org":"au.example","for":"information"}],"status":"test","tlp":"AMBER","title":"What was seen at the crossing","text":"Twelve lorries, unmarked.",` +
	`"body":{},"effects":[{"do":"say"}]}`

func TestSealing(t *testing.T) {
	file := filepath.Join(vectors, "sealing.json")
	var v sealVectors
	old, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(old, &v)
	}
	if *update && (err != nil || v.Document != sealedDocument) {
		v, err = newSealed(t), nil
	}
	if err != nil {
		t.Fatal(err)
	}
	id := must[seal.Identity](t)(seal.ParseIdentity(v.Identity))
	v.Recipient = id.Recipient().String()
	v.Cut = string(must[[]byte](t)(act.EffectsDocument([]byte(v.Document))))
	e := must[*act.Entry](t)(act.DecodeEntry(v.Issuer, []byte(v.Entry)))
	v.Effects = opened(t, v, id, seal.Effects, e.Sealed.Effects, v.Effects.Ciphertext)
	v.Content = opened(t, v, id, seal.Content, e.Sealed.Content, v.Content.Ciphertext)
	if string(v.Content.Opening.Payload) != v.Document || string(v.Effects.Opening.Payload) != v.Cut {
		t.Error("the boxes hold other documents")
	}
	a := must[*act.Act](t)(act.DecodeOpened(e, v.Effects.Opening.Payload, v.Content.Opening.Payload))
	if a.Contradiction != "" {
		t.Error(a.Contradiction)
	}
	v.Refused, v.Classes = refusedBoxes(t, v, id, e), classes(t, id)
	sameJSON(t, "sealing.json", v)
}

// newSealed seals the document once; the file keeps the result.
func newSealed(t *testing.T) sealVectors {
	id := must[seal.Identity](t)(seal.NewIdentity())
	v := sealVectors{Issuer: "ecowas.example", Identity: id.Secret(), Document: sealedDocument}
	cut := must[[]byte](t)(act.EffectsDocument([]byte(v.Document)))
	var s act.Sealed
	for _, b := range []struct {
		p       seal.Purpose
		payload []byte
		box     *box
		c       *act.Commitment
	}{{seal.Effects, cut, &v.Effects, &s.Effects}, {seal.Content, []byte(v.Document), &v.Content, &s.Content}} {
		made, _, err := seal.Seal(v.Issuer, b.p, b.payload, []seal.Recipient{id.Recipient()}, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b.box.Ciphertext, *b.c = made.Ciphertext, made.Commitment
	}
	at := must[comity.Time](t)(comity.ParseTime("2003-04-11T09:00:00Z"))
	v.Entry = string(must[[]byte](t)(act.EncodeSealed(v.Issuer, at, comity.Test, s)))
	return v
}

func opened(t *testing.T, v sealVectors, id seal.Identity, p seal.Purpose, c act.Commitment, ciphertext []byte) box {
	o := must[seal.Opening](t)(id.Open(v.Issuer, p, c, ciphertext))
	if err := o.Check(v.Issuer, p, c); err != nil {
		t.Errorf("disclosed, %s is not what was committed to: %v", p, err)
	}
	k := must[*age.HybridIdentity](t)(age.ParseHybridIdentity(id.Secret()))
	r := must[io.Reader](t)(age.Decrypt(bytes.NewReader(ciphertext), k))
	return box{ciphertext, must[[]byte](t)(io.ReadAll(r)), o}
}

func refusedBoxes(t *testing.T, v sealVectors, id seal.Identity, e *act.Entry) (out []refusedBox) {
	other := must[seal.Identity](t)(seal.NewIdentity())
	for _, c := range []struct {
		refusedBox
		id   seal.Identity
		c    act.Commitment
		b    []byte
		want error
	}{
		{refusedBox{"the effects in the place of the content", "effects", v.Issuer, seal.Content, "wrong purpose"}, id, e.Sealed.Effects, v.Effects.Ciphertext, seal.ErrWrongPurpose},
		{refusedBox{"copied into the journal of another", "content", "las.example", seal.Content, "wrong issuer"}, id, e.Sealed.Content, v.Content.Ciphertext, seal.ErrWrongIssuer},
		{refusedBox{"cut by its last byte", "content", v.Issuer, seal.Content, "commitment"}, id, e.Sealed.Content, v.Content.Ciphertext[:len(v.Content.Ciphertext)-1], seal.ErrCommitment},
		{refusedBox{"with any other identity", "content", v.Issuer, seal.Content, "not addressee"}, other, e.Sealed.Content, v.Content.Ciphertext, seal.ErrNotAddressee},
	} {
		if _, err := c.id.Open(c.Issuer, c.Purpose, c.c, c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.What, err, c.want)
		}
		out = append(out, c.refusedBox)
	}
	return out
}

// classes are sizes of boxes for issuer ecowas.example and purpose content: they
// depend on nothing but the two classes.
func classes(t *testing.T, id seal.Identity) (out []class) {
	for _, c := range []class{{Payload: 0, Recipients: 1}, {Payload: 917, Recipients: 2}, {Payload: 918, Recipients: 3}, {Payload: 4000, Recipients: 7}, {Payload: 66000, Recipients: 9}} {
		to := []seal.Recipient{id.Recipient()}
		for len(to) < c.Recipients {
			to = append(to, must[seal.Identity](t)(seal.NewIdentity()).Recipient())
		}
		b, _, err := seal.Seal("ecowas.example", seal.Content, make([]byte, c.Payload), to, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c.Ciphertext = b.Commitment.Size
		out = append(out, c)
	}
	return out
}

func sum(b []byte) comity.Hash { return sha256.Sum256(b) }
