package keys

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/comity/comity/comity"
)

// Parse reads the text of a statement. Only the canonical form is accepted:
// what Parse returns has the same text again.
func Parse(text string) (Statement, error) {
	s, err := parse(text)
	if err == nil && s.Text() != text {
		err = errors.New("key statement: its lines are not in the canonical form")
	}
	if err == nil {
		err = s.Valid()
	}
	if err != nil {
		return Statement{}, err
	}
	return s, nil
}

// parse reads the lines in any order; Parse compares.
func parse(text string) (s Statement, err error) {
	bad := func(why string) (Statement, error) {
		return Statement{}, fmt.Errorf("key statement: %s", why)
	}
	if len(text) > MaxStatement {
		return bad("too long")
	}
	rest, ok := strings.CutPrefix(text, header+"\n")
	if !ok {
		return bad("it does not begin with " + header)
	}
	for line := range strings.Lines(rest) {
		word, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok {
			return bad(fmt.Sprintf("the line %q has no value", clip(line)))
		}
		var err error
		switch word {
		case "domain":
			s.Domain = comity.Domain(value)
		case "number":
			s.Number, err = strconv.ParseInt(value, 10, 64)
		case "previous":
			s.Previous, err = comity.ParseHash(value)
		case "date":
			s.Date, err = comity.ParseTime(value)
		case "root":
			s.Root = value
		case "log", "witness", "mirror":
			s.Set = s.With(Role(word), append(s.Of(Role(word)), value)...)
		case "recipient":
			s.Recipient = value
		case "revoked":
			var r Revocation
			r, err = parseRevocation(value)
			s.Revoked = append(s.Revoked, r)
		case "reason":
			s.Reason = value
		default:
			err = errors.New("unknown word")
		}
		if err != nil {
			return bad(fmt.Sprintf("line %q: %v", clip(word), err))
		}
	}
	return s, nil
}

func parseRevocation(value string) (r Revocation, err error) {
	f := strings.Split(value, " ")
	if len(f) != 4 && len(f) != 7 || f[2] != "since" {
		return r, errors.New("want: role, key, \"since\", date")
	}
	r.Role, r.Key = Role(f[0]), f[1]
	if r.Since, err = comity.ParseTime(f[3]); err != nil || len(f) == 4 {
		return r, err
	}
	if r.From, err = strconv.ParseInt(f[5], 10, 64); err != nil {
		return r, err
	}
	r.To, err = strconv.ParseInt(f[6], 10, 64)
	return r, err
}

// ParseSigned reads a signed statement without checking its signature, which
// takes the statement before it: History.Add.
func ParseSigned(signed []byte) (Statement, error) {
	if len(signed) > MaxStatement {
		return Statement{}, errors.New("key statement: too long")
	}
	text, _, ok := strings.Cut(string(signed), "\n\n")
	if !ok {
		return Statement{}, errors.New("key statement: not a signed note")
	}
	return Parse(text + "\n")
}
