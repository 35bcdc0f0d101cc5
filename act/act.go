// Package act is the envelope that every act shares, its codec, and the kinds
// of acts, one file each.
//
// An act is a small JSON document. What an officer submits and what stands in
// the journal differ by two members that the node writes at the front:
//
//	{"domain":"ecowas.example","recorded":"2003-04-11T09:00:00Z",
//	 "kind":"request.v1","date":"2003-04-11T08:30:00Z", … }
//
// Every other byte is the issuer's: members that this version does not know
// are kept and served on as they were written. Decode reads a document
// strictly (UTF-8, no member twice, bounded), and compares the effects written in it with
// those that its kind computes from its body: a known kind whose effects
// contradict its body is shown and has none (Act.Contradiction).
//
// A kind is one file of this package: its name, what it requires, the effects
// it has, an example. To add one, copy note.go.
package act

import (
	"encoding/json"
	"fmt"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// MaxEntry is the largest journal entry, in bytes (C2SP tlog-tiles).
const MaxEntry = 65535

// MaxDocument is the largest document of an act, in bytes. A sealed one does
// not stand in the entry itself and may be as large as a public one.
const MaxDocument = 64000

// MaxDepth is how deep objects and arrays of a document may be nested.
const MaxDepth = 64

// Act is the decoded envelope. Its JSON form is the document.
type Act struct {
	// Domain and Recorded are written by the issuer's node: whose journal it
	// stands in, and the node's clock, which never decreases within a journal.
	Domain   comity.Domain `json:"domain,omitempty"`
	Recorded comity.Time   `json:"recorded,omitzero"`

	Kind       Kind            `json:"kind"`
	Date       comity.Time     `json:"date"` // when it was done, as the issuer says
	By         By              `json:"by,omitzero"`
	OnBehalfOf comity.Party    `json:"on_behalf_of,omitempty"` // a party without a journal; shown "as reported by" the issuer
	To         []To            `json:"to,omitempty"`
	Situation  comity.ActName  `json:"situation,omitzero"` // the act that opened the file; none: house matters, or this act opens one
	Re         []Re            `json:"re,omitempty"`
	Status     comity.Status   `json:"status"`
	TLP        comity.TLP      `json:"tlp"`
	Marking    string          `json:"marking,omitempty"` // the house's own marking
	Lang       string          `json:"lang,omitempty"`    // BCP 47, of Title and Text
	Title      string          `json:"title"`
	Text       string          `json:"text,omitempty"`
	States     []string        `json:"states,omitempty"` // ISO 3166-1 alpha-3
	Where      json.RawMessage `json:"where,omitempty"`  // GeoJSON geometry, longitude first
	Threat     string          `json:"threat,omitempty"` // conflict, wmd, terrorism, other
	Docs       []Doc           `json:"docs,omitempty"`
	Ask        *Ask            `json:"ask,omitempty"`
	Body       json.RawMessage `json:"body,omitempty"`
	Attach     []Attachment    `json:"attach,omitempty"`
	Effects    effect.List     `json:"effects,omitempty"`

	// Contradiction says why the written effects are not applied; "" if they
	// are.
	Contradiction string `json:"-"`
	// ContentErased is true of a sealed act of which only the effects remain.
	ContentErased bool `json:"-"`
}

// By is the organ or office that acts, and optionally the officer. People are
// named by office first.
type By struct {
	Organ   string `json:"organ,omitempty"`
	Office  string `json:"office,omitempty"`
	Officer string `json:"officer,omitempty"`
}

// To is one addressee.
type To struct {
	Org        comity.Party `json:"org"`
	Organ      string       `json:"organ,omitempty"`
	FocalPoint string       `json:"focal_point,omitempty"`
	For        string       `json:"for"` // answer, information
}

// For what an addressee receives an act.
const (
	ForAnswer      = "answer"
	ForInformation = "information"
)

// Re points to an act that this one answers, corrects, supports, follows or
// cites. LinkedBy is "editors" where the source does not state the link;
// Basis then says why the editors made it.
type Re struct {
	comity.Ref
	How      string `json:"how"` // answers, corrects, withdraws, supports, follows, cites
	LinkedBy string `json:"linked_by,omitempty"`
	Basis    string `json:"basis,omitempty"`
}

// Hows lists the values of Re.How.
func Hows() []string {
	return []string{"answers", "corrects", "withdraws", "supports", "follows", "cites"}
}

// Doc is a document outside the record under which the act is known.
type Doc struct {
	Symbol     string `json:"symbol,omitempty"`     // S/RES/1497 (2003)
	Meeting    string `json:"meeting,omitempty"`    // S/PV.4803
	Basis      string `json:"basis,omitempty"`      // how the meeting was established
	Confidence string `json:"confidence,omitempty"` // verified, known, unsure
}

// Ask is what the act asks of its addressees "for answer".
type Ask struct {
	What    string         `json:"what"`
	Basis   effect.Basis   `json:"basis"`
	Source  string         `json:"source,omitempty"`
	Due     comity.Time    `json:"due,omitzero"`
	Silence effect.Silence `json:"silence,omitempty"`
}

// Attachment is a file outside the entry, by its SHA-256.
type Attachment struct {
	Name   string      `json:"name"`
	SHA256 comity.Hash `json:"sha256"`
	Type   string      `json:"type"`
	Size   int64       `json:"size"`
}

// Author is in whose name the act speaks.
func (a *Act) Author() effect.Author {
	return effect.Author{Issuer: a.Domain, OnBehalfOf: a.OnBehalfOf}
}

// DecodeBody reads the kind's own part into v; members v does not have are
// left alone.
func (a *Act) DecodeBody(v any) error {
	if len(a.Body) == 0 {
		return nil
	}
	if err := unmarshal(a.Body, v); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

// Asked lists the addressees for answer, in the form of the effect.
func (a *Act) Asked() []effect.Addressee {
	var out []effect.Addressee
	for _, t := range a.To {
		if t.For == ForAnswer {
			out = append(out, effect.Addressee{Org: t.Org, Organ: t.Organ, FocalPoint: t.FocalPoint})
		}
	}
	return out
}

// Refers returns the acts that a refers to in the given way.
func (a *Act) Refers(how string) []comity.ActName {
	var out []comity.ActName
	for _, r := range a.Re {
		if r.How == how {
			out = append(out, r.Act)
		}
	}
	return out
}
