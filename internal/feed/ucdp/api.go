package ucdp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/objects"
)

// API reads the answers of UCDP's API, https://ucdpapi.pcr.uu.se/api/gedevents/25.1,
// and asks it. The release is the last part of the address. The password of the
// login, if there is one, is the token that UCDP gives.
var API = feed.Adapter{
	Name:      "ucdp-api",
	Title:     "UCDP Georeferenced Event Dataset and Candidate Events, API",
	Licence:   licence,
	Newer:     Newer,
	Replaces:  Replaces,
	VersionOf: VersionOf,
	Whole:     wholeAnswer,
	API:       api{},
	Open:      openAPI,
}

// wholeAnswer reports whether an address asks for a release with all that is in it:
// nothing but the size of pages is said.
func wholeAnswer(address string) bool {
	u, err := url.Parse(address)
	if err != nil || path.Base(path.Dir(u.Path)) != "gedevents" {
		return false
	}
	q := u.Query()
	q.Del("pagesize")
	return len(q) == 0
}

type apiReader struct {
	*objects.Reader
	*maker
}

func openAPI(src io.Reader, o feed.Options) (feed.Reader, error) {
	m, err := newMaker(o.Version)
	return &apiReader{objects.New(src, o.Row, "Result"), m}, err
}

// Next implements feed.Reader.
func (r *apiReader) Next(e *feed.Event) error {
	if err := r.Reader.Next(); err != nil {
		return err
	}
	var row row
	members := r.Members()
	for c, all := range names {
		for _, name := range all {
			if v, ok := members[name]; ok {
				row[c] = v
				break
			}
		}
	}
	if c, reason := r.event(e, &row); reason != "" {
		return r.Fault(names[c][0], reason)
	}
	return nil
}

type api struct{}

// First implements feed.API.
func (api) First(ctx context.Context, _ *http.Client, address *url.URL, l feed.Login) (*http.Request, error) {
	u := *address
	q := u.Query()
	if q.Get("pagesize") == "" {
		q.Set("pagesize", "1000") // as many as it gives
	}
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err == nil && l.Password != "" {
		req.Header.Set("x-ucdp-access-token", l.Password)
	}
	return req, err
}

// Next implements feed.API.
func (api) Next(last *http.Request, page []byte) (*http.Request, error) {
	var answer struct {
		Next string `json:"NextPageUrl"`
	}
	if err := json.Unmarshal(page, &answer); err != nil {
		return nil, fmt.Errorf("UCDP's answer: %w", err)
	}
	if answer.Next == "" {
		return nil, nil
	}
	u, err := last.URL.Parse(answer.Next)
	if err != nil {
		return nil, fmt.Errorf("UCDP's next page: %w", err)
	}
	if u.Host == last.URL.Host {
		u.Scheme = last.URL.Scheme // behind a proxy it takes itself for http
	}
	next := last.Clone(last.Context())
	next.URL = u
	return next, nil
}
