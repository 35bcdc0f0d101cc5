package effect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode"

	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/keys"
)

// Limits. They are part of the effect set: every reader applies the same
// ones, or the same act would have effects at one node and none at another.
const (
	MaxPerAct     = 256           // effects of one act: a long meeting has a hundred speakers
	MaxAddressees = 64            // those asked by one act
	MaxHolders    = 64            // those who may act under one mandate
	MaxItems      = 64            // sorts of means in one effect
	MaxAmount     = 1_000_000_000 // of one sort of means
	MaxVotes      = 1_000_000     // of one count
	MaxCode       = 120           // bytes of a code or name
	MaxKey        = 4096          // bytes of a key: post-quantum recipients are long
)

// types maps the name of each effect to its Go type.
var types = func() map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for _, e := range All() {
		m[e.Do()] = reflect.TypeOf(e)
	}
	return m
}()

// List is the member "effects" of an act.
type List []Effect

// MarshalJSON writes each effect with its name as first member. The output is
// canonical: equal lists give equal bytes.
func (l List) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, e := range l {
		if i > 0 {
			b.WriteByte(',')
		}
		body, err := marshal(e)
		if err != nil {
			return nil, fmt.Errorf("effect %s: %w", e.Do(), err)
		}
		b.WriteString(`{"do":"` + e.Do() + `"`)
		if len(body) > 2 {
			b.WriteByte(',')
		}
		b.Write(body[1:])
	}
	b.WriteByte(']')
	return b.Bytes(), nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// UnmarshalJSON reads a list. An effect it does not know, a member it does
// not know or a value that breaks a rule is an error: effects are closed, so
// that a reader never applies half of one.
func (l *List) UnmarshalJSON(b []byte) error {
	var raw []json.RawMessage
	if string(bytes.TrimSpace(b)) == "null" {
		return errors.New("effects: null is no list; write []")
	}
	if err := strict.Unmarshal(b, &raw); err != nil {
		return fmt.Errorf("effects: %w", err)
	}
	if len(raw) > MaxPerAct {
		return fmt.Errorf("effects: %d of them; an act has at most %d", len(raw), MaxPerAct)
	}
	out := make(List, 0, len(raw))
	for i, r := range raw {
		e, err := decode(r)
		if err != nil {
			return fmt.Errorf("effect %d: %w", i+1, err)
		}
		out = append(out, e)
	}
	if err := out.once(); err != nil {
		return err
	}
	*l = out
	return nil
}

func decode(raw []byte) (Effect, error) {
	do, rest, null, err := skim(raw)
	if err != nil {
		return nil, err
	}
	t, ok := types[do]
	if !ok {
		return nil, fmt.Errorf("%q is not in effect set version %d", do, Version)
	}
	if null {
		return nil, fmt.Errorf("%s: a member is null; leave it out", do)
	}
	v := reflect.New(t)
	if err := strict.Unmarshal(rest, v.Interface(), strict.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%s: %w", do, err)
	}
	e := v.Elem().Interface().(Effect)
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", do, err)
	}
	return e, nil
}

// skim reads a JSON text once: it returns the member "do", the text without it,
// and whether a null stands anywhere.
func skim(raw []byte) (do string, rest []byte, null bool, err error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	name := ""
	from := int64(0) // where what was read before the name ends
	for before := from; ; before = dec.InputOffset() {
		t, err := dec.ReadToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", nil, false, err
		}
		null = null || t.Kind() == 'n'
		if in, n := dec.StackIndex(dec.StackDepth()); dec.StackDepth() != 1 || in != '{' || t.Kind() != '"' {
			continue
		} else if n%2 == 1 {
			name, from = t.String(), before
		} else if name == "do" {
			do = t.String()
			after := raw[dec.InputOffset():]
			if raw[from-1] == '{' { // the comma after it goes, or else that before it
				after = bytes.TrimPrefix(bytes.TrimLeft(after, " \t\r\n"), []byte(","))
			}
			rest = slices.Concat(raw[:from], after)
		}
	}
	if rest == nil {
		return "", nil, false, errors.New(`has no member "do"`)
	}
	return do, rest, null, nil
}

// Check applies the rules that UnmarshalJSON applies, to effects made in Go.
func (l List) Check() error {
	if len(l) > MaxPerAct {
		return fmt.Errorf("effects: %d of them; an act has at most %d", len(l), MaxPerAct)
	}
	for _, e := range l {
		if err := e.check(); err != nil {
			return fmt.Errorf("effect %s: %w", e.Do(), err)
		}
	}
	return l.once()
}

// once checks that no effect stands twice, and those that are named by their
// act not even in two forms: one name would mean two things.
func (l List) once() error {
	if len(l) < 2 {
		return nil
	}
	seen := map[string]bool{}
	for _, e := range l {
		var form string
		switch e.(type) {
		case Open, Ask, Need, Commit, Deploy, Convene:
			form = e.Do()
		default:
			body, err := marshal(e)
			if err != nil {
				return fmt.Errorf("effect %s: %w", e.Do(), err)
			}
			form = e.Do() + string(body)
		}
		if seen[form] {
			return fmt.Errorf("effects: %s stands twice", e.Do())
		}
		seen[form] = true
	}
	return nil
}

// Equal reports whether two lists say the same, in the same order.
func (l List) Equal(m List) bool {
	if reflect.DeepEqual(l, m) {
		return true
	}
	a, errA := l.MarshalJSON()
	b, errB := m.MarshalJSON()
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

func oneOf[T ~string](what string, v T, allowed ...T) error {
	if slices.Contains(allowed, v) {
		return nil
	}
	return fmt.Errorf("%s is %q; want one of %q", what, v, allowed)
}

func named(what string, n comity.ActName) error {
	if n.IsZero() {
		return fmt.Errorf("%s names no act", what)
	}
	return nil
}

// code checks a code or name: an effect outlives the text of its act, so no
// text may hide in it.
func code(what, s string) error {
	if s == "" {
		return fmt.Errorf("%s is empty", what)
	}
	return codeOrNone(what, s, MaxCode)
}

func codeOrNone(what, s string, most int) error {
	if len(s) > most {
		return fmt.Errorf("%s is longer than %d bytes: effects carry codes and names, no text", what, most)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("%s has a line break or another control character", what)
	}
	return nil
}

func items(what string, l []Item, atLeastOne bool) error {
	if atLeastOne && len(l) == 0 {
		return fmt.Errorf("%s names no means", what)
	}
	if len(l) > MaxItems {
		return fmt.Errorf("%s names %d sorts of means; at most %d", what, len(l), MaxItems)
	}
	for _, it := range l {
		if err := code("means", it.What); err != nil {
			return err
		}
		if it.N < 1 || it.N > MaxAmount {
			return fmt.Errorf("%s: %d of %q; want 1 to %d", what, it.N, it.What, MaxAmount)
		}
	}
	return nil
}

func (a Addressee) check() error {
	return errors.Join(a.Org.Valid(), codeOrNone("organ", a.Organ, MaxCode), codeOrNone("focal point", a.FocalPoint, MaxCode))
}

func (Open) check() error    { return nil }
func (Dormant) check() error { return nil }
func (Close) check() error   { return nil }
func (Say) check() error     { return nil }

func (e Concern) check() error {
	return errors.Join(e.Party.Valid(), oneOf("role", e.Role, Acts, Supports, Informed, Leads))
}
func (e Seize) check() error { return errors.Join(code("organ", e.Organ), named("by", e.By)) }
func (e Refer) check() error { return e.To.check() }
func (e HandOver) check() error {
	if e.Lead == !e.Operation.IsZero() {
		return errors.New("hands over either the lead or one operation")
	}
	return e.To.Valid()
}
func (e Relate) check() error {
	return errors.Join(named("to", e.To), oneOf("how", e.How, "related", "part-of", "same", "follows"))
}
func (e Ask) check() error {
	if len(e.Of) == 0 {
		return errors.New("asks nobody")
	}
	if len(e.Of) > MaxAddressees {
		return fmt.Errorf("asks %d addressees; at most %d", len(e.Of), MaxAddressees)
	}
	for i, a := range e.Of {
		if err := a.check(); err != nil {
			return err
		}
		if slices.Contains(e.Of[:i], a) {
			return fmt.Errorf("asks %s twice", a.Org)
		}
	}
	if err := oneOf("basis", e.Basis, Duty, Wish); err != nil {
		return err
	}
	if e.Basis == Duty && e.Source == "" {
		return errors.New("a duty names its source, for example S/RES/1373 (2001) para. 6")
	}
	if err := codeOrNone("source", e.Source, MaxCode); err != nil {
		return err
	}
	if e.Silence == Consent && (e.Due.IsZero() || e.Source == "") {
		return errors.New("silence can be consent only by a date and under a named rule of procedure")
	}
	return oneOf("silence", e.Silence, "", NoMeaning, Consent)
}
func (e TakeUp) check() error {
	if e.Until.IsZero() {
		return errors.New("until: say when it lapses")
	}
	return named("ask", e.Ask)
}
func (e Answer) check() error {
	if err := named("ask", e.Ask); err != nil {
		return err
	}
	if err := oneOf("how", e.How, WillAct, Support, Consider, Noted, Declined); err != nil {
		return err
	}
	if e.How == Consider && e.Until.IsZero() {
		return errors.New("will consider: until when?")
	}
	if (e.From == "") != (e.Heard == "") {
		return errors.New("an answer heard outside the journals names from whom and by which channel")
	}
	if e.Heard != "" {
		if err := errors.Join(e.From.Valid(), oneOf("heard", e.Heard, Telephone, Letter, Meeting, Mail)); err != nil {
			return err
		}
	}
	if !e.Confirms.IsZero() && !e.Contests.IsZero() {
		return errors.New("confirms and contests at once")
	}
	return nil
}
func (e Reply) check() error    { return named("to", e.To) }
func (e Correct) check() error  { return named("act", e.Act) }
func (e Withdraw) check() error { return named("act", e.Act) }
func (e Erase) check() error    { return named("act", e.Act) }
func (e Decide) check() error {
	if v := e.Vote; v != nil {
		for _, n := range []int{v.For, v.Against, v.Abstain, v.Absent} {
			if n < 0 || n > MaxVotes {
				return fmt.Errorf("a vote count is %d; want 0 to %d", n, MaxVotes)
			}
		}
	}
	return errors.Join(code("organ", e.Organ), codeOrNone("mode", e.Mode, MaxCode),
		oneOf("outcome", e.Outcome, Adopted, NotAdopted, NotPut, NoConsensus, NoOutcome))
}
func (e Mandate) check() error {
	if len(e.Holder) == 0 && e.Ends.IsZero() {
		return errors.New("names nobody who may act")
	}
	if len(e.Holder) > MaxHolders {
		return fmt.Errorf("names %d holders; at most %d", len(e.Holder), MaxHolders)
	}
	for _, p := range e.Holder {
		if err := p.Valid(); err != nil {
			return err
		}
	}
	if !e.From.IsZero() && !e.To.IsZero() && e.To.Before(e.From.Time) {
		return errors.New("ends before it begins")
	}
	return codeOrNone("name", e.Name, MaxCode)
}
func (e Need) check() error   { return items("need", e.Items, true) }
func (e Pledge) check() error { return errors.Join(e.Party.Valid(), items("pledge", e.Items, false)) }
func (e Commit) check() error {
	return errors.Join(e.Party.Valid(), items("commitment", e.Items, false))
}
func (e Deploy) check() error {
	return errors.Join(e.Party.Valid(), codeOrNone("name", e.Name, MaxCode), items("deployment", e.Items, false))
}
func (e Return) check() error { return named("deployment", e.Deployment) }
func (e Convene) check() error {
	if e.At.IsZero() {
		return errors.New("at: say when the organ meets")
	}
	return code("organ", e.Organ)
}
func (e Inscribe) check() error { return e.Party.Valid() }
func (e Speak) check() error    { return e.Party.Valid() }
func (e Adhere) check() error {
	return errors.Join(code("instrument", e.Instrument), e.Party.Valid(), oneOf("step", e.Step, "signature", "ratification",
		"accession", "acceptance", "approval", "succession", "entry-into-force", "withdrawal"))
}
func (e Designate) check() error {
	return errors.Join(code("topic", e.Topic), code("office", e.Office))
}
func (e Admit) check() error   { return e.Party.Valid() }
func (e Suspend) check() error { return e.Party.Valid() }
func (e Remove) check() error  { return e.Party.Valid() }
func (e Key) check() error {
	if e == (Key{}) {
		return errors.New("names no key")
	}
	if e.Statement != "" {
		if e != (Key{Statement: e.Statement}) {
			return errors.New("statement: it says which keys are in force; name none beside it")
		}
		if _, err := keys.ParseSigned([]byte(e.Statement)); err != nil {
			return fmt.Errorf("statement: %w", err)
		}
		return nil
	}
	return errors.Join(codeOrNone("log", e.Log, MaxKey), codeOrNone("witness", e.Witness, MaxKey), codeOrNone("mirror", e.Mirror, MaxKey),
		codeOrNone("root", e.Root, MaxKey), codeOrNone("recipient", e.Recipient, MaxKey),
		codeOrNone("log_pq", e.LogPQ, MaxKey), codeOrNone("witness_pq", e.WitnessPQ, MaxKey), codeOrNone("mirror_pq", e.MirrorPQ, MaxKey))
}
func (e Score) check() error {
	return errors.Join(named("warning", e.Warning), oneOf("result", e.Result, "occurred", "averted", "did-not-occur", "open"))
}
func (e Evidence) check() error {
	if e.Proof.IsZero() {
		return errors.New("proof: give the SHA-256 of the evidence file")
	}
	_, err := comity.ParseDomain(string(e.Against))
	return err
}
