package act

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Limits of the envelope, so that every page can show every act.
const (
	maxTitle     = 300
	maxAddressed = 64
	maxRefs      = 64
	maxStates    = 250
	maxAttached  = 64
	maxFileName  = 200 // bytes
)

var (
	kindForm  = regexp.MustCompile(`^[a-z][a-z0-9-]{1,40}\.v[1-9][0-9]?$`)
	langForm  = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	stateForm = regexp.MustCompile(`^[A-Z]{3}$`)
)

// check applies the rules that hold for acts of every kind, known or not.
func (a *Act) check() error {
	if err := a.checkProtected(); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(a.Title) == "":
		return errors.New("title: missing")
	case len(a.Title) > maxTitle:
		return fmt.Errorf("title: %d bytes; at most %d", len(a.Title), maxTitle)
	case strings.ContainsFunc(a.Title, unicode.IsControl):
		return errors.New("title: has a line break or another control character")
	case a.Lang != "" && !langForm.MatchString(a.Lang):
		return fmt.Errorf("lang: %q; write a BCP 47 tag like en or pt-BR", a.Lang)
	case !slices.Contains([]string{"", "conflict", "wmd", "terrorism", "other"}, a.Threat):
		return fmt.Errorf("threat: %q; want conflict, wmd, terrorism or other", a.Threat)
	case len(a.States) > maxStates:
		return fmt.Errorf("states: %d of them; at most %d", len(a.States), maxStates)
	}
	for _, s := range a.States {
		if !stateForm.MatchString(s) {
			return fmt.Errorf("states: %q; write ISO 3166-1 alpha-3 codes like CIV", s)
		}
	}
	return errors.Join(a.checkAsk(), a.checkWhere(), a.checkAttach())
}

// checkProtected applies the rules for the members that outlive an erasure.
func (a *Act) checkProtected() error {
	switch {
	case a.Kind == "":
		return errors.New(`kind: missing; "comity act --example warning" prints a document to edit`)
	case !kindForm.MatchString(string(a.Kind)):
		return fmt.Errorf("kind: %q; write it with its version, like warning.v1", a.Kind)
	case a.Date.IsZero():
		return errors.New("date: missing; say when it was done, in UTC, like 2003-04-11T10:20:00Z")
	case !a.Status.Valid():
		return fmt.Errorf("status: %q; want one of %q", a.Status, comity.Statuses())
	case !a.TLP.Valid():
		return fmt.Errorf("tlp: %q; want one of %q, without the word TLP", a.TLP, comity.TLPs())
	}
	if a.OnBehalfOf != "" {
		if err := a.OnBehalfOf.Valid(); err != nil {
			return fmt.Errorf("on_behalf_of: %w", err)
		}
	}
	if err := shortName("by: organ", a.By.Organ); err != nil {
		return err
	}
	return errors.Join(a.checkTo(), a.checkRe(), a.Effects.Check())
}

func (a *Act) checkTo() error {
	if len(a.To) > maxAddressed {
		return fmt.Errorf("to: %d addressees; at most %d", len(a.To), maxAddressed)
	}
	for i, t := range a.To {
		if err := t.Org.Valid(); err != nil {
			return fmt.Errorf("to: %w", err)
		}
		if err := errors.Join(shortName("to: organ", t.Organ), shortName("to: focal_point", t.FocalPoint)); err != nil {
			return err
		}
		if t.For != ForAnswer && t.For != ForInformation {
			return fmt.Errorf(`to: %s is addressed for %q; want "answer" or "information"`, t.Org, t.For)
		}
		for _, u := range a.To[:i] {
			if u.Org == t.Org && u.Organ == t.Organ && u.FocalPoint == t.FocalPoint {
				return fmt.Errorf("to: %s is addressed twice", t.Org)
			}
		}
	}
	return nil
}

// checkAsk checks that what is asked and of whom stand together.
func (a *Act) checkAsk() error {
	asked := len(a.Asked()) > 0
	if asked && a.Ask == nil {
		return errors.New(`to: somebody is addressed "for answer" and nothing is asked; add "ask", or address them "for information"`)
	}
	if a.Ask != nil && !asked {
		return errors.New(`ask: nobody is addressed "for answer"; say in "to" who is asked`)
	}
	if a.Ask != nil && strings.TrimSpace(a.Ask.What) == "" {
		return errors.New(`ask: "what" is missing; say what is asked`)
	}
	return nil
}

func (a *Act) checkRe() error {
	if len(a.Re) > maxRefs {
		return fmt.Errorf("re: %d references; at most %d", len(a.Re), maxRefs)
	}
	for i, r := range a.Re {
		if r.Act.IsZero() {
			return errors.New("re: a reference names no act")
		}
		if slices.ContainsFunc(a.Re[:i], func(q Re) bool { return q.Act == r.Act && q.How == r.How }) {
			return fmt.Errorf("re: %s stands there twice with how %q", r.Act, r.How)
		}
		if r.Leaf.IsZero() {
			return fmt.Errorf("re: the reference to %s has no leaf hash; \"comity show %s\" prints it", r.Act, r.Act)
		}
		if !slices.Contains(Hows(), r.How) {
			return fmt.Errorf("re: %s is referred to as %q; want one of %q", r.Act, r.How, Hows())
		}
		if (r.LinkedBy == "") != (r.Basis == "") || r.LinkedBy != "" && r.LinkedBy != "editors" {
			return fmt.Errorf(`re: %s: a link made by "editors" says on which basis`, r.Act)
		}
		if r.Basis != "" && a.TLP != comity.Clear {
			return fmt.Errorf("re: %s: editors link public acts only; the basis of a link is text that no erasure removes", r.Act)
		}
	}
	return nil
}

// shortName checks a name that outlives the text of its act.
func shortName(what, s string) error {
	if len(s) > effect.MaxCode {
		return fmt.Errorf("%s: %d bytes; at most %d", what, len(s), effect.MaxCode)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("%s: has a line break or another control character", what)
	}
	return nil
}

func (a *Act) checkAttach() error {
	if len(a.Attach) > maxAttached {
		return fmt.Errorf("attach: %d files; at most %d", len(a.Attach), maxAttached)
	}
	for _, f := range a.Attach {
		switch {
		case strings.TrimSpace(f.Name) == "" || len(f.Name) > maxFileName || strings.ContainsAny(f.Name, `/\`) || strings.ContainsFunc(f.Name, unicode.IsControl):
			return fmt.Errorf("attach: %q is no file name; give one of at most %d bytes, without slashes", f.Name, maxFileName)
		case f.SHA256.IsZero():
			return fmt.Errorf("attach: %s has no SHA-256", f.Name)
		case f.Size < 0:
			return fmt.Errorf("attach: %s has a size of %d bytes", f.Name, f.Size)
		}
	}
	return nil
}

// checkWhere checks that the geometry is GeoJSON (RFC 7946) within range.
func (a *Act) checkWhere() error {
	if len(a.Where) == 0 {
		return nil
	}
	var g struct {
		Type        string `json:"type"`
		Coordinates any    `json:"coordinates"`
	}
	if err := unmarshal(a.Where, &g); err != nil {
		return fmt.Errorf("where: %w", err)
	}
	depth, ok := map[string]int{"Point": 1, "MultiPoint": 2, "LineString": 2, "MultiLineString": 3, "Polygon": 3, "MultiPolygon": 4}[g.Type]
	if !ok {
		return fmt.Errorf("where: %q is no GeoJSON geometry; write Point, Polygon and so on", g.Type)
	}
	if err := checkCoordinates(g.Coordinates, depth); err != nil {
		return fmt.Errorf("where: %w", err)
	}
	return nil
}

func checkCoordinates(v any, depth int) error {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return errors.New("coordinates do not fit the geometry's type")
	}
	if depth > 1 {
		for _, x := range list {
			if err := checkCoordinates(x, depth-1); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) < 2 || len(list) > 3 {
		return errors.New("a position has longitude and latitude")
	}
	lon, ok1 := list[0].(float64)
	lat, ok2 := list[1].(float64)
	if !ok1 || !ok2 || lon < -180 || lon > 180 || lat < -90 || lat > 90 {
		return fmt.Errorf("position %v: want longitude -180..180 first, then latitude -90..90", list)
	}
	return nil
}
