package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxRedirects of one request.
const maxRedirects = 5

// Outside returns a client for an address on the web that an operator has typed:
// of a source of events, say. It goes where that leads, also to a private address,
// and follows redirects, but those only to the public Internet, and not from https
// to http. An answer has to begin within a minute.
func Outside(address string) (*http.Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%q is no address on the web", address)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	typed := net.JoinHostPort(u.Hostname(), port)
	public := newTransport(false)
	public.ResponseHeaderTimeout = time.Minute
	public.DisableCompression = false
	checked, any := public.DialContext, newTransport(true).DialContext
	public.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
		if to == typed {
			return any(ctx, network, to)
		}
		return checked(ctx, network, to)
	}
	return &http.Client{Transport: public, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch {
		case len(via) > maxRedirects:
			return errors.New("it is redirected on and on")
		case via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https":
			return errors.New("it is redirected from https to " + r.URL.Scheme)
		}
		return nil
	}}, nil
}
