package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/internal/monitor"
)

// isEvidence tells an evidence file from a proof, which is text.
func isEvidence(b []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) }

// verifyEvidence checks an evidence file and says what it proves.
func (a *app) verifyEvidence(file []byte, key, keysFile string) error {
	e, err := monitor.ParseEvidence(file)
	if err != nil {
		return err
	}
	v, err := accused(e, key, keysFile)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "ok: the key of %s signed two checkpoints that contradict each other\n", v.Name())
	for _, s := range []monitor.Side{e.A, e.B} {
		text, _, _ := strings.Cut(s.Checkpoint, "\n\n")
		lines := strings.Split(text, "\n")
		fmt.Fprintf(a.out, "  size %s, root %s\n", lines[1], lines[2]) // Verify has read them
	}
	fmt.Fprintf(a.out, "they disagree about the first %d entries: no journal can have grown through both\n", e.Size)
	return nil
}

// accused is the key under which the evidence holds.
func accused(e *monitor.Evidence, key, keysFile string) (note.Verifier, error) {
	if keysFile != "" {
		k, err := readKeyFile(keysFile, key, "")
		if err != nil {
			return nil, err
		}
		v, err := k.verifyEvidence(e)
		if err != nil {
			return nil, fmt.Errorf("the evidence does not hold: %w", err)
		}
		return v, nil
	}
	if key == "" {
		return nil, usageError{errors.New("give the accused journal's key with --key, or the history of its keys with --keys, got by another way: evidence proves nothing without it")}
	}
	v, err := note.NewVerifier(key)
	if err != nil {
		return nil, usageError{fmt.Errorf("--key: %w", err)}
	}
	if err := e.Verify(v); err != nil {
		return nil, fmt.Errorf("the evidence does not hold: %w", err)
	}
	return v, nil
}
