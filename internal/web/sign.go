package web

import (
	"net/http"

	"github.com/comity/comity/internal/web/i18n"
)

// signInPage asks to confirm: a link works once, and programs that look at
// links in advance must not spend it.
type signInPage struct {
	Page
	Token string // of the link; "" if there is none
}

func (s *site) signIn(w http.ResponseWriter, r *request) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	return s.render(w, http.StatusOK, &signInPage{Page: s.frame(r, "signin", i18n.Key("Sign in")), Token: r.URL.Query().Get("t")})
}

func (s *site) signInPost(w http.ResponseWriter, r *request) error {
	token, err := s.c.Sessions.SignIn(r.Context(), r.PostFormValue("t"))
	if err != nil {
		return err
	}
	if old, err := r.Cookie(s.c.Cookie); err == nil {
		if err := s.c.Sessions.SignOut(r.Context(), old.Value); err != nil {
			return err
		}
	}
	s.setSession(w, r.Request, token)
	return see(w, r, "/")
}

func (s *site) signOutPost(w http.ResponseWriter, r *request) error {
	if c, err := r.Cookie(s.c.Cookie); err == nil {
		if err := s.c.Sessions.SignOut(r.Context(), c.Value); err != nil {
			return err
		}
	}
	s.setSession(w, r.Request, "")
	return see(w, r, "/")
}

// aboutPage says what this is, its limits and its keys.
type aboutPage struct{ Page }

func (s *site) about(w http.ResponseWriter, r *request) error {
	return s.render(w, http.StatusOK, &aboutPage{s.frame(r, "about", i18n.Key("About"))})
}

// scenarioPost moves the clock of a demonstration.
func (s *site) scenarioPost(w http.ResponseWriter, r *request) error {
	sc := s.c.Scenario
	if sc == nil {
		return errNotFound
	}
	switch r.PostFormValue("play") {
	case "on":
		sc.Play(r.Context(), true)
		return see(w, r, back(r))
	case "off":
		sc.Play(r.Context(), false)
		return see(w, r, back(r))
	}
	switch to := r.PostFormValue("to"); to {
	case "day", "week", "next":
		if err := sc.Step(r.Context(), to); err != nil {
			return err
		}
		return see(w, r, back(r))
	}
	return errBad
}

// scenarioNow is the scenario's time, for the clock of a page that is open
// while it plays.
func (s *site) scenarioNow(w http.ResponseWriter, r *request) error {
	sc := s.c.Scenario
	if sc == nil {
		return errNotFound
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	t := sc.Now()
	if whole(t.Time) {
		_, err := w.Write([]byte(r.words.Date(t.Time)))
		return err
	}
	_, err := w.Write([]byte(r.words.Stamp(t.Time)))
	return err
}
