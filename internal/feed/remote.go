package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Login is what a source asks for before it answers. It is never written down.
type Login struct{ User, Password string }

// API is how a source is asked over HTTP, page by page. Its pages, one after the
// other, are a file that the adapter reads.
type API interface {
	// First is the request for the first page. Where the source wants a login, this
	// asks for leave with c.
	First(ctx context.Context, c *http.Client, address *url.URL, l Login) (*http.Request, error)
	// Next is the request for the page after one; nil: that was the last.
	Next(last *http.Request, page []byte) (*http.Request, error)
}

// Bounds of what Fetch takes.
const (
	MaxPage  = 64 << 20 // bytes
	maxPages = 20_000
)

// Fetch writes what a source answers to w, page by page, each ended by a new line.
// Without an api that is one page, of any length up to most bytes, as it came.
// Pages of an api come from the host of its address, or not at all.
func Fetch(ctx context.Context, c *http.Client, a API, address string, l Login, w io.Writer, most int64) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("%s is no address on the web", u.Redacted())
	}
	if a == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return err
		}
		body, err := Ask(c, req)
		if err != nil {
			return err
		}
		defer body.Close()
		n, err := io.Copy(w, io.LimitReader(body, most+1))
		if err == nil && n > most {
			err = tooLong(u, most)
		}
		return err
	}
	stay := *c
	stay.CheckRedirect = sameHost
	c = &stay
	req, err := a.First(ctx, c, u, l)
	if err != nil {
		return err
	}
	for n := 0; req != nil; n++ {
		if n == maxPages {
			return fmt.Errorf("%s does not end after %d pages", u.Redacted(), n)
		}
		body, err := Ask(c, req)
		if err != nil {
			return err
		}
		bound := min(MaxPage, most)
		page, err := io.ReadAll(io.LimitReader(body, bound+1))
		if err = errors.Join(err, body.Close()); err != nil {
			return err
		}
		if int64(len(page)) > bound {
			return tooLong(u, bound)
		}
		most -= int64(len(page))
		if _, err := w.Write(append(page, '\n')); err != nil {
			return err
		}
		next, err := a.Next(req, page)
		if err != nil {
			return err
		}
		if next != nil && (next.URL.Host != req.URL.Host || next.URL.Scheme != req.URL.Scheme) {
			return fmt.Errorf("the page after %s is elsewhere: %s", req.URL.Redacted(), next.URL.Redacted())
		}
		if next != nil && next.URL.String() == req.URL.String() {
			return fmt.Errorf("the page after %s is the same again", req.URL.Redacted())
		}
		req = next
	}
	return nil
}

// sameHost keeps logins and tokens where they belong: package http takes only some
// headers away when an answer leads elsewhere.
func sameHost(next *http.Request, via []*http.Request) error {
	if first := via[0].URL; next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		return fmt.Errorf("it leads elsewhere: %s", next.URL.Redacted())
	}
	if len(via) >= 10 {
		return errors.New("it leads in circles")
	}
	return nil
}

func tooLong(u *url.URL, most int64) error {
	return fmt.Errorf("%s answers with more than %d bytes", u.Redacted(), most)
}

// Ask returns the body of an answer that is 200 OK.
func Ask(c *http.Client, r *http.Request) (io.ReadCloser, error) {
	resp, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		what, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
		resp.Body.Close()
		return nil, fmt.Errorf("%s %s answered %s: %q", r.Method, r.URL.Redacted(), resp.Status, what)
	}
	return resp.Body, nil
}
