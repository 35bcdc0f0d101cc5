package feed

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

func zipped(t *testing.T, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, n := range names {
		w, err := z.Create(n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "id,best\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnpack(t *testing.T) {
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	if _, err := io.WriteString(w, "id,best\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		in         []byte
		name, fail string
	}{
		"plain":          {[]byte("id,best\n"), "", ""},
		"zip":            {zipped(t, "x/GEDEvent_v25_1.csv", "__MACOSX/GEDEvent_v25_1.csv", "readme.pdf"), "GEDEvent_v25_1.csv", ""},
		"GDELT":          {zipped(t, "20150218230000.export.CSV"), "20150218230000.export.CSV", ""},
		"gzip":           {gz.Bytes(), "", ""},
		"page":           {[]byte("\xef\xbb\xbf\n<!DOCTYPE html>\n<html>"), "", "web page"},
		"old page":       {[]byte("<HTML><body>"), "", "web page"},
		"two":            {zipped(t, "a.csv", "b.csv"), "", "a.csv and b.csv"},
		"none":           {zipped(t, "readme.pdf"), "", "no file of events"},
		"a part of one":  {zipped(t, "a.csv")[:40], "", "archive"},
		"a part of gzip": {gz.Bytes()[:5], "", "cut off"},
	} {
		r, name, err := Unpack(bytes.NewReader(c.in), int64(len(c.in)))
		if c.fail != "" {
			if err == nil || !strings.Contains(err.Error(), c.fail) {
				t.Errorf("%s: %v; want %q", what, err, c.fail)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if b, err := io.ReadAll(r); string(b) != "id,best\n" || name != c.name || err != nil {
			t.Errorf("%s holds %q, called %q, %v", what, b, name, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	for n := 11; n < gz.Len(); n++ { // its head is there
		r, _, err := Unpack(bytes.NewReader(gz.Bytes()[:n]), int64(n))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); err == nil || !strings.Contains(err.Error(), "the archive is cut off") {
			t.Errorf("%d bytes of gzip: %v", n, err)
		}
	}
	for what, in := range map[string][]byte{"zip": zipped(t, "a.csv"), "gzip": gz.Bytes()} { // both hold 8 bytes
		for most, want := range map[int64]string{8: "", 7: "the archive holds more than 7 bytes"} {
			r, _, err := unpack(bytes.NewReader(in), int64(len(in)), most)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if want == "" && (err != nil || len(b) != 8) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s of which %d bytes are read: %d, %v; want %q", what, most, len(b), err, want)
			}
		}
	}
}
