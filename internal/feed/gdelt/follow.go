package gdelt

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comity/comity/internal/feed"
)

// follow asks for the files of events that GDELT 2.0 publishes every 15 minutes: at
// http://data.gdeltproject.org/gdeltv2/lastupdate.txt, or lastupdate-translation.txt for
// the news in other languages than English, stands which is the newest. A first reading
// takes that one; each later one takes all that came since, in order, of the list of all
// files, masterfilelist.txt beside it. That list has grown to more than 100 MB, so the
// end of it is asked for alone.
//
// A line of both lists has length, MD5 and address of a file. What is read is as long and
// has that sum. A file that is not there, or is another, is left out, and the reading
// says so.
//
// https://blog.gdeltproject.org/gdelt-2-0-our-global-world-in-realtime/
type follow struct{}

const (
	newestFile = "lastupdate.txt"
	newestElse = "lastupdate-translation.txt" // of the news in other languages

	step      = 15 * time.Minute
	mostFiles = 4 * 24 * 31 // of a reading: a month
	mostBytes = 256 << 20   // unpacked, of a file: 20 MB is much
	perStep   = 400         // bytes of the list of all files: three lines
	noted     = 8           // files that are named where some are left out
)

func api(address *url.URL) feed.API {
	switch path.Base(address.Path) {
	case newestFile, newestElse:
		return follow{}
	}
	return nil
}

// listed is a file of events as a list has it.
type listed struct {
	at   time.Time
	name string
	size int64
	sum  [md5.Size]byte
}

// stampLayout is how GDELT writes a time.
const stampLayout = "20060102150405"

func stamp(t time.Time) string { return t.UTC().Format(stampLayout) }

// parseList reads the files of events of a list; the rest of it is passed over.
func parseList(text []byte) (out []listed) {
	for line := range bytes.Lines(text) {
		f := bytes.Fields(line)
		if len(f) != 3 {
			continue
		}
		l := listed{name: path.Base(string(f[2]))}
		first, rest, _ := strings.Cut(l.name, ".")
		if rest != "export.CSV.zip" && rest != "translation.export.CSV.zip" {
			continue
		}
		var err1, err2 error
		l.at, err1 = time.Parse(stampLayout, first)
		l.size, err2 = strconv.ParseInt(string(f[0]), 10, 64)
		sum, err3 := hex.DecodeString(string(f[1]))
		if err1 == nil && err2 == nil && err3 == nil && copy(l.sum[:], sum) == len(l.sum) && len(sum) == len(l.sum) {
			out = append(out, l)
		}
	}
	return out
}

// Fetch implements feed.API. Version is the time of the last file that was read, or is
// missing.
func (follow) Fetch(ctx context.Context, web *feed.Web, q feed.Query, w io.Writer) (feed.Fetched, error) {
	done := feed.Fetched{Version: q.Version}
	newest, err := lastUpdate(ctx, web, q.Address)
	if err != nil {
		return done, err
	}
	after, err := time.Parse(stampLayout, q.Version)
	if err != nil { // nothing was read yet
		after = newest.at.Add(-step)
	}
	if !newest.at.After(after) {
		return done, nil
	}
	var gaps gaps
	files, err := since(ctx, web, q.Address, after, newest, &gaps)
	if err != nil {
		return done, err
	}
	for _, l := range files {
		rows, err := fetchFile(ctx, web, q.Address, l)
		if err == nil {
			if _, err := w.Write(rows); err != nil {
				return done, err
			}
			done.Version = stamp(l.at)
			continue
		}
		if !gone(err) || l.at.Equal(newest.at) { // which may be on its way
			if done.Version == q.Version {
				return done, err
			}
			gaps.ended = fmt.Sprintf("it ended before %s, and goes on there the next time: %v", l.name, err)
			break
		}
		gaps.missing, gaps.why = append(gaps.missing, stamp(l.at)), err
		done.Version = stamp(l.at) // it is not waited for
	}
	done.Note = gaps.String()
	return done, nil
}

// gone reports whether a file will not come, however often it is asked for.
func gone(err error) bool {
	var status *feed.StatusError
	return errors.Is(err, errOther) || errors.Is(err, feed.ErrTooLong) || errors.As(err, &status) && !status.Passing()
}

// gaps are what a reading does not have.
type gaps struct {
	missing []string // times of files
	why     error    // the last of them is missing; nil: it is on no list
	ended   string   // why it ended early
}

// String says so, for whoever looks at the reading.
func (g *gaps) String() string {
	var parts []string
	if n := len(g.missing); n > 0 {
		s := fmt.Sprintf("%d files of 15 minutes are missing: %s", n, strings.Join(g.missing[:min(n, noted)], ", "))
		if n > noted {
			s += ", …"
		}
		if g.why != nil {
			s += fmt.Sprintf(" (%v)", g.why)
		}
		parts = append(parts, s)
	}
	if g.ended != "" {
		parts = append(parts, g.ended)
	}
	return strings.Join(parts, "; ")
}

func lastUpdate(ctx context.Context, web *feed.Web, address *url.URL) (listed, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return listed{}, err
	}
	var files []listed
	_, err = web.Get(ctx, r, func(text []byte) error {
		if files = parseList(text); len(files) != 1 {
			return fmt.Errorf("GDELT's list of the newest files names %d files of events, and should name one: %.200q", len(files), text)
		}
		return nil
	})
	if err != nil {
		return listed{}, err
	}
	return files[0], nil
}

// since lists the files after a time up to the newest, in order, but no more than a
// reading takes, and notes for which
// quarters of an hour between them there is none.
func since(ctx context.Context, web *feed.Web, address *url.URL, after time.Time, newest listed, gaps *gaps) ([]listed, error) {
	files := []listed{newest}
	if newest.at.Sub(after) > step {
		earlier, err := masterList(ctx, web, address, int64(newest.at.Sub(after)/step))
		if err != nil && !gone(err) {
			return nil, err
		}
		gaps.why = err
		for _, l := range earlier {
			if l.at.After(after) && l.at.Before(newest.at) {
				files = append(files, l)
			}
		}
	}
	slices.SortFunc(files, func(a, b listed) int { return a.at.Compare(b.at) })
	files = slices.CompactFunc(files, func(a, b listed) bool { return a.at.Equal(b.at) })
	if len(files) > mostFiles {
		files = files[:mostFiles]
		gaps.ended = fmt.Sprintf("files after %s wait: run it again", stamp(files[mostFiles-1].at))
	}
	i := 0
	for t := after.Truncate(step).Add(step); t.Before(files[len(files)-1].at); t = t.Add(step) {
		for files[i].at.Before(t) {
			i++
		}
		if !files[i].at.Equal(t) {
			gaps.missing = append(gaps.missing, stamp(t))
		}
	}
	return files, nil
}

// masterList is the end of the list of all files, with the last steps of a quarter of an
// hour at least.
func masterList(ctx context.Context, web *feed.Web, address *url.URL, steps int64) ([]listed, error) {
	u := *address
	u.Path = path.Join(path.Dir(u.Path), strings.Replace(path.Base(u.Path), "lastupdate", "masterfilelist", 1))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Range", fmt.Sprintf("bytes=-%d", (steps+8)*perStep))
	text, err := web.Get(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	_, text, _ = bytes.Cut(text, []byte("\n")) // a line that may begin within
	return parseList(text), nil
}

// errOther says that a file is not the one that was listed.
var errOther = errors.New("it is not what GDELT lists")

// fetchFile returns the rows of a file, ended by a new line.
func fetchFile(ctx context.Context, web *feed.Web, address *url.URL, l listed) ([]byte, error) {
	u := *address
	u.Path = path.Join(path.Dir(u.Path), l.name)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	packed, err := web.Get(ctx, r, func(b []byte) error {
		switch sum := md5.Sum(b); {
		case int64(len(b)) != l.size:
			return fmt.Errorf("%s: %w: it has %d bytes, and should have %d", l.name, errOther, len(b), l.size)
		case sum != l.sum:
			return fmt.Errorf("%s: %w: its MD5 is %x, and should be %x", l.name, errOther, sum, l.sum)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil || len(z.File) != 1 {
		return nil, fmt.Errorf("%s: %w: it is no archive of one file", l.name, errOther)
	}
	file, err := z.File[0].Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", l.name, errOther, err)
	}
	defer file.Close()
	rows, err := io.ReadAll(io.LimitReader(file, mostBytes+1))
	if err == nil && len(rows) > mostBytes {
		err = fmt.Errorf("it holds more than %d bytes", mostBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", l.name, errOther, err)
	}
	if len(rows) > 0 && rows[len(rows)-1] != '\n' {
		rows = append(rows, '\n')
	}
	return rows, nil
}
