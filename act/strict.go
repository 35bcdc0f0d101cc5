package act

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// unmarshal reads JSON strictly: valid UTF-8, nothing after the value, bounded
// depth, no member twice, none that differs from a known one in case only, and
// no null where a value is meant. Two readers can then not understand one document in two ways.
func unmarshal(b []byte, v any) error {
	if deeperThan(b, MaxDepth) {
		return fmt.Errorf("it is nested deeper than %d levels", MaxDepth)
	}
	if err := strict.Unmarshal(b, v); err != nil {
		return err
	}
	return exactCase(jsontext.NewDecoder(bytes.NewBuffer(b)), reflect.TypeOf(v).Elem())
}

// deeperThan counts brackets outside strings. It needs no valid JSON.
func deeperThan(b []byte, most int) bool {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth > most {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

var (
	skipped         = reflect.TypeFor[json.RawMessage]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// exactCase reports a member that is one of t's but for its case, or is null.
// Some JSON readers would take one for the other, ours would quietly ignore
// it. What dec reads is known to be valid JSON.
func exactCase(dec *jsontext.Decoder, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	known := membersOf(t)
	switch kind := dec.PeekKind(); {
	case kind == 'n' && t != skipped:
		return errors.New("a member is null; leave it out")
	case known.readsItself:
	case t.Kind() == reflect.Struct && kind == '{':
		return exactMembers(dec, known)
	case t.Kind() == reflect.Slice && kind == '[':
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		for dec.PeekKind() != ']' {
			if err := exactCase(dec, t.Elem()); err != nil {
				return err
			}
		}
		_, err := dec.ReadToken()
		return err
	}
	return dec.SkipValue()
}

// members of a type: if it is a struct that does not read itself, their types
// by name, and their names by the same in lower case.
type members struct {
	readsItself bool
	types       map[string]reflect.Type
	folded      map[string]string
}

// memo keeps what membersOf found out about a type, which never changes.
var memo sync.Map

func membersOf(t reflect.Type) *members {
	if m, ok := memo.Load(t); ok {
		return m.(*members)
	}
	own := reflect.PointerTo(t)
	m := &members{readsItself: own.Implements(jsonUnmarshaler) || own.Implements(textUnmarshaler)}
	if t.Kind() == reflect.Struct && !m.readsItself {
		m.types, m.folded = map[string]reflect.Type{}, map[string]string{}
		for _, f := range reflect.VisibleFields(t) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
				m.types[name] = f.Type
				m.folded[strings.ToLower(name)] = name
			}
		}
	}
	memo.Store(t, m)
	return m
}

func exactMembers(dec *jsontext.Decoder, known *members) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		raw, err := dec.ReadValue()
		if err != nil {
			return err
		}
		name, err := unquoted(raw)
		if err != nil {
			return err
		}
		is, ok := known.types[string(name)]
		if !ok {
			if like := known.folded[strings.ToLower(string(name))]; like != "" {
				return fmt.Errorf("the member %q is written %q", name, like)
			}
			is = skipped
		}
		if err := exactCase(dec, is); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}
