package world

import (
	"slices"
	"testing"
	"time"
)

func TestUniversalCT(t *testing.T) {
	w := facts(t)
	for on, want := range map[string]int{"1963-01-01": 0, "1999-12-08": 11, "2003-04-11": 12, "2005-04-12": 12, "2005-04-13": 13, "2026-06-30": 19} {
		got := w.UniversalCT(day(t, on))
		for i, v := range got {
			if v.CTNumber != i+1 {
				t.Errorf("%s: number %d stands at place %d", on, v.CTNumber, i+1)
			}
			if on == "2003-04-11" && !v.InForceOn(meetingDay) {
				t.Errorf("%s was in force on %s", v.ID, on)
			}
		}
		if len(got) != want {
			t.Errorf("%s: %d universal instruments, want %d", on, len(got), want)
		}
	}
	iacat, _ := w.Instrument("IACAT2002")
	if !iacat.AdoptedBy(meetingDay) || iacat.InForceOn(meetingDay) || !iacat.InForceOn(Day(2003, time.July, 10)) {
		t.Errorf("the Inter-American Convention entered into force on 10 July 2003: %+v", iacat)
	}
	if p, _ := w.Instrument("ECOWAS1999"); !p.Provisional || !p.InForceOn(Day(1999, time.December, 10)) {
		t.Errorf("ECOWAS Mechanism Protocol: %+v", p)
	}
	if p, _ := w.Instrument("COPAX2000"); p.InForceOn(Day(2004, time.January, 15)) || !p.InForceOn(Day(2004, time.January, 31)) {
		t.Error("in force in January 2004, the day not known: sure only at the end of the month")
	}
	if _, ok := w.Instrument("NONE"); ok {
		t.Error("found NONE")
	}
}

func TestStanding(t *testing.T) {
	w := facts(t)
	for _, c := range []struct {
		id                        InstrumentID
		state                     StateID
		on                        string
		stage                     Stage
		signed, consent, in_force string
		unclear                   bool
	}{
		// Three dates.
		{"FINANCING1999", "USA", "2000-01-09", StageNone, "", "", "", false},
		{"FINANCING1999", "USA", "2002-07-25", StageConsented, "2000-01-10", "2002-06-26", "", false},
		{"FINANCING1999", "USA", "2002-07-26", StageParty, "2000-01-10", "2002-06-26", "2002-07-26", false},
		// Consent before the instrument was in force.
		{"FINANCING1999", "GBR", "2001-12-31", StageConsented, "2000-01-10", "2001-03-07", "", false},
		{"FINANCING1999", "GBR", "2002-04-10", StageParty, "2000-01-10", "2001-03-07", "2002-04-10", false},
		// Deposited eight days before the instrument came into force: bound from the start.
		{"CWC1993", "USA", "1997-04-29", StageParty, "1993-01-13", "1997-04-25", "1997-04-29", false},
		{"CWC1993", "RUS", "1997-12-04", StageConsented, "1993-01-13", "1997-11-05", "", false},
		{"CWC1993", "RUS", "1997-12-05", StageParty, "1993-01-13", "1997-11-05", "1997-12-05", false},
		// First day of the sixth month; first of the month after 60 days.
		{"APMBC1997", "AFG", "2003-02-28", StageConsented, "", "2002-09-11", "", false},
		{"APMBC1997", "AFG", "2003-03-01", StageParty, "", "2002-09-11", "2003-03-01", false},
		{"ROME1998", "AFG", "2003-04-30", StageConsented, "", "2003-02-10", "", false},
		{"ROME1998", "AFG", "2003-05-01", StageParty, "", "2003-02-10", "2003-05-01", false},
		// Not in force at all.
		{"CTBT1996", "RUS", "2014-01-01", StageConsented, "1996-09-24", "2000-06-30", "", false},
		// The month is known, not the day; nothing of it is shown before.
		{"IACAT2002", "MEX", "2003-04-11", StageSigned, "2002-06-03", "", "", false},
		{"IACAT2002", "MEX", "2003-06-15", StageSigned, "2002-06-03", "", "", true},
		{"IACAT2002", "MEX", "2003-06-30", StageConsented, "2002-06-03", "2003-06", "", false},
		{"IACAT2002", "MEX", "2003-07-30", StageParty, "2002-06-03", "2003-06", "", false},
		// Only a latest day is known.
		{"IACAT2002", "BRA", "2003-04-11", StageSigned, "2002-06-03", "", "", true},
		{"IACAT2002", "BRA", "2005-11-15", StageConsented, "2002-06-03", "", "", false},
		{"IACAT2002", "SLV", "2003-04-11", StageSigned, "2002-06-03", "", "", true},
		{"IACAT2002", "SLV", "2003-05-31", StageConsented, "2002-06-03", "2003", "", false},
		// Nothing is recorded, which is not "no".
		{"TOKYO1963", "USA", "2003-04-11", StageUnknown, "", "", "", false},
		{"IACAT2002", "JAM", "2003-04-11", StageUnknown, "", "", "", false},
		{"BOMBINGS1997", "TUV", "2003-04-11", StageNone, "", "", "", false},
	} {
		s, ok := w.InstrumentStatus(c.id, c.state, day(t, c.on))
		if !ok || s.Stage != c.stage || s.Signed.String() != c.signed || s.Consent.String() != c.consent || s.InForce.String() != c.in_force || s.Unclear != c.unclear {
			t.Errorf("%s %s on %s: %+v", c.id, c.state, c.on, s)
		}
	}
	if s, _ := w.InstrumentStatus("FINANCING1999", "USA", Day(2026, time.January, 1)); s.Until != Day(2014, time.June, 16) || s.Stage != StageParty {
		t.Errorf("the record ends in 2014 and must say so: %+v", s)
	}
	if s, _ := w.InstrumentStatus("FINANCING1999", "USA", meetingDay); !s.Until.IsZero() || s.Source == "" || s.Confidence.Grade() != Verified {
		t.Errorf("%+v", s)
	}
	if _, ok := w.InstrumentStatus("NONE", "USA", meetingDay); ok {
		t.Error("found NONE")
	}
}

// On 11 April 2003 the computed standing agrees with what was looked up, and
// shows nothing later.
func TestStandingAgreesWithTheSource(t *testing.T) {
	w := facts(t)
	for k, r := range w.status {
		s, ok := w.InstrumentStatus(k.instrument, k.party, meetingDay)
		if !ok {
			t.Fatalf("no instrument %s", k.instrument)
		}
		consented := s.Stage == StageConsented || s.Stage == StageParty
		if r.checked != "" && consented != (r.checked == "Y") {
			t.Errorf("%v: %s, looked up as %q", k, s.Stage, r.checked)
		}
		for _, d := range []Date{s.Signed, s.Consent, s.InForce} {
			if !d.IsZero() && !d.SurelyBy(meetingDay) {
				t.Errorf("%v shows %s, which is later than the day asked about", k, d)
			}
		}
		if ins, _ := w.Instrument(k.instrument); ins.Coverage == CoverageNone || ins.PartyForce == "" {
			t.Errorf("%s has statuses, and no coverage or rule", k.instrument)
		}
	}
}

// The deposits recorded give the day on which each instrument is said to have
// entered into force: a check of the table, and of the rules for one party.
func TestGeneralEntryIntoForce(t *testing.T) {
	w := facts(t)
	for id, number := range map[InstrumentID]int{
		"BOMBINGS1997": 22, "FINANCING1999": 22, "NUCTERR2005": 22, "SAFETY1994": 22,
		"APMBC1997": 40, "CCM2008": 30, "ROME1998": 60,
	} {
		ins, _ := w.Instrument(id)
		var deposits []Date
		for k, r := range w.status {
			if k.instrument == id && !r.consent.IsZero() && k.party != "EU_ORG" && r.consentKind != "succession" {
				deposits = append(deposits, r.consent)
			}
		}
		slices.SortFunc(deposits, Date.Compare)
		free := ins
		free.InForce = Day(1900, time.January, 1)
		if got := free.partyForce(deposits[number-1], ""); got != ins.InForce {
			t.Errorf("%s: deposit %d on %s gives %s, the instrument says %s", id, number, deposits[number-1], got, ins.InForce)
		}
	}
}

func TestSixMonths(t *testing.T) {
	i := Instrument{InForce: Day(1983, time.December, 2), PartyForce: Force6Months}
	for in, want := range map[string]string{"1995-03-24": "1995-09-24", "1999-08-31": "2000-02-29", "2000-12-31": "2001-06-30", "1980-01-01": "1983-12-02"} {
		if got := i.partyForce(day(t, in), "ratification"); got.String() != want {
			t.Errorf("deposit on %s: %s, want %s", in, got, want)
		}
	}
}

func TestDuties(t *testing.T) {
	w := facts(t)
	d, ok := w.Duty("CH.54")
	if !ok || d.Source != "Charter Art. 54" || d.Binding != BindingYes {
		t.Errorf("%+v", d)
	}
	on := func(id DutyID, day Date) bool {
		return slices.ContainsFunc(w.DutiesOn(day), func(d Duty) bool { return d.ID == id })
	}
	if on("1540.4", meetingDay) || !on("1540.4", Day(2004, time.April, 28)) || on("AU.PSC16", meetingDay) || !on("1455.6", meetingDay) || !on("R18", meetingDay) {
		t.Errorf("a duty counts from the day of its text")
	}
	for _, d := range w.Duties() {
		if d.Since.IsZero() {
			t.Errorf("%s has no date", d.ID)
		}
	}
	if _, ok := w.Duty("NONE"); ok {
		t.Error("found NONE")
	}
}
