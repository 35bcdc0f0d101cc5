package table

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/comity/comity/internal/feed"
)

// rows reads all, to the first error that is not a fault.
func rows(t testing.TB, r *Reader) (out [][]string, faults []*feed.Fault) {
	t.Helper()
	for {
		err := r.Next()
		var f *feed.Fault
		switch {
		case err == io.EOF:
			return out, faults
		case errors.As(err, &f):
			faults = append(faults, f)
		case err != nil:
			t.Fatal(err)
		default:
			row := make([]string, r.Len())
			for i := range row {
				row[i] = string(r.Field(i))
			}
			out = append(out, row)
		}
	}
}

func fromCSV(t testing.TB, s string) *Reader {
	t.Helper()
	r, err := CSV(strings.NewReader(s), ',')
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCSV(t *testing.T) {
	for _, c := range []struct {
		in   string
		want [][]string
	}{
		{"a,b\n1,2\n", [][]string{{"a", "b"}, {"1", "2"}}},
		{"\xef\xbb\xbfa,b\r\n\r\n\n1,2", [][]string{{"a", "b"}, {"1", "2"}}},
		{"\"a\"\"b\",\"c\r\nd\"\r\n,\r", [][]string{{`a"b`, "c\nd"}, {"", ""}}},
		{"NA,007,\"\"", [][]string{{"NA", "007", ""}}},
		{"", nil},
		{"\r", nil},
	} {
		got, faults := rows(t, fromCSV(t, c.in))
		if len(faults) > 0 || !slices.EqualFunc(got, c.want, slices.Equal) {
			t.Errorf("%q is %q, faults %v; want %q", c.in, got, faults, c.want)
		}
	}
}

// A damaged row is one fault, and says on which line; the rows around it are read.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		damaged, column, reason string
	}{
		{`x,y"z`, "", "does not begin with one"},
		{`"x"y,z`, "", "not doubled"},
		{`x`, "", "has 1 columns; want 2"},
		{"x,\xe9t\xe9", "b", "UTF-8"},
		{"x\x00,y", "a", "zero byte"},
		{strings.Repeat("x,", MaxColumns) + "x", "", "too many"},
		{`x,"` + strings.Repeat("y", MaxRow), "", "longer"},
		{`x,` + strings.Repeat("y", MaxRow), "", "longer"},
		{`x,"` + strings.Repeat("y", 3*MaxRow), "", "longer"},
	} {
		r := fromCSV(t, "a,b\n\"1\n1\",2\n"+c.damaged+"\n3,4\n")
		if _, err := r.Header(); err != nil {
			t.Fatal(err)
		}
		got, faults := rows(t, r)
		if len(faults) != 1 || faults[0].Line != 4 || faults[0].Column != c.column || !strings.Contains(faults[0].Reason, c.reason) {
			t.Errorf("%.20q: %v; want one of line 4, column %q: %q", c.damaged, faults, c.column, c.reason)
		} else if want := c.damaged[:min(len(c.damaged), feed.MaxRaw)]; faults[0].Raw != want {
			t.Errorf("%.20q: kept as %.20q", c.damaged, faults[0].Raw)
		}
		if want := [][]string{{"1\n1", "2"}, {"3", "4"}}; !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%.20q: the other rows are %q", c.damaged, got)
		}
		if r.Line() != 5 {
			t.Errorf("%.20q: the last row is on line %d", c.damaged, r.Line())
		}
	}
	// A quote that closes far behind joins rows; they are parted again.
	r := fromCSV(t, "a,b\n1,\"2\n3,4\n5,6\",7\n8,9\n")
	if _, err := r.Header(); err != nil {
		t.Fatal(err)
	}
	got, faults := rows(t, r)
	if want := [][]string{{"3", "4"}, {"8", "9"}}; !slices.EqualFunc(got, want, slices.Equal) || len(faults) != 2 || faults[0].Raw != "1,\"2" || faults[1].Line != 4 {
		t.Errorf("rows joined by a quote are %q, %v", got, faults)
	}
	if _, faults := rows(t, fromCSV(t, "a,\"b\nc,d\n")); len(faults) != 1 || faults[0].Line != 1 {
		t.Errorf("a quote that is never closed: %v", faults)
	}
}

func TestUTF16(t *testing.T) {
	const text = "a,b\n\"Côte d’Ivoire\n\",𝄞\n"
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var b []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
			b = order.AppendUint16(b, u)
		}
		r, err := CSV(iotest.OneByteReader(bytes.NewReader(b)), ',')
		if err != nil {
			t.Fatal(err)
		}
		if got, faults := rows(t, r); len(got) != 2 || got[1][1] != "𝄞" || len(faults) > 0 {
			t.Errorf("%v: %q, %v", order, got, faults)
		}
		r, _ = CSV(bytes.NewReader(order.AppendUint16(b, 0xd800)), ',') // half a pair
		if _, faults := rows(t, r); len(faults) != 1 {
			t.Errorf("%v: half a surrogate pair: %v", order, faults)
		}
	}
}

func TestRaw(t *testing.T) {
	r, err := Raw(strings.NewReader("1\t\"\t\r\n\n\tb,c\t \nx\xff\ty"))
	if err != nil {
		t.Fatal(err)
	}
	got, faults := rows(t, r)
	if want := [][]string{{"1", `"`, ""}, {"", "b,c", " "}}; !slices.EqualFunc(got, want, slices.Equal) || len(faults) != 1 || faults[0].Line != 4 {
		t.Errorf("%q, %v", got, faults)
	}
}

func TestGuessComma(t *testing.T) {
	for text, want := range map[string]byte{
		"a,b\n1;2;3;4\n": ',', "\xef\xbb\xbfa;b;\"c,d,e,f\"\n1,2,3,4": ';', "title\n\na\tb\n": '\t', "a|b": '|', "": ',', "a\n": ',',
	} {
		got, r := GuessComma(strings.NewReader(text))
		if all, err := io.ReadAll(r); got != want || string(all) != text || err != nil {
			t.Errorf("%q is separated by %q, want %q; then read: %q, %v", text, got, want, all, err)
		}
	}
}

// A source that fails is no end of the file.
func TestBrokenSource(t *testing.T) {
	broken := errors.New("broken")
	r, err := CSV(io.MultiReader(strings.NewReader("a,b\n1,2\n3,\"4"), iotest.ErrReader(broken)), ',')
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for err = r.Next(); err == nil; err = r.Next() {
		n++
	}
	if n != 2 || !errors.Is(err, broken) {
		t.Errorf("%d rows, then %v", n, err)
	}
}

// encoding/csv reads the same rows, up to the first that either refuses.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"a,b\n1,2\n", "\"a\"\"b\",\"c\r\nd\"\r\n,\r", "\xef\xbb\xbfa;b\r\n\r\n1;\"2\n\"\n", "a\"b\n", "\"a\"b\n", "\"", "\"\"\"\"", "\r\r\n\"\r\"\r",
		"\"a\nb", "a,b\r", "\"a\"\r", ",\n,,\n",
	} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, chunk uint8) {
		text := bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
		if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) || bytes.IndexByte(b, 0) >= 0 || !bytes.Equal(bytes.ToValidUTF8(text, nil), text) {
			return
		}
		oracle := csv.NewReader(bytes.NewReader(text))
		oracle.FieldsPerRecord = -1
		r, err := CSV(&chunks{b, int(chunk) + 1}, ',')
		if err != nil {
			t.Fatal(err)
		}
		for {
			want, wantErr := oracle.Read()
			err := r.Next()
			if (err == nil) != (wantErr == nil) || (err == io.EOF) != (wantErr == io.EOF) {
				t.Fatalf("%q: got %v, want %q, %v", b, err, want, wantErr)
			}
			if err != nil {
				break
			}
			if line, _ := oracle.FieldPos(0); r.Line() != int64(line) {
				t.Fatalf("%q: row %q begins on line %d, want %d", b, want, r.Line(), line)
			}
			for i := range want {
				if r.Len() != len(want) || string(r.Field(i)) != want[i] {
					t.Fatalf("%q: field %d of %d is %q, want %q", b, i, r.Len(), r.Field(i), want)
				}
			}
		}
		// Behind a fault it reads on, and comes to the end.
		for n := 0; ; n++ {
			err := r.Next()
			if err == io.EOF {
				break
			}
			var bad *feed.Fault
			if err != nil && !errors.As(err, &bad) || n > len(b) {
				t.Fatalf("%q: row %d: %v", b, n, err)
			}
		}
	})
}

// chunks gives a few bytes at a time.
type chunks struct {
	b    []byte
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.b[:min(len(c.b), c.size)])
	c.b = c.b[n:]
	return n, nil
}

// BenchmarkCSV splits a file, named by COMITY_BENCH_CSV.
func BenchmarkCSV(b *testing.B) {
	name := os.Getenv("COMITY_BENCH_CSV")
	if name == "" {
		b.Skip("COMITY_BENCH_CSV names no file")
	}
	text, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("table", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			r, err := CSV(bytes.NewReader(text), ',')
			if err != nil {
				b.Fatal(err)
			}
			for err = r.Next(); err != io.EOF; err = r.Next() {
			}
		}
	})
	b.Run("encoding_csv", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			r := csv.NewReader(bytes.NewReader(text))
			r.ReuseRecord = true
			for _, err := r.Read(); err != io.EOF; _, err = r.Read() {
			}
		}
	})
}
