package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A proof file proves what the journal's key signed, or nothing: of all files,
// only those pass that are about the act in the vector.
func FuzzVerify(f *testing.F) {
	good, err := os.ReadFile("../../doc/spec/vectors/act.tlog-proof")
	if err != nil {
		f.Fatal(err)
	}
	var vector struct{ VKey string }
	b, err := os.ReadFile("../../doc/spec/vectors/journal.json")
	if err == nil {
		err = json.Unmarshal(b, &vector)
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, "")
	f.Add(good, "policy")
	f.Add(bytes.Replace(good, []byte("index 2"), []byte("index 1"), 1), "")
	f.Add(bytes.Replace(good, []byte("\n5\n"), []byte("\n05\n"), 1), "")
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\n"), "")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, proof []byte, entry string) {
		file := filepath.Join(dir, "x.tlog-proof")
		if err := os.WriteFile(file, proof, 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"verify", file, "--key", vector.VKey}
		if entry != "" {
			other := filepath.Join(dir, "entry")
			if err := os.WriteFile(other, []byte(entry), 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, "--entry", other)
		}
		code, out, errOut := callHere(t, "", args...)
		if code == 0 && (!strings.HasPrefix(out, "ok: ecowas.example/2 stands in the journal of ecowas.example\n") || entry != "") {
			t.Errorf("proved: %q from\n%s", out, proof)
		}
		if code != 0 && !strings.HasPrefix(errOut, "comity: ") {
			t.Errorf("exit %d: %q", code, errOut)
		}
	})
}
