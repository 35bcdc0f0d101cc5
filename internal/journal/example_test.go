package journal_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

// Two entries are appended, one is proved, and the checkpoint is served.
func Example() {
	ctx := context.Background()
	store := journaltest.NewStore() // in a node: sqlstore.Open(…)
	signer, err := note.NewSigner(skey)
	if err != nil {
		log.Fatal(err)
	}
	j, err := journal.Open(ctx, journal.Config{Store: store, Origin: origin, Signer: signer})
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()

	for _, words := range []string{"we open a file", "we ask for an answer"} {
		a, err := j.Append(ctx, func(index int64) ([]byte, error) {
			return fmt.Appendf(nil, "%s (entry %d)", words, index), nil
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("entry %d is durable, under a checkpoint of size %d\n", a.Index, a.Head.Size)
	}

	h := j.Head()
	proof, err := journal.ProveRecord(ctx, store, origin, 1, h.Size)
	if err != nil {
		log.Fatal(err)
	}
	leaf := tlog.RecordHash([]byte("we ask for an answer (entry 1)"))
	fmt.Println("proof:", tlog.CheckRecord(proof, h.Size, h.Root, 1, leaf))

	w := httptest.NewRecorder()
	journal.Handler(store, origin, journal.Checkpoint(store, origin)).
		ServeHTTP(w, httptest.NewRequest("GET", "/checkpoint", nil))
	fmt.Print(w.Body)

	// Output:
	// entry 0 is durable, under a checkpoint of size 1
	// entry 1 is durable, under a checkpoint of size 2
	// proof: <nil>
	// ecowas.example/journal
	// 2
	// Y22A90Ntn7vAMU+dCo0FtRWb6QNjfcx9hZS1UNhAeVE=
	//
	// — ecowas.example/journal SBDm9B83WzV44bBFgY7aABnwaVu8K/35hlheyN5C1HuSJPOjJv8Svw+46yp8nvv0NXXaxcXhSZaI5QZnX5QynsujwwA=
}
