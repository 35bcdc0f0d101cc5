package feed

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// MaxUnpacked bounds what is read out of an archive, in bytes: a small file can hold
// zeros without end.
const MaxUnpacked = 16 << 30

// Unpack returns what is in a file as sources publish it: the one table or
// document within a zip archive (UCDP, GDELT) with its name, what gzip has packed, or
// the file itself, both with an empty name. No source publishes events as HTML: such a
// page is what a web server says instead of the file, and is refused.
func Unpack(f io.ReaderAt, size int64) (r io.ReadCloser, name string, err error) {
	return unpack(f, size, MaxUnpacked)
}

// unpack reads at most so many bytes out of an archive.
func unpack(f io.ReaderAt, size, most int64) (r io.ReadCloser, name string, err error) {
	var magic [64]byte
	n, err := f.ReadAt(magic[:], 0)
	if err != nil && err != io.EOF {
		return nil, "", err
	}
	whole := io.NewSectionReader(f, 0, size)
	switch {
	case string(magic[:4]) == "PK\x03\x04":
		z, err := zip.NewReader(f, size)
		if err != nil {
			return nil, "", fmt.Errorf("the archive: %w", err)
		}
		one, err := only(z.File)
		if err != nil {
			return nil, "", err
		}
		if r, err = one.Open(); err != nil {
			return nil, "", fmt.Errorf("the archive: %w", err)
		}
		return &bounded{r, most, most}, path.Base(one.Name), nil
	case string(magic[:2]) == "\x1f\x8b":
		z, err := gzip.NewReader(whole)
		if err != nil {
			return nil, "", fmt.Errorf("the archive: %w", cutOff(err))
		}
		return &bounded{z, most, most}, "", nil
	case isPage(magic[:n]):
		return nil, "", errors.New("it is a web page, not a file of events: give the address of the file itself; the source may want a login first")
	}
	return io.NopCloser(whole), "", nil
}

// isPage reports whether a file that begins so is HTML.
func isPage(head []byte) bool {
	head = bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	return bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html"))
}

// only file of an archive that can hold events.
func only(files []*zip.File) (*zip.File, error) {
	var out []*zip.File
	for _, f := range files {
		hidden := strings.HasPrefix(path.Base(f.Name), ".") || strings.HasPrefix(f.Name, "__MACOSX/")
		switch strings.ToLower(path.Ext(f.Name)) {
		case ".csv", ".tsv", ".json", ".xml", ".cap", ".atom", ".rss":
			if f.Mode().IsRegular() && !hidden {
				out = append(out, f)
			}
		}
	}
	switch len(out) {
	case 0:
		return nil, errors.New("the archive holds no file of events (.csv, .tsv, .json, .xml)")
	case 1:
		return out[0], nil
	}
	return nil, fmt.Errorf("the archive holds %d files, %s and %s among them; unpack it, and read one", len(out), out[0].Name, out[1].Name)
}

// cutOff says in words that an archive ends too early, if that is the error.
func cutOff(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the archive is cut off: the file did not come whole, fetch it again: %w", err)
	}
	return err
}

// bounded fails where a LimitReader would only end, as if the file did.
type bounded struct {
	io.ReadCloser
	most, left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("the archive holds more than %d bytes, which is more than is read of one; unpack it, and read the file in it", b.most)
	}
	return n, cutOff(err)
}
