package objects

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/comity/comity/internal/feed"
)

func TestReader(t *testing.T) {
	const pages = `{"count":2,"x":{"data":[{"a":"no"}]},"data":[
{"a":"1\"é","b":2.50,"c":null,"d":true,"e":[1]},
  7 ,
{"a":"z\u0000"}], "data2":[{"a":"no"}]}
{"data":[]}[{"a":"2"}]`
	r := New(iotest.OneByteReader(strings.NewReader(pages)), "", "Result", "data")
	var got []string
	for {
		err := r.Next()
		var f *feed.Fault
		switch {
		case err == io.EOF:
			if want := "1\"é|2.50|true|[1]@2 !is no object@3 !holds a zero byte, which no text has@4 2|||@5"; strings.Join(got, " ") != want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
			}
			return
		case errors.As(err, &f):
			got = append(got, "!"+f.Reason+"@"+string(rune('0'+f.Line)))
		case err != nil:
			t.Fatal(err)
		default:
			m := r.Members()
			if _, ok := m["c"]; ok {
				t.Error("null is a value")
			}
			got = append(got, string(m["a"])+"|"+string(m["b"])+"|"+string(m["d"])+"|"+string(m["e"])+"@"+string(rune('0'+r.Line())))
		}
	}
}

func TestRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                               "it is empty",
		" \n":                            "it is empty",
		`{"data":[{"a":1}`:               "EOF",
		`{"data":[{"a":1},}`:             "invalid",
		`{"error":"no such user"}`:       "no list Result or data",
		`"data"`:                         "neither",
		`{"data":` + nested(20000) + `}`: "depth",
		`{"data":[{"a":"` + strings.Repeat("x", MaxObject+1<<16) + `"}]}`: "longer",
	} {
		r := New(strings.NewReader(text), "", "Result", "data")
		var err error
		for err = r.Next(); err == nil; err = r.Next() {
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v; want %q", text, err, want)
		}
	}
}

func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
