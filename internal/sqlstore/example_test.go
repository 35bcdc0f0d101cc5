package sqlstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore"
)

// A database is opened, and a log in it written.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	s, err := sqlstore.Open(ctx, "sqlite:"+filepath.Join(dir, "comity.db"), sqlstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	const origin comity.Origin = "au.example/journal"
	err = s.Update(ctx, origin, func(tx journal.Tx) error {
		size, root, err := journal.Extend(tx, [][]byte{[]byte("first"), []byte("second")})
		if err != nil {
			return err
		}
		return tx.PutHead(journal.Head{Origin: origin, Size: size, Root: root})
	})
	if err != nil {
		log.Fatal(err)
	}
	h, err := s.Head(ctx, origin)
	fmt.Println(h.Origin, h.Size, err)

	// Output:
	// au.example/journal 2 <nil>
}
