// Package web is the desk's pages: server-rendered HTML that works without
// JavaScript, in English and Arabic, in light, dark and on paper.
//
//	h := web.New(web.Config{Desk: d, Sessions: s, Logger: log, Version: "1.0"})
//	http.ListenAndServe(addr, h)
//
// # What the pages hold to
//
// State is never colour alone: it is a shape, a word and a colour (standing.go).
// Words attribute and do not judge; of all standings only "overdue" claims that
// an answer was owed. Dates are absolute, in UTC; a relative one stands only
// beside its absolute one; where a scenario's clock runs, real time is labelled.
// An act of which it is in doubt whose it is bears a mark wherever it is named.
// What is an exercise or a replay says so in the header, at each act, and in the
// margin of print.
//
// # How it is built
//
// Routes stand in one function (routes.go). A page is one Go file with one
// struct of data, and one folder under static with its template and style.
// Handlers return errors; one adapter renders them (errors.go): what one may
// not see is 404, too small a role 403, bad input 400 with the input kept.
// Every string of the interface is a key of package i18n; a test finds those
// that have no translation.
//
// Nothing is loaded from elsewhere and nothing is inline, so that the content
// security policy can forbid both; texts of acts come from other houses and are
// only ever text.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
	"github.com/comity/comity/internal/web/worldmap"
	"github.com/comity/comity/internal/world"
	"github.com/comity/comity/keys"
)

// Desk is what the pages show and do. *desk.Desk implements it; what a person
// may see and do is decided there, and errors whose texts are fit for users
// come from there. It is used by many requests at once.
type Desk interface {
	Now() comity.Time // the node's clock
	Self() desk.Self
	Name(p comity.Party) string // as people say it, at the clock's date; else the code

	Situations(ctx context.Context, who desk.Who) ([]casefile.View, error)
	Situation(ctx context.Context, who desk.Who, name comity.ActName) (casefile.View, error)
	Asks(ctx context.Context, who desk.Who, f desk.AskFilter) ([]casefile.AskView, error)
	Held() int64 // position of the newest act held here
	Acts(ctx context.Context, who desk.Who, after int64, limit int) ([]desk.Held, error)
	Act(ctx context.Context, who desk.Who, name comity.ActName) (desk.Held, error)
	Proof(ctx context.Context, who desk.Who, name comity.ActName, accepted bool) ([]byte, error)

	Preview(ctx context.Context, who desk.Who, doc []byte) (desk.Preview, error)
	IssueOnce(ctx context.Context, who desk.Who, key string, doc []byte) (desk.Issued, error)
	Answered(ctx context.Context, who desk.Who, key string) (desk.Issued, bool, error)
	Drafts(ctx context.Context, who desk.Who) ([]desk.Draft, error)
	Release(ctx context.Context, who desk.Who, id int64) (desk.Issued, error)
	Discard(ctx context.Context, who desk.Who, id int64) error

	Peers(ctx context.Context, who desk.Who) ([]desk.PeerView, error)
	Peer(ctx context.Context, who desk.Who, domain comity.Domain) (desk.PeerDetail, error)
	PausePeer(ctx context.Context, who desk.Who, domain comity.Domain, paused bool) error
	Evidence(ctx context.Context, who desk.Who, domain comity.Domain) ([]byte, error)
	EvidenceAct(ctx context.Context, who desk.Who, name comity.ActName) (desk.Evidence, bool, error)
	Record(ctx context.Context, who desk.Who) (desk.Record, error)
	Doubts(context.Context) (keys.Doubts, error)
	Digest(context.Context) (casefile.Digest, error)
}

// Watch is what the pages of watching show and do. Who may see and do it is
// decided there. Its errors are as those of Desk, and watch.Mistakes.
type Watch interface {
	watch.Pages
	FeedKeeper
	JobKeeper
}

// Sessions of people in browsers. An error that wraps person.ErrCredential
// means that what was presented signs nobody in, and says why.
type Sessions interface {
	SignIn(ctx context.Context, linkToken string) (sessionToken string, err error)
	Session(ctx context.Context, token string) (desk.Who, error)
	SignOut(ctx context.Context, token string) error
}

// Scenario is the clock of a demonstration, which people on its pages move.
// Step waits until the acts due by then are issued.
type Scenario interface {
	Now() comity.Time
	Step(ctx context.Context, to string) error // day, week, next
	Play(ctx context.Context, on bool)
	Playing() bool
	Next() comity.Time // when the next act is due; zero if none is left
}

// Config of the pages. Desk and Sessions must be set.
type Config struct {
	Desk     Desk
	Sessions Sessions
	Scenario Scenario // nil outside a demonstration
	Watch    Watch    // nil: this node watches nothing
	Logger   *slog.Logger
	Version  string

	// Held, if set, returns why nothing is recorded now; nil while acts are.
	Held func() error

	// Cookie is the name of the session's cookie; default SessionCookie of
	// the organization's domain.
	Cookie string
}

// SessionCookie is the name of the cookie that holds a session. It carries
// the domain, because browsers do not keep the cookies of two ports of one
// machine apart.
func SessionCookie(d comity.Domain) string {
	return "comity_session_" + strings.ReplaceAll(string(d), ".", "_")
}

// site is the pages of one node.
type site struct {
	c     Config
	self  desk.Self
	langs i18n.Set
	world *world.World
	files *assets
	// What takes a moment to read is read when a page first needs it, so that
	// many nodes start quickly; tests read all of it.
	atlas func() (*worldmap.Atlas, error)
	pages map[string]func() *pages // by language
}

// New returns the handler of all pages.
func New(c Config) http.Handler { return newSite(c).handler() }

func newSite(c Config) *site {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &site{c: c, self: c.Desk.Self(), files: newAssets(), pages: map[string]func() *pages{}, atlas: sync.OnceValues(worldmap.Load)}
	if s.c.Cookie == "" {
		s.c.Cookie = SessionCookie(s.self.Domain)
	}
	var err error
	if s.langs, err = i18n.Load(); err != nil {
		panic("web: " + err.Error()) // a file built into the program is damaged
	}
	if s.world, err = world.Load(); err != nil {
		panic("web: " + err.Error())
	}
	for _, l := range s.langs {
		s.pages[l.Tag] = sync.OnceValue(func() *pages { return newPages(&printer{s, l}) })
	}
	return s
}

// policy is the content security policy: everything from here, nothing inline.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// handler puts what holds for every request around the routes.
func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	s.routes(mux)
	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(s.page(func(http.ResponseWriter, *request) error { return errCrossOrigin }))
	guarded := csrf.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // a sign-in link must not leak to anywhere else
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		limit := int64(maxForm)
		if strings.HasPrefix(r.URL.Path, "/watch/feeds") { // where files are sent
			limit += maxUpload
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		guarded.ServeHTTP(w, r)
	})
}

// maxForm bounds what a form may send: an act of the largest size, escaped.
const maxForm = 512 << 10
