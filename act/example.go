package act

import (
	"encoding/json"

	"github.com/comity/comity/comity"
)

// must is for the examples in this package, which tests cover.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func mustJSON(v any) json.RawMessage { return must(marshal(v)) }

// exampleRef is a reference with a leaf hash of the right form.
func exampleRef(name string) comity.Ref {
	return comity.Ref{Act: must(comity.ParseActName(name)), Leaf: comity.LeafHash([]byte(name))}
}
