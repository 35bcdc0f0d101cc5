package sqlstore

import (
	"database/sql"
	"database/sql/driver"
	"encoding"
	"fmt"
)

// text lets a value of package comity that has a text form, such as ActName or
// Time, stand as a parameter: exec(ctx, "…", text(name)). The zero value of
// such types is the empty text.
func text(v encoding.TextMarshaler) driver.Valuer { return textValue{v} }

type textValue struct{ v encoding.TextMarshaler }

func (t textValue) Value() (driver.Value, error) {
	b, err := t.v.MarshalText()
	return string(b), err
}

// intoText is the inverse of text: row.Scan(intoText(&name)).
func intoText(v encoding.TextUnmarshaler) sql.Scanner { return textScanner{v} }

type textScanner struct{ v encoding.TextUnmarshaler }

func (t textScanner) Scan(src any) error {
	switch s := src.(type) {
	case string:
		return t.v.UnmarshalText([]byte(s))
	case []byte:
		return t.v.UnmarshalText(s)
	case nil:
		return t.v.UnmarshalText(nil)
	}
	return fmt.Errorf("column holds %T, want text", src)
}

// hash lets a hash of any package stand as a parameter, stored as its 32 bytes.
func hash[H ~[32]byte](h H) []byte { return h[:] }

// intoHash is the inverse of hash: row.Scan(intoHash(&h)).
func intoHash[H ~[32]byte](h *H) sql.Scanner { return hashScanner((*h)[:]) }

type hashScanner []byte

func (h hashScanner) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(h) {
		return fmt.Errorf("column holds %T of another length, want a hash of %d bytes", src, len(h))
	}
	copy(h, b)
	return nil
}

// blob is b, never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
