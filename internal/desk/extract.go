package desk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// An extract is what a file needs of its acts, in one piece: a file that is not
// in memory is read with it from a few pages of the database that lie together,
// where its entries lie all over the journal, each to be read strictly. It is
// made beside the briefs, of the file in memory (Ledger.tidy), counts for as long
// as the database has it, and is never asked whether something was said: an act
// that is read alone is read from its entry.
//
// Its form is a byte that names the form, the number of acts, and the acts in the
// order of the fold. Numbers are varints as in encoding/binary, signed ones if
// they may be negative. A text is 0, its length and its bytes, where it stands
// first; afterwards the number of that place, from 1. So what is said again and
// again (domains, kinds, effects) takes a byte, and shares its memory when it is
// read.
const extractForm = 1 // another one comes with a migration that empties the table

const (
	// fewest is how many acts must have come since the last extract for another to
	// be made: as many are quickly read from their entries. Of a long file it is an
	// eighth, so that an act is written into extracts some ten times in all.
	fewest = 8
	// mostExtracted is how many acts a file may have to be extracted. What comes
	// later in a longer one is read from its entries.
	mostExtracted = 20_000
	// largestExtract in bytes: an export has it in one line.
	largestExtract = 4 << 20
)

// abridged is what a file needs of an act: all but what is read on the act's own
// page, which takes it from the entry.
func abridged(x placedItem) placedItem {
	a := *x.Act
	x.size = max(0, x.size-len(a.Text)-len(a.Where)-len(a.Body))
	a.To, a.Marking, a.Text, a.Where, a.Body, a.Attach, a.Contradiction = nil, "", "", nil, nil, nil, ""
	x.Act = &a
	return x
}

// due reports whether an extract of the file is to be made.
func (f *cachedFile) due() bool {
	n := f.full.Len()
	return f.fresh >= fewest && f.fresh*8 >= n && n <= mostExtracted
}

// extract makes the extract of a file in both books.
func extract(full, public *casefile.File) ([]byte, error) {
	w := extractWriter{texts: map[string]uint64{}, b: []byte{extractForm}}
	facts := full.State().Acts
	w.uint(uint64(len(facts)))
	for _, x := range facts {
		it, _ := full.Get(x.Act)
		_, clear := public.Get(x.Act)
		if err := w.act(it, x.Problem, clear); err != nil {
			return nil, fmt.Errorf("%s: %w", x.Act, err)
		}
	}
	return w.b, nil
}

type extractWriter struct {
	b     []byte
	texts map[string]uint64
}

func (w *extractWriter) uint(n uint64)      { w.b = binary.AppendUvarint(w.b, n) }
func (w *extractWriter) int(n int64)        { w.b = binary.AppendVarint(w.b, n) }
func (w *extractWriter) hash(h comity.Hash) { w.b = append(w.b, h[:]...) }
func (w *extractWriter) time(t comity.Time) { w.int(t.Unix()) }

func (w *extractWriter) text(s string) {
	if at, ok := w.texts[s]; ok {
		w.uint(at)
		return
	}
	w.texts[s] = uint64(len(w.texts) + 1)
	w.uint(0)
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *extractWriter) name(n comity.ActName) {
	w.text(string(n.Domain))
	w.int(n.Index)
}

// Flags of an act.
const (
	isClear = 1 << iota
	isErased
	hasAsk
)

func (w *extractWriter) act(it casefile.Item, problem string, clear bool) error {
	a := it.Act
	flags := uint64(0)
	for i, is := range []bool{clear, a.ContentErased, a.Ask != nil} {
		if is {
			flags |= 1 << i
		}
	}
	w.uint(flags)
	w.name(it.Name)
	w.hash(it.Leaf)
	w.text(problem)
	w.time(a.Recorded)
	w.time(a.Date)
	w.name(a.Situation)
	for _, s := range []string{string(a.Kind), a.By.Organ, a.By.Office, a.By.Officer, string(a.OnBehalfOf), string(a.Status), string(a.TLP), a.Lang, a.Title, a.Threat} {
		w.text(s)
	}
	w.uint(uint64(len(a.States)))
	for _, s := range a.States {
		w.text(s)
	}
	w.uint(uint64(len(a.Re)))
	for _, r := range a.Re {
		w.name(r.Act)
		w.hash(r.Leaf)
		w.text(r.How)
		w.text(r.LinkedBy)
		w.text(r.Basis)
	}
	w.uint(uint64(len(a.Docs)))
	for _, d := range a.Docs {
		for _, s := range []string{d.Symbol, d.Meeting, d.Basis, d.Confidence} {
			w.text(s)
		}
	}
	if k := a.Ask; k != nil {
		for _, s := range []string{k.What, string(k.Basis), k.Source, string(k.Silence)} {
			w.text(s)
		}
		w.time(k.Due)
	}
	effects, err := a.Effects.MarshalJSON()
	if err == nil {
		w.text(string(effects))
	}
	return err
}

// extracted reads the acts of an extract, in the order of the fold. They share the
// memory of doc.
func extracted(doc []byte, s casefile.Scope) (_ []placedItem, err error) {
	if len(doc) == 0 || doc[0] != extractForm {
		return nil, errExtract
	}
	r := extractReader{left: string(doc[1:])}
	n := r.uint()
	if n > mostExtracted {
		return nil, errExtract
	}
	all, acts := make([]placedItem, n), make([]act.Act, n)
	for i := range all {
		was := len(r.left)
		all[i].Act, all[i].scope = &acts[i], s
		r.act(&all[i])
		all[i].size = was - len(r.left)
	}
	if r.err == nil && r.left != "" {
		r.err = errExtract
	}
	return all, r.err
}

type extractReader struct {
	left  string
	texts []string
	lists []effect.List // of texts that are effects
	err   error
}

var errExtract = errors.New("the extract is damaged, or has another form")

func (r *extractReader) fail() {
	r.left = ""
	if r.err == nil {
		r.err = errExtract
	}
}

func (r *extractReader) uint() (n uint64) {
	for shift := 0; shift < 64 && shift/7 < len(r.left); shift += 7 {
		c := r.left[shift/7]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			r.left = r.left[shift/7+1:]
			return n
		}
	}
	r.fail()
	return 0
}

func (r *extractReader) int() int64 {
	n := r.uint()
	return int64(n>>1) ^ -int64(n&1)
}

// count of things of which each takes a byte or more.
func (r *extractReader) count() int {
	n := r.uint()
	if n > uint64(len(r.left)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *extractReader) bytes(n int) (s string) {
	s, r.left = r.left[:n], r.left[n:]
	return s
}

func (r *extractReader) hash() (h comity.Hash) {
	if len(r.left) < len(h) {
		r.fail()
		return h
	}
	copy(h[:], r.bytes(len(h)))
	return h
}

func (r *extractReader) time() comity.Time { return comity.TimeOf(time.Unix(r.int(), 0)) }

func (r *extractReader) text() string { return r.texts[r.place()] }

// place of the text that is next.
func (r *extractReader) place() int {
	at := r.uint()
	if at > uint64(len(r.texts)) {
		r.fail()
		at = 0
	}
	if at == 0 {
		r.texts = append(r.texts, r.bytes(r.count()))
		at = uint64(len(r.texts))
	}
	return int(at - 1)
}

func (r *extractReader) name() comity.ActName {
	return comity.ActName{Domain: comity.Domain(r.text()), Index: r.int()}
}

func (r *extractReader) act(x *placedItem) {
	a := x.Act
	flags := r.uint()
	x.clear, a.ContentErased = flags&isClear != 0, flags&isErased != 0
	x.Name = r.name()
	x.Leaf = r.hash()
	x.Problem = r.text()
	a.Domain = x.Name.Domain
	a.Recorded, a.Date = r.time(), r.time()
	a.Situation = r.name()
	a.Kind = act.Kind(r.text())
	a.By = act.By{Organ: r.text(), Office: r.text(), Officer: r.text()}
	a.OnBehalfOf = comity.Party(r.text())
	a.Status, a.TLP = comity.Status(r.text()), comity.TLP(r.text())
	a.Lang, a.Title, a.Threat = r.text(), r.text(), r.text()
	for range r.count() {
		a.States = append(a.States, r.text())
	}
	for range r.count() {
		a.Re = append(a.Re, act.Re{Ref: comity.Ref{Act: r.name(), Leaf: r.hash()}, How: r.text(), LinkedBy: r.text(), Basis: r.text()})
	}
	for range r.count() {
		a.Docs = append(a.Docs, act.Doc{Symbol: r.text(), Meeting: r.text(), Basis: r.text(), Confidence: r.text()})
	}
	if flags&hasAsk != 0 {
		a.Ask = &act.Ask{What: r.text(), Basis: effect.Basis(r.text()), Source: r.text(), Silence: effect.Silence(r.text()), Due: r.time()}
	}
	a.Effects = r.effects()
}

// effects are decoded once where they are the same.
func (r *extractReader) effects() (l effect.List) {
	at := r.place()
	if at < len(r.lists) && r.lists[at] != nil {
		return r.lists[at]
	}
	if err := l.UnmarshalJSON([]byte(r.texts[at])); err != nil {
		r.fail()
		return nil
	}
	if grow := at + 1 - len(r.lists); grow > 0 {
		r.lists = append(r.lists, make([]effect.List, grow)...)
	}
	r.lists[at] = l
	return l
}
