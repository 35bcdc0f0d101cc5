package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// keyFile is a history of keys to verify with, and who must have cosigned.
type keyFile struct {
	h      keys.History
	policy *witness.Policy // nil if no cosignatures are demanded
}

// readKeyFile reads --keys. A --key beside it must be one of its log keys.
func readKeyFile(file, key, policyFile string) (k keyFile, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return k, err
	}
	if k.h, err = keys.ParseFile(b); err != nil {
		return k, fmt.Errorf("%s: %w", file, err)
	}
	if key != "" && !slices.Contains(k.h.Good(keys.Log), key) {
		return k, fmt.Errorf("the key given with --key is none of those in %s: it is another organization's history, or a forged one", file)
	}
	if policyFile == "" {
		return k, nil
	}
	if b, err = os.ReadFile(policyFile); err != nil {
		return k, err
	}
	p, err := witness.ParsePolicy(b)
	if err == nil {
		k.policy, err = p.WithLogs(k.h.Good(keys.Log)...)
	}
	if err != nil {
		return k, fmt.Errorf("%s: %w", policyFile, err)
	}
	return k, nil
}

// verify checks a proof with every log key that the organization ever had, and
// returns what is to be said of the key and of the entry.
func (k keyFile) verify(proof, entry []byte) (said string, err error) {
	var any []torchwood.Policy
	for _, key := range k.h.Good(keys.Log) {
		if v, err := witness.ParseLog(key); err == nil { // else of a kind that is not known here
			any = append(any, torchwood.SingleVerifierPolicy(v))
		}
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(string(k.h.Domain().Origin())), torchwood.ThresholdPolicy(1, any...))
	if err := witness.VerifyProof(policy, tlog.RecordHash(entry), proof); err != nil {
		return "", fmt.Errorf("the proof does not hold: %w", err)
	}
	name, err := provenName(proof)
	if err != nil {
		return "", err
	}
	_, checkpoint, _ := strings.Cut(string(proof), "\n\n")
	by, err := k.signer(checkpoint)
	if err != nil {
		return "", err
	}
	if by.Revoked != nil && !k.cosigned(checkpoint, by.Revoked.Since) {
		return "", fmt.Errorf("the checkpoint is signed by %s alone, a key that was in other hands since %s, and nothing shows that it is older: ask for a proof under a key in force, or for one with cosignatures and give the witnesses with --policy",
			keyID(by.Key), by.Revoked.Since)
	}
	if k.policy != nil {
		if err := witness.Accepts(k.policy, []byte(checkpoint)); err != nil {
			return "", fmt.Errorf("the proof does not hold: %w", err)
		}
	}
	said = fmt.Sprintf("signed by the log key %s, %s\n", keyID(by.Key), stateOf(by))
	for _, d := range k.h.Doubts() {
		if d.Covers(name.Index) && !k.cosigned(checkpoint, d.Since) {
			said += fmt.Sprintf("DOUBTFUL: %s says that a key of its journal was in other hands since %s, and that this entry may be somebody else's; no cosignatures of witnesses before that are in the proof\n", name.Domain, d.Since)
			break
		}
	}
	return said, nil
}

// signer is the key that signed a checkpoint: of several, one that was not
// revoked.
func (k keyFile) signer(checkpoint string) (keys.Key, error) {
	for _, key := range k.h.Good(keys.Log) {
		v, err := witness.ParseLog(key)
		if err != nil || peer.SignedBy([]byte(checkpoint), []note.Verifier{v}) == nil {
			continue
		}
		for _, x := range k.h.Keys(keys.Log) {
			if x.Key == key {
				return x, nil
			}
		}
	}
	return keys.Key{}, errors.New("none of the keys signed the checkpoint")
}

// cosigned reports whether the witnesses that the policy demands had cosigned a
// checkpoint before since, by their own clocks.
func (k keyFile) cosigned(checkpoint string, since comity.Time) bool {
	if k.policy == nil {
		return false
	}
	text, lines, ok := strings.Cut(checkpoint, "\n\n")
	if !ok || k.policy.Demands() == "" {
		return false
	}
	before := text + "\n\n"
	for line := range strings.Lines(lines) {
		f := strings.Fields(line)
		if len(f) != 3 {
			return false
		}
		if f[1] != string(k.h.Domain().Origin()) {
			raw, err := base64.StdEncoding.DecodeString(f[2])
			if err != nil || len(raw) < 4 {
				return false
			}
			at, err := torchwood.CosignatureTimestamp(note.Signature{Name: f[1], Hash: binary.BigEndian.Uint32(raw), Base64: f[2]})
			if err != nil || at >= since.Unix() {
				continue
			}
		}
		before += line
	}
	return witness.Accepts(k.policy, []byte(before)) == nil
}

// verifyEvidence checks evidence with every key that the organization had.
func (k keyFile) verifyEvidence(e *monitor.Evidence) (note.Verifier, error) {
	honest, err := peer.Verifiers(k.h.Honest(keys.Log))
	if err != nil {
		return nil, err
	}
	err = e.Verify(honest...)
	if err == nil {
		return honest[0], nil
	}
	if ever, err2 := peer.Verifiers(k.h.Good(keys.Log)); err2 == nil && e.Verify(ever...) == nil {
		return nil, errors.New("one of the two checkpoints is signed by nobody but who had a key that was revoked since: that accuses whoever had it, and not the organization")
	}
	return nil, err
}
