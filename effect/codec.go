package effect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	strict "github.com/go-json-experiment/json"

	"github.com/comity/comity/comity"
)

// MaxPerAct bounds the effects of one act, MaxAddressees those asked in one.
const (
	MaxPerAct     = 64
	MaxAddressees = 64
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
	*l = out
	return nil
}

func decode(raw []byte) (Effect, error) {
	var members map[string]json.RawMessage
	if err := strict.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	var do string
	if err := strict.Unmarshal(members["do"], &do); err != nil {
		return nil, errors.New(`has no member "do"`)
	}
	t, ok := types[do]
	if !ok {
		return nil, fmt.Errorf("%q is not in effect set version %d", do, Version)
	}
	delete(members, "do")
	rest, err := json.Marshal(members)
	if err != nil {
		return nil, err
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
	return nil
}

// Equal reports whether two lists say the same, in the same order.
func (l List) Equal(m List) bool {
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

func code(what, s string) error {
	if s == "" {
		return fmt.Errorf("%s is empty", what)
	}
	if len(s) > 120 {
		return fmt.Errorf("%s is longer than 120 bytes: effects carry codes and names, no text", what)
	}
	return nil
}

func items(what string, l []Item, atLeastOne bool) error {
	if atLeastOne && len(l) == 0 {
		return fmt.Errorf("%s names no means", what)
	}
	for _, it := range l {
		if err := code("means", it.What); err != nil {
			return err
		}
		if it.N < 1 {
			return fmt.Errorf("%s: %d of %q; want at least 1", what, it.N, it.What)
		}
	}
	return nil
}

func (a Addressee) check() error { return a.Org.Valid() }

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
	if len(e.Source) > 120 {
		return errors.New("source is longer than 120 bytes")
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
	if e.Vote != nil && (e.Vote.For < 0 || e.Vote.Against < 0 || e.Vote.Abstain < 0 || e.Vote.Absent < 0) {
		return errors.New("a vote count is negative")
	}
	return errors.Join(code("organ", e.Organ),
		oneOf("outcome", e.Outcome, Adopted, NotAdopted, NotPut, NoConsensus, NoOutcome))
}
func (e Mandate) check() error {
	if len(e.Holder) == 0 && e.Ends.IsZero() {
		return errors.New("names nobody who may act")
	}
	for _, p := range e.Holder {
		if err := p.Valid(); err != nil {
			return err
		}
	}
	if !e.From.IsZero() && !e.To.IsZero() && e.To.Before(e.From.Time) {
		return errors.New("ends before it begins")
	}
	return nil
}
func (e Need) check() error   { return items("need", e.Items, true) }
func (e Pledge) check() error { return errors.Join(e.Party.Valid(), items("pledge", e.Items, false)) }
func (e Commit) check() error {
	return errors.Join(e.Party.Valid(), items("commitment", e.Items, false))
}
func (e Deploy) check() error {
	return errors.Join(e.Party.Valid(), items("deployment", e.Items, false))
}
func (e Return) check() error { return named("deployment", e.Deployment) }
func (e Convene) check() error {
	if e.At.IsZero() {
		return errors.New("at: say when the organ meets")
	}
	return code("organ", e.Organ)
}
func (e Inscribe) check() error { return errors.Join(named("meeting", e.Meeting), e.Party.Valid()) }
func (e Speak) check() error    { return errors.Join(named("meeting", e.Meeting), e.Party.Valid()) }
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
	return nil
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
