package world

import "slices"

// DutyID is the key of a duty, as "CH.54" (Charter, Article 54) or "R11"
// (provisional rule 11 of the Security Council).
type DutyID string

// Binding says what kind of duty it is. Decides, calls and requests are three
// different things.
type Binding string

// The kinds of duty.
const (
	BindingYes                 Binding = "yes"
	BindingPower               Binding = "power"
	BindingRight               Binding = "right"
	BindingDiscretion          Binding = "discretion"
	BindingPresidentDiscretion Binding = "discretion of the President"
	BindingCall                Binding = "call"
	BindingRequest             Binding = "request"
	BindingDecision            Binding = "decision"
	BindingDecisionAndCall     Binding = "decision to monitor; call upon States"
	BindingAuthorization       Binding = "authorization"
	BindingCommunity           Binding = "rule of the community"
)

// Duty is one duty, right or power out of the Charter, the Council's
// provisional rules of procedure, a resolution or a regional text.
type Duty struct {
	ID           DutyID
	Source       string // to be cited as the basis
	Who          string
	Towards      string // empty for nobody in particular
	Trigger      string
	What         string
	Deadline     string // in words; empty where none is set
	DeadlineRule string
	Check        string // what a machine can check
	Binding      Binding
	Since        Date // the text's date; for the rules of procedure that of S/96/Rev.7
	Note         string
	Confidence   Confidence
}

// Duties lists all.
func (w *World) Duties() []Duty { return slices.Clone(w.duties) }

// DutiesOn lists those whose text surely existed on that day.
func (w *World) DutiesOn(on Date) []Duty {
	return slices.DeleteFunc(w.Duties(), func(d Duty) bool { return !d.Since.SurelyBy(on) })
}

// Duty of that ID.
func (w *World) Duty(id DutyID) (Duty, bool) {
	i := slices.IndexFunc(w.duties, func(d Duty) bool { return d.ID == id })
	if i < 0 {
		return Duty{}, false
	}
	return w.duties[i], true
}

func readDuty(r *row) Duty {
	return Duty{
		ID:           DutyID(r.need("duty")),
		Source:       r.need("source"),
		Who:          r.need("who"),
		Towards:      r.text("towards"),
		Trigger:      r.need("trigger"),
		What:         r.need("what"),
		Deadline:     r.text("deadline"),
		DeadlineRule: r.text("deadline_rule"),
		Check:        r.text("check"),
		Binding: one(r, "binding", BindingYes, BindingPower, BindingRight, BindingDiscretion, BindingPresidentDiscretion, BindingCall,
			BindingRequest, BindingDecision, BindingDecisionAndCall, BindingAuthorization, BindingCommunity),
		Since:      r.date("since"),
		Note:       r.text("note"),
		Confidence: Confidence(r.need("confidence")),
	}
}
