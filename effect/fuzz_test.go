package effect

import (
	"encoding/json"
	"testing"
)

// A list that is read is read alike when it is written again, and is bounded.
func FuzzList(f *testing.F) {
	f.Add([]byte(`[]`))
	f.Add([]byte(`[{"do":"say"},{"do":"open","title":"x"}]`))
	for _, e := range full() {
		b, err := json.Marshal(List{e})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var l List
		if json.Unmarshal(b, &l) != nil {
			return
		}
		if len(l) > MaxPerAct {
			t.Fatalf("%d effects", len(l))
		}
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatalf("%s cannot be written: %v", b, err)
		}
		var again List
		if err := json.Unmarshal(text, &again); err != nil || !again.Equal(l) {
			t.Fatalf("%s\nis written\n%s\nand read as %v, %v", b, text, again, err)
		}
	})
}
