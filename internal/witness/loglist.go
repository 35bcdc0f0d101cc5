package witness

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
)

// LogList is logs that a witness cosigns by their origin, each with its key.
// It is a Roster. As a file it is written as the public witness network writes
// its lists (https://witness-network.org), so that those can be used as they
// are:
//
//	logs/v0
//
//	vkey sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8
//	origin go.sum database tree
//	qpd 86400
//
// The origin is the key's name if there is no such line. Other words are
// skipped.
type LogList map[comity.Origin]string

var _ Roster = LogList(nil)

const logListHeader = "logs/v0"

// ParseLogList reads the file.
func ParseLogList(text []byte) (LogList, error) {
	list := LogList{}
	var key, origin string
	begun := false
	end := func(line int) error {
		if key == "" {
			return nil
		}
		err := list.Add(comity.Origin(origin), key)
		key, origin = "", ""
		if err != nil {
			return fmt.Errorf("log list, the log before line %d: %w", line, err)
		}
		return nil
	}
	lines := strings.Split(string(text), "\n")
	for i, l := range append(lines, "") {
		l = strings.TrimSpace(l)
		word, value, _ := strings.Cut(l, " ")
		value = strings.TrimSpace(value)
		switch {
		case l == "" || strings.HasPrefix(l, "#"):
		case !begun:
			if l != logListHeader {
				return nil, fmt.Errorf("log list, line %d: begins with %q, want %q", i+1, clip(l), logListHeader)
			}
			begun = true
		case word == "vkey":
			if err := end(i + 1); err != nil {
				return nil, err
			}
			if value == "" {
				return nil, fmt.Errorf("log list, line %d: write it as: vkey KEY", i+1)
			}
			key = value
		case key == "":
			return nil, fmt.Errorf("log list, line %d: %q stands before the first vkey line", i+1, clip(word))
		case word == "origin":
			origin = value
		}
	}
	return list, end(len(lines) + 1)
}

// Add a log. An empty origin is the key's name. An origin is added once.
func (l LogList) Add(o comity.Origin, vkey string) error {
	v, err := ParseLog(vkey)
	if err != nil {
		return err
	}
	if o == "" {
		o = comity.Origin(v.Name())
	}
	if len(o) > 255 || strings.ContainsAny(string(o), "\n\r") {
		return fmt.Errorf("%q cannot be an origin", clip(string(o)))
	}
	if l[o] != "" {
		return fmt.Errorf("%q is on the list already", clip(string(o)))
	}
	l[o] = vkey
	return nil
}

// Origins of the list, sorted.
func (l LogList) Origins() []comity.Origin { return slices.Sorted(maps.Keys(l)) }

// String is the file.
func (l LogList) String() string {
	var b strings.Builder
	b.WriteString(logListHeader + "\n")
	for _, o := range l.Origins() {
		fmt.Fprintf(&b, "\nvkey %s\norigin %s\n", l[o], o)
	}
	return b.String()
}

// LogVerifiers implements Roster.
func (l LogList) LogVerifiers(_ context.Context, o comity.Origin) ([]note.Verifier, error) {
	key, ok := l[o]
	if !ok {
		return nil, ErrUnknownOrigin
	}
	v, err := ParseLog(key)
	if err != nil {
		return nil, err
	}
	return []note.Verifier{v}, nil
}
