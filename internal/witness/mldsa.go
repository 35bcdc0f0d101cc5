package witness

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"filippo.io/mldsa"
	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/memo"
	"github.com/comity/comity/internal/verified"
)

// Signature types of C2SP signed-note (https://c2sp.org/signed-note) that are
// known here.
const (
	typeEd25519     = 0x01 // a log's signature
	typeCosignature = 0x04 // timestamped, Ed25519
	typeMLDSA       = 0x06 // timestamped, ML-DSA-44
)

// MLDSASeedSize bytes make an ML-DSA-44 key.
const MLDSASeedSize = mldsa.PrivateKeySize

// MLDSAVerifier checks timestamped ML-DSA-44 cosignatures of checkpoints, as
// C2SP tlog-cosignature v1.1.0-rc.1 has them
// (https://c2sp.org/tlog-cosignature). It is a [note.Verifier].
type MLDSAVerifier struct {
	name string
	hash uint32
	key  *mldsa.PublicKey
	vkey string
}

func newMLDSAVerifier(name string, key *mldsa.PublicKey) MLDSAVerifier {
	public := key.Bytes()
	hash := keyHash(name, typeMLDSA, public)
	return MLDSAVerifier{name, hash, key, fmt.Sprintf("%s+%08x+%s", name, hash, base64.StdEncoding.EncodeToString(append([]byte{typeMLDSA}, public...)))}
}

// MLDSASigner makes such cosignatures. It is a [note.Signer], safe for
// concurrent use.
type MLDSASigner struct {
	v    MLDSAVerifier
	key  *mldsa.PrivateKey
	now  func() time.Time
	sign func(msg []byte) ([]byte, error)
}

// NewMLDSASigner makes a signer from a seed of MLDSASeedSize bytes. now is real
// time; nil means time.Now.
func NewMLDSASigner(name string, seed []byte, now func() time.Time) (*MLDSASigner, error) {
	if !validKeyName(name) {
		return nil, fmt.Errorf("%q cannot be a key's name", clip(name))
	}
	key, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed)
	if err != nil {
		return nil, fmt.Errorf("ML-DSA-44 key of %s: %w", name, err)
	}
	if now == nil {
		now = time.Now
	}
	return &MLDSASigner{key: key, now: now,
		v:    newMLDSAVerifier(name, key.PublicKey()),
		sign: func(msg []byte) ([]byte, error) { return key.Sign(nil, msg, nil) },
	}, nil
}

// Name implements note.Signer.
func (s *MLDSASigner) Name() string { return s.v.name }

// KeyHash implements note.Signer.
func (s *MLDSASigner) KeyHash() uint32 { return s.v.hash }

// Verifier of this signer's cosignatures.
func (s *MLDSASigner) Verifier() *MLDSAVerifier { return &s.v }

// Sign implements note.Signer: msg must be the text of a checkpoint. The
// result is the time, 8 bytes, and the signature.
func (s *MLDSASigner) Sign(msg []byte) ([]byte, error) {
	t := s.now().Unix()
	if t <= 0 {
		return nil, fmt.Errorf("the clock says %d seconds since 1970; a cosignature must say when it was made", t)
	}
	m, err := cosignedCheckpoint(s.v.name, uint64(t), msg)
	if err != nil {
		return nil, err
	}
	sig, err := s.sign(m)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint64(nil, uint64(t)), sig...), nil
}

// Name implements note.Verifier.
func (v *MLDSAVerifier) Name() string { return v.name }

// KeyHash implements note.Verifier.
func (v *MLDSAVerifier) KeyHash() uint32 { return v.hash }

// Verify implements note.Verifier.
func (v *MLDSAVerifier) Verify(msg, sig []byte) bool {
	if len(sig) != 8+mldsa.MLDSA44SignatureSize {
		return false
	}
	t := binary.BigEndian.Uint64(sig)
	if t > math.MaxInt64 {
		return false
	}
	return verified.Once(v.vkey, msg, sig, func(msg, sig []byte) bool {
		m, err := cosignedCheckpoint(v.name, t, msg)
		return err == nil && mldsa.Verify(v.key, m, sig[8:], nil) == nil
	})
}

// String is the vkey.
func (v *MLDSAVerifier) String() string { return v.vkey }

// cosignedCheckpoint is what is signed of a checkpoint: its origin, size and
// root. Extension lines are not among it.
func cosignedCheckpoint(cosigner string, timestamp uint64, text []byte) ([]byte, error) {
	c, err := torchwood.ParseCheckpoint(string(text))
	if err != nil {
		return nil, fmt.Errorf("what is to be cosigned is no checkpoint: %w", err)
	}
	if c.String() != string(text) {
		return nil, errors.New("what is to be cosigned is not written as a checkpoint is")
	}
	return cosignedMessage(cosigner, timestamp, c.Origin, 0, uint64(c.N), c.Hash)
}

// cosignedMessage is the structure that an ML-DSA-44 cosignature signs:
//
//	struct {
//		uint8 label[12] = "subtree/v1\n\0";
//		opaque cosigner_name<1..2^8-1>;
//		uint64 timestamp;
//		opaque log_origin<1..2^8-1>;
//		uint64 start;
//		uint64 end;
//		uint8 hash[32];
//	} cosigned_message;
func cosignedMessage(cosigner string, timestamp uint64, origin string, start, end uint64, root tlog.Hash) ([]byte, error) {
	for _, s := range []string{cosigner, origin} {
		if len(s) < 1 || len(s) > 255 {
			return nil, fmt.Errorf("%q cannot be cosigned: a name has 1 to 255 bytes", clip(s))
		}
	}
	b := []byte("subtree/v1\n\x00")
	b = append(b, byte(len(cosigner)))
	b = append(b, cosigner...)
	b = binary.BigEndian.AppendUint64(b, timestamp)
	b = append(b, byte(len(origin)))
	b = append(b, origin...)
	b = binary.BigEndian.AppendUint64(b, start)
	b = binary.BigEndian.AppendUint64(b, end)
	return append(b, root[:]...), nil
}

// ParseCosigner reads the vkey of a witness or mirror: type 0x04 (Ed25519) or
// 0x06 (ML-DSA-44).
func ParseCosigner(vkey string) (note.Verifier, error) {
	return parseKey(vkey, "cosigner", typeCosignature)
}

// ParseLog reads the vkey of a log: type 0x01 (Ed25519) or 0x06 (ML-DSA-44).
func ParseLog(vkey string) (note.Verifier, error) { return parseKey(vkey, "log", typeEd25519) }

// parsed are the vkeys of ML-DSA-44 that were read last. To read one anew takes
// half as long as to verify a signature, and a node reads those of its peers
// whenever it asks which policy it has.
var parsed = memo.Of[string, *MLDSAVerifier]{Newest: 256}

func parseKey(vkey, whose string, classic byte) (note.Verifier, error) {
	if v, ok := parsed.Get(vkey); ok {
		return v, nil
	}
	key, err := decodeKey(vkey)
	if err != nil {
		return nil, fmt.Errorf("%s key %q is no verification key; it is written name+id+key (C2SP vkey)", whose, clip(vkey))
	}
	name, rest, _ := strings.Cut(vkey, "+")
	id, _, _ := strings.Cut(rest, "+")
	switch key[0] {
	case typeMLDSA:
		v, err := parseMLDSA(name, id, key[1:])
		if err != nil {
			return nil, err
		}
		parsed.Put(vkey, v)
		return v, nil
	case classic:
		if classic == typeEd25519 {
			return verified.Log(vkey)
		}
		return verified.Cosigner(vkey)
	}
	return nil, fmt.Errorf("%s key %q is of type 0x%02x; known are 0x%02x (Ed25519) and 0x06 (ML-DSA-44)", whose, clip(vkey), key[0], classic)
}

// decodeKey returns the last part of a vkey: the type and the public key.
func decodeKey(vkey string) ([]byte, error) {
	_, rest, _ := strings.Cut(vkey, "+")
	_, b64, ok := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.DecodeString(b64)
	if !ok || err != nil || len(key) < 2 {
		return nil, errors.New("not a vkey")
	}
	return key, nil
}

func parseMLDSA(name, id string, public []byte) (*MLDSAVerifier, error) {
	if !validKeyName(name) {
		return nil, fmt.Errorf("%q cannot be a key's name", clip(name))
	}
	key, err := mldsa.NewPublicKey(mldsa.MLDSA44(), public)
	if err != nil {
		return nil, fmt.Errorf("key of %s is no ML-DSA-44 key: %w", name, err)
	}
	v := newMLDSAVerifier(name, key)
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v.hash)
	if id != hex.EncodeToString(b[:]) {
		return nil, fmt.Errorf("key of %s has ID %x, not %q: it was changed or cut on its way", name, b, clip(id))
	}
	return &v, nil
}

// keyHash is the key ID of signed-note.
func keyHash(name string, typ byte, public []byte) uint32 {
	h := sha256.New()
	h.Write([]byte(name))
	h.Write([]byte{'\n', typ})
	h.Write(public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// validKeyName: signed-note allows neither spaces nor plus, ML-DSA-44 at most
// 255 bytes.
func validKeyName(s string) bool {
	return s != "" && len(s) <= 255 && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsSpace) && !strings.Contains(s, "+")
}
