package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
)

// EvidenceFormat is the first member of an evidence file.
const EvidenceFormat = "comity/evidence/v1"

// MaxEvidence is the largest evidence file that is read, in bytes: more than two
// checkpoints of the largest size take whose bytes JSON writes as six each, and
// their proofs. Whoever forks chooses what stands in his checkpoints.
const MaxEvidence = 1 << 20

// evidenceFile is Evidence that says what it is.
type evidenceFile struct {
	Format string `json:"format"`
	Evidence
}

// File is the evidence as one self-contained file, the same bytes each time:
//
//	{
//	  "format": "comity/evidence/v1",
//	  "origin": "oas.example/journal",
//	  "key": "oas.example/journal+5f0a…",
//	  "size": 300,
//	  "a": {"checkpoint": "oas.example/journal\n300\n…"},
//	  "b": {"checkpoint": "oas.example/journal\n500\n…", "steps": [{"size": 300, "root": "…", "proof": ["…"]}]}
//	}
//
// Its SHA-256 is what an evidence act names.
func (e *Evidence) File() []byte {
	b, err := json.MarshalIndent(evidenceFile{EvidenceFormat, *e}, "", "  ")
	if err != nil {
		panic("monitor: evidence that is no JSON: " + err.Error()) // strings, numbers and hashes only
	}
	return append(b, '\n')
}

// ParseEvidence reads an evidence file. What it says is true only once Verify
// has checked it. Members that this version does not know are passed over.
func ParseEvidence(b []byte) (*Evidence, error) {
	if len(b) > MaxEvidence {
		return nil, fmt.Errorf("an evidence file has at most %d bytes", MaxEvidence)
	}
	var f evidenceFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("not an evidence file: %w", err)
	}
	switch {
	case f.Format == "":
		return nil, errors.New("not an evidence file: it does not say that it is one")
	case f.Format != EvidenceFormat:
		return nil, fmt.Errorf("an evidence file of a form that this version does not know: %q", clip(f.Format))
	}
	return &f.Evidence, nil
}
