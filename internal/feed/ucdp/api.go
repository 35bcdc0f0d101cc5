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
	API:       func(*url.URL) feed.API { return api{} },
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

// Fetch implements feed.API. An answer says how many events there are, and pages are
// cut out of what there is when each is asked for: a release that is changed meanwhile
// is not read, since an event that is missed would be taken for one that it does not
// have.
func (api) Fetch(ctx context.Context, web *feed.Web, q feed.Query, w io.Writer) (feed.Fetched, error) {
	u := *q.Address
	query := u.Query()
	if query.Get("pagesize") == "" {
		query.Set("pagesize", "1000") // as many as it gives
	}
	u.RawQuery = query.Encode()
	first, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return feed.Fetched{}, err
	}
	if q.Login.Password != "" {
		first.Header.Set("x-ucdp-access-token", q.Login.Password)
	}
	total := int64(-1) // not known yet
	seen := map[string]bool{}
	err = web.Pages(ctx, first, w, feed.IsJSON, func(last *http.Request, page []byte) (*http.Request, error) {
		var answer struct {
			Total  *int64 `json:"TotalCount"`
			Next   string `json:"NextPageUrl"`
			Result *[]struct {
				ID json.RawMessage `json:"id"`
			}
		}
		if err := json.Unmarshal(page, &answer); err != nil || answer.Result == nil {
			return nil, fmt.Errorf("UCDP answers without events: %.300s", page)
		}
		for _, e := range *answer.Result {
			seen[string(e.ID)] = true
		}
		if answer.Total != nil && total >= 0 && *answer.Total != total {
			return nil, fmt.Errorf("UCDP changed its events while they were read: first there were %d, then %d; nothing of it was taken, run it again", total, *answer.Total)
		}
		if answer.Total != nil {
			total = *answer.Total
		}
		if answer.Next == "" {
			return nil, nil
		}
		next, err := last.URL.Parse(answer.Next)
		if err != nil {
			return nil, fmt.Errorf("UCDP's next page: %w", err)
		}
		if next.Host == last.URL.Host {
			next.Scheme = last.URL.Scheme // behind a proxy it takes itself for http
		}
		r := last.Clone(ctx)
		r.URL = next
		return r, nil
	})
	if err == nil && total >= 0 && int64(len(seen)) != total && !query.Has("page") {
		err = fmt.Errorf("UCDP says that it has %d events, and its pages have %d; nothing of it was taken, run it again", total, len(seen))
	}
	return feed.Fetched{}, err
}
