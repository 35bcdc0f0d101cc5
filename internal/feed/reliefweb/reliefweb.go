// Package reliefweb reads the answers of the ReliefWeb API of OCHA, version 2 and
// the same in version 1, which is closed: reports and disasters.
//
// An item is what somebody wrote about a country, not an incident: it has no
// deaths, no type of violence and no point. Its day is that on which it was first
// published (or a disaster began), its Version the time of its last change, its
// Category the format of the report or the type of the disaster. Its Country is the
// primary one; with several countries and no primary one it has none.
//
// https://apidoc.reliefweb.int/
package reliefweb

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/objects"
	"github.com/comity/comity/internal/feed/place"
)

// Reports reads the answers, and asks for them; see api.
var Reports = feed.Adapter{
	Name:    "reliefweb",
	Title:   "ReliefWeb reports and disasters, API",
	Licence: "ReliefWeb API; each item under the terms of who wrote it",
	Newer:   newer,
	API:     func(*url.URL) feed.API { return api{} },
	Open:    open,
}

type reader struct {
	*objects.Reader
	places *place.Index
	texts  *feed.Texts
}

func open(src io.Reader, o feed.Options) (feed.Reader, error) {
	x, err := place.Load()
	return &reader{objects.New(src, o.Row, "data"), x, feed.NewTexts()}, err
}

// item as the API gives it. What is named twice is of reports first, then of
// disasters.
type item struct {
	ID     json.RawMessage `json:"id"` // a number or text
	Href   string          `json:"href"`
	Fields struct {
		Title    string    `json:"title"`
		Name     string    `json:"name"`
		URL      string    `json:"url"`
		Alias    string    `json:"url_alias"`
		Status   string    `json:"status"`
		Primary  country   `json:"primary_country"`
		Country  []country `json:"country"`
		Source   []named   `json:"source"`
		Format   []named   `json:"format"`
		Disaster []named   `json:"disaster_type"`
		Type     []named   `json:"type"`
		Date     struct {
			Original string `json:"original"`
			Event    string `json:"event"`
			Created  string `json:"created"`
			Changed  string `json:"changed"`
		} `json:"date"`
	} `json:"fields"`
}

type named struct {
	Name      string `json:"name"`
	ShortName string `json:"shortname"`
}

type country struct {
	named
	ISO3 string `json:"iso3"`
}

// Next implements feed.Reader.
func (r *reader) Next(e *feed.Event) error {
	if err := r.Reader.Next(); err != nil {
		return err
	}
	var it item
	if err := json.Unmarshal(r.Raw(), &it); err != nil {
		return r.Fault("", "is no item: "+err.Error())
	}
	if member, reason := r.event(e, &it); reason != "" {
		return r.Fault(member, reason)
	}
	return nil
}

func (r *reader) event(e *feed.Event, it *item) (member, reason string) {
	*e = feed.Event{}
	e.Key = strings.Trim(string(it.ID), `"`)
	if n, ok := feed.ParseInt([]byte(e.Key)); !ok || n < 0 {
		return "id", "is no number"
	}
	f := &it.Fields
	began := cmp.Or(f.Date.Original, f.Date.Event, f.Date.Created)
	var ok bool
	if e.From, ok = feed.ParseDay([]byte(began)); !ok {
		return "fields.date", "neither original nor event nor created is a date: " + string(feed.Cut([]byte(began), 40))
	}
	e.To, e.DatePrec = e.From, 1
	e.Version = cut(cmp.Or(f.Date.Changed, f.Date.Created))
	if e.Title = cut(cmp.Or(f.Title, f.Name)); e.Title == "" {
		return "fields.title", "is missing"
	}
	e.Category = cut(join(append(append(f.Format, f.Disaster...), f.Type...)))
	e.Grade = cut(f.Status)
	e.Source = cut(join(f.Source))
	e.URL = feed.WebAddress(cmp.Or(f.Alias, f.URL))
	primary := f.Primary
	if primary.ISO3 == "" && len(f.Country) == 1 {
		primary = f.Country[0]
	}
	if primary.ISO3 == "" && len(f.Country) > 1 {
		e.CountryBy = feed.UnknownSeveral
	}
	if primary.ISO3 != "" {
		e.Country, e.GW = r.places.ISO3(primary.ISO3)
		e.WherePrec, e.Place = 6, cut(primary.Name)
	}
	return "", ""
}

func newer(a, b string) bool {
	x, errA := time.Parse(time.RFC3339, a)
	y, errB := time.Parse(time.RFC3339, b)
	if errA != nil || errB != nil {
		return errA == nil
	}
	return x.After(y)
}

// api asks https://api.reliefweb.int/v2/reports or …/disasters. ReliefWeb wants to
// know who asks: the user of the login, or appname in the address, is a name that it
// has approved beforehand.
type api struct{}

// Fetch implements feed.API. The oldest items come first, unless the address says
// otherwise: what is published meanwhile then stands behind what was read.
func (api) Fetch(ctx context.Context, web *feed.Web, q feed.Query, w io.Writer) (feed.Fetched, error) {
	if strings.HasPrefix(q.Address.Path, "/v1/") {
		return feed.Fetched{}, errors.New("version 1 of ReliefWeb's API is closed; the address of version 2 begins with /v2/")
	}
	u := *q.Address
	query := u.Query()
	if query.Get("appname") == "" {
		query.Set("appname", q.Login.User)
	}
	if query.Get("appname") == "" {
		return feed.Fetched{}, errors.New("ReliefWeb answers only to a name that it has approved: give it as the user of the login")
	}
	for name, value := range map[string]string{"limit": "1000" /* as many as it gives */, "profile": "list", "sort[]": "date.created:asc"} {
		if word, _, _ := strings.Cut(name, "["); !strings.Contains(u.RawQuery, word) && !(word == "profile" && strings.Contains(u.RawQuery, "fields")) {
			query.Set(name, value)
		}
	}
	u.RawQuery = query.Encode()
	first, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return feed.Fetched{}, err
	}
	total := int64(-1) // not known
	seen := map[string]bool{}
	err = web.Pages(ctx, first, w, feed.IsJSON, func(last *http.Request, page []byte) (*http.Request, error) {
		var answer struct {
			Total *int64 `json:"totalCount"`
			Links struct {
				Next struct {
					Href string `json:"href"`
				} `json:"next"`
			} `json:"links"`
			Data *[]struct {
				ID json.RawMessage `json:"id"`
			} `json:"data"`
			Error struct {
				Message string `json:"message"`
			} `json:"error"`
		}
		err := json.Unmarshal(page, &answer)
		switch {
		case answer.Error.Message != "":
			return nil, fmt.Errorf("ReliefWeb answers: %.300s", answer.Error.Message)
		case err != nil || answer.Data == nil:
			return nil, fmt.Errorf("ReliefWeb answers without items: %.300s", page)
		}
		if answer.Total != nil {
			total = *answer.Total
		}
		for _, x := range *answer.Data {
			seen[string(x.ID)] = true
		}
		if answer.Links.Next.Href == "" || len(*answer.Data) == 0 {
			return nil, nil
		}
		next, err := last.URL.Parse(answer.Links.Next.Href)
		if err != nil {
			return nil, fmt.Errorf("ReliefWeb's next page: %w", err)
		}
		if next.Host == last.URL.Host {
			next.Scheme = last.URL.Scheme
		}
		query := next.Query()
		query.Set("appname", last.URL.Query().Get("appname"))
		next.RawQuery = query.Encode()
		r := last.Clone(ctx)
		r.URL = next
		return r, nil
	})
	if err == nil && int64(len(seen)) < total && !query.Has("offset") {
		err = fmt.Errorf("ReliefWeb says that it has %d items, and its pages have %d; nothing of it was taken, run it again, or ask for fewer by a filter in the address", total, len(seen))
	}
	return feed.Fetched{}, err
}

func join(all []named) string {
	var out []string
	for _, n := range all {
		if s := cmp.Or(n.ShortName, n.Name); s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, "; ")
}

func cut(s string) string { return string(feed.Cut([]byte(strings.TrimSpace(s)), feed.MaxText)) }
