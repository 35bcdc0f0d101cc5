package blob_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/comity/comity/internal/blob"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	s, err := blob.Open(ctx, filepath.Join(dir, "blobs"))
	if err != nil {
		panic(err)
	}
	h, err := s.Put(ctx, []byte("a sealed box"))
	fmt.Println(h, err)
	b, err := s.Get(ctx, h)
	fmt.Printf("%s %v\n", b, err)

	err = s.Delete(ctx, h)
	fmt.Println(err)
	_, err = s.Get(ctx, h)
	fmt.Println("erased:", errors.Is(err, blob.ErrNotFound))
	// Output:
	// 6f7075d407a7a98fb47e5633b3d135c61871002afa698eb976396c9acc4dde59 <nil>
	// a sealed box <nil>
	// <nil>
	// erased: true
}
