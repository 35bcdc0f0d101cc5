package sqlstore

import (
	"slices"
	"testing"
	"time"

	"github.com/comity/comity/comity"
)

// A node has a cosignature of each mirror for nearly every act of its journal.
// To read 256 of 20,000 takes as long as to read 256 of 512: were all of a
// journal read, it would take a second.
func TestManyCosignatures(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		c := s.Cosignatures()
		took := func(origin string, many int64) time.Duration {
			err := s.Write(t.Context(), func(tx *Tx) error {
				const upTo = "WITH RECURSIVE upto(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM upto WHERE n < ?) "
				if err := tx.exec("INSERT INTO cosigned (origin, size, root, note) "+upTo+"SELECT ?, n, ?, ? FROM upto", many, origin, blob(make([]byte, 32)), blob(make([]byte, 200))); err != nil {
					return err
				}
				return tx.exec("INSERT INTO cosignature (origin, size, signer, key_hash, at, line) "+upTo+"SELECT ?, n, 'au.example/mirror', 7, n, ? FROM upto", many, origin, blob(make([]byte, 200)))
			})
			if err != nil {
				t.Fatal(err)
			}
			var all []time.Duration
			for range 5 {
				begun := time.Now()
				for from := range int64(2) {
					if got, err := c.From(t.Context(), comity.Origin(origin), 100*from, 256); err != nil || len(got) != 256 {
						t.Fatalf("%d checkpoints, %v", len(got), err)
					}
				}
				if got, err := c.Last(t.Context(), comity.Origin(origin), 32); err != nil || len(got) != 32 {
					t.Fatalf("%d checkpoints, %v", len(got), err)
				}
				all = append(all, time.Since(begun))
			}
			return slices.Min(all)
		}
		few, many := took("au.example/journal", 512), took("un.example/journal", 20_000)
		if many > 20*few {
			t.Errorf("reading of 20,000 took %v, of 512 %v", many, few)
		}
	})
}
