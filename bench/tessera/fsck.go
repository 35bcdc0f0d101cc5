package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

// workers that fetch at a time; more were not faster on two processors.
const workers = 8

// fsckLog does what Tessera's command fsck does, and as it does.
func fsckLog(ctx context.Context, base, key string) error {
	v, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	at, err := url.Parse(base)
	if err != nil {
		return err
	}
	src, err := client.NewHTTPFetcher(at, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * workers}})
	if err != nil {
		return err
	}
	begun := time.Now()
	f := fsck.New(v.Name(), v, src, leafHashes, fsck.Opts{N: workers})
	if err := f.Check(ctx); err != nil {
		return err
	}
	took := time.Since(begun)
	signed, err := src.ReadCheckpoint(ctx)
	if err != nil {
		return err
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return err
	}
	var size int64
	if _, err := fmt.Sscanf(n.Text, v.Name()+"\n%d\n", &size); err != nil || size == 0 {
		return errors.New("nothing to check")
	}
	ms := float64(took.Nanoseconds()) / 1e6
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"rate": float64(size) / took.Seconds(), "p50": ms, "p99": ms})
}

// leafHashes is the command's.
func leafHashes(bundle []byte) ([][]byte, error) {
	eb := &api.EntryBundle{}
	if err := eb.UnmarshalText(bundle); err != nil {
		return nil, fmt.Errorf("unmarshal: %w", err)
	}
	out := make([][]byte, 0, len(eb.Entries))
	for _, e := range eb.Entries {
		h := rfc6962.DefaultHasher.HashLeaf(e)
		out = append(out, h[:])
	}
	return out, nil
}
