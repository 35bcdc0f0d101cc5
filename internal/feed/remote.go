package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Login is what a source asks for before it answers. It is never written down.
type Login struct{ User, Password string }

// Query is what a source is asked for.
type Query struct {
	Address *url.URL
	Login   Login
	Now     time.Time
	// Version is the newest that a reading had which ended well, as Fetched said;
	// Since is when the first such reading began. Zero: there was none.
	Version string
	Since   time.Time
}

// Fetched is what an API says of what it wrote.
type Fetched struct {
	Version string // up to which the source was read; empty: the rows say it, or the address
	Note    string // what is missing, for whoever looks at the reading
}

// API is how a source is asked over HTTP. What it writes is a file that the adapter
// reads.
type API interface {
	// Fetch asks for all that a query is for, by way of web, and writes it to w. After
	// an error what was written is of no use.
	Fetch(ctx context.Context, web *Web, q Query, w io.Writer) (Fetched, error)
}

// ParseAddress reads an address on the web.
func ParseAddress(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("%s is no address on the web", u.Redacted())
	}
	return u, nil
}

// Bounds of what is taken.
const (
	MaxPage  = 64 << 20 // bytes
	maxPages = 20_000
)

// Web asks a source, and asks again what may be answered the next time: too many
// questions, an error of the server, an answer that breaks off or does not come. It
// follows no answer to another host, since a login goes along.
type Web struct {
	Client *http.Client
	Most   int64         // bytes that are taken in all
	Idle   time.Duration // an answer of which nothing comes for so long is broken off; 0: IdleTime
	// Wait waits; nil: by the machine's clock.
	Wait func(context.Context, time.Duration) error
}

// IdleTime is for how long nothing may come of an answer.
const IdleTime = 2 * time.Minute

// pauses between attempts, if the source does not say how long; maxPause bounds what
// it may say.
var pauses = []time.Duration{2 * time.Second, 15 * time.Second, time.Minute}

const maxPause = 5 * time.Minute

// StatusError is an answer other than 200 OK.
type StatusError struct {
	Code   int
	Answer string        // the beginning of it
	After  time.Duration // for how long the source wants not to be asked; 0: it does not say
	what   string        // was asked
}

// Error implements error.
func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s answered %d %s", e.what, e.Code, http.StatusText(e.Code))
	if e.Answer != "" {
		s += fmt.Sprintf(": %q", e.Answer)
	}
	if e.After > 0 {
		s += fmt.Sprintf("; it wants not to be asked for %v", e.After)
	}
	return s
}

// Passing reports whether the same question may be answered later.
func (e *StatusError) Passing() bool {
	switch e.Code {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

var errElsewhere = errors.New("it leads elsewhere")

// Get returns an answer of at most MaxPage bytes: all, or the part that the request asks
// for in a Range. check, which may be nil, says what is
// wrong with one that is 200 OK: such an answer, too, is asked for again. r has no body,
// or one that can be sent again.
func (w *Web) Get(ctx context.Context, r *http.Request, check func([]byte) error) ([]byte, error) {
	for n := 0; ; n++ {
		page, err := w.once(ctx, r)
		if err == nil && check != nil {
			err = check(page)
		}
		if err == nil {
			return page, nil
		}
		var status *StatusError
		known := errors.As(err, &status)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, errElsewhere), errors.Is(err, ErrTooLong), known && !status.Passing():
			return nil, err
		case n == len(pauses):
			return nil, fmt.Errorf("%w (asked %d times)", err, n+1)
		}
		pause := pauses[n]
		if known && status.After > 0 {
			pause = status.After
		}
		if pause > maxPause {
			return nil, err
		}
		if err := w.wait(ctx, pause); err != nil {
			return nil, err
		}
	}
}

func (w *Web) wait(ctx context.Context, d time.Duration) error {
	if w.Wait != nil {
		return w.Wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// ErrTooLong says that there is more than is taken.
var ErrTooLong = errors.New("the answer is too long")

func (w *Web) once(ctx context.Context, r *http.Request) ([]byte, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	again := r.Clone(ctx)
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		again.Body = body
	}
	c := *w.Client
	c.CheckRedirect = sameHost
	late := time.AfterFunc(idleTime(w.Idle), func() { stop(errSilent) })
	resp, err := c.Do(again)
	late.Stop()
	if err != nil {
		return nil, unanswered(ctx, r, err)
	}
	defer resp.Body.Close()
	body := Lively(resp.Body, w.Idle, stop)
	if part := resp.StatusCode == http.StatusPartialContent && r.Header.Get("Range") != ""; resp.StatusCode != http.StatusOK && !part {
		what, _ := io.ReadAll(io.LimitReader(body, 300)) // it is an error in any case
		return nil, &StatusError{resp.StatusCode, string(bytes.ToValidUTF8(bytes.TrimSpace(what), nil)), retryAfter(resp), r.Method + " " + bare(r.URL)}
	}
	bound := min(MaxPage, w.Most)
	page, err := io.ReadAll(io.LimitReader(body, bound+1))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", bare(r.URL), err)
	}
	if int64(len(page)) > bound {
		return nil, fmt.Errorf("%w: %s answers with more than %d bytes", ErrTooLong, bare(r.URL), bound)
	}
	w.Most -= int64(len(page))
	return page, nil
}

var errSilent = errors.New("nothing came of it for too long")

// unanswered says why there is no answer, without what stands in the query.
func unanswered(ctx context.Context, r *http.Request, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(context.Cause(ctx), errSilent) {
		err = errSilent
	}
	return fmt.Errorf("%s did not answer: %w", bare(r.URL), err)
}

// bare is an address without its query, in which some sources want to see a login.
func bare(u *url.URL) string {
	v := *u
	v.RawQuery, v.User = "", nil
	return v.String()
}

// retryAfter is what an answer says of when to ask again
// (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after).
func retryAfter(r *http.Response) time.Duration {
	s := r.Header.Get("Retry-After")
	if n, err := strconv.Atoi(s); err == nil && n > 0 && n < 1<<30 {
		return time.Duration(n) * time.Second
	}
	at, err := http.ParseTime(s)
	now, err2 := http.ParseTime(r.Header.Get("Date"))
	if err != nil || err2 != nil || !at.After(now) {
		return 0
	}
	return at.Sub(now)
}

// Lively reads an answer, and stops its request if nothing of it comes for the time
// idle; 0: IdleTime.
func Lively(r io.Reader, idle time.Duration, stop context.CancelCauseFunc) io.Reader {
	return &lively{r, idleTime(idle), stop}
}

func idleTime(d time.Duration) time.Duration {
	if d == 0 {
		return IdleTime
	}
	return d
}

type lively struct {
	r    io.Reader
	idle time.Duration
	stop context.CancelCauseFunc
}

// Read implements io.Reader.
func (l *lively) Read(p []byte) (int, error) {
	t := time.AfterFunc(l.idle, func() { l.stop(errSilent) })
	n, err := l.r.Read(p)
	if !t.Stop() && err != nil && err != io.EOF {
		err = errSilent
	}
	return n, err
}

// IsJSON is a check of an answer: web servers and guards before them answer with
// pages, too.
func IsJSON(page []byte) error {
	if json.Valid(page) {
		return nil
	}
	if isPage(page) {
		return errors.New("the source answers with a web page instead of data: it may want a login, or keep out programs")
	}
	return fmt.Errorf("the answer is no JSON, or breaks off: it begins with %.60q", page)
}

// Pages gets page after page and writes each, ended by a new line. next is the request
// after a page; nil: that was the last. All come from the host of the first, or not at
// all. check is that of Get.
func (w *Web) Pages(ctx context.Context, first *http.Request, out io.Writer, check func([]byte) error, next func(last *http.Request, page []byte) (*http.Request, error)) error {
	for n, r := 0, first; ; n++ {
		if n == maxPages {
			return fmt.Errorf("%s does not end after %d pages", bare(r.URL), n)
		}
		page, err := w.Get(ctx, r, check)
		if err != nil {
			return err
		}
		after, err := next(r, page)
		if err != nil {
			return err
		}
		if _, err := out.Write(append(page, '\n')); err != nil {
			return err
		}
		switch {
		case after == nil:
			return nil
		case after.URL.Host != r.URL.Host || after.URL.Scheme != r.URL.Scheme:
			return fmt.Errorf("the page after %s is elsewhere: %s", bare(r.URL), bare(after.URL))
		case after.URL.String() == r.URL.String():
			return fmt.Errorf("the page after %s is the same again", bare(r.URL))
		}
		r = after
	}
}

// sameHost keeps logins and tokens where they belong: package http takes only some
// headers away when an answer leads elsewhere.
func sameHost(next *http.Request, via []*http.Request) error {
	if first := via[0].URL; next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		return fmt.Errorf("%w: %s", errElsewhere, bare(next.URL))
	}
	if len(via) >= 10 {
		return errors.New("it leads in circles")
	}
	return nil
}
