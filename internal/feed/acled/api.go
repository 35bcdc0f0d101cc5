package acled

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/comity/comity/internal/feed"
)

// api asks https://acleddata.com/api/acled/read, and then …/api/deleted/read for the
// events that ACLED has removed since they were read last. It does so with a token that
// it gets for the login at /oauth/token of the same host, and gets another if that one
// is refused: it holds for a day.
type api struct{}

const mostRows = 5000

// overlap is for how long before the last reading removals are asked for again: clocks
// differ, and ACLED takes its time to publish.
const overlap = 7 * 24 * time.Hour

// Fetch implements feed.API. Version is when ACLED was asked, up to which its removals
// are known.
func (api) Fetch(ctx context.Context, web *feed.Web, q feed.Query, w io.Writer) (feed.Fetched, error) {
	if q.Login.User == "" || q.Login.Password == "" {
		return feed.Fetched{}, errors.New("ACLED answers only to whom it knows: a login is needed")
	}
	s := &session{web: web, q: q}
	u := *q.Address
	query := u.Query()
	query.Set("_format", "json")
	if n, err := strconv.Atoi(query.Get("limit")); err != nil || n < 1 || n > mostRows {
		query.Set("limit", strconv.Itoa(mostRows))
	}
	if err := s.pages(ctx, u, query, w); err != nil {
		return feed.Fetched{}, err
	}
	done := feed.Fetched{Version: q.Now.UTC().Format(time.RFC3339)}
	since := q.Since
	if t, err := time.Parse(time.RFC3339, q.Version); err == nil {
		since = t
	}
	base, ok := strings.CutSuffix(u.Path, "/acled/read")
	if !ok || since.IsZero() {
		return done, nil // nothing was read that could be removed
	}
	u.Path = base + "/deleted/read"
	err := s.pages(ctx, u, url.Values{"_format": {"json"}, "limit": {query.Get("limit")},
		"deleted_timestamp": {strconv.FormatInt(since.Add(-overlap).Unix(), 10)}, "deleted_timestamp_where": {">="}}, w)
	var status *feed.StatusError
	if errors.As(err, &status) && (status.Code == http.StatusForbidden || status.Code == http.StatusNotFound) {
		done.Version = q.Version
		done.Note = "which events ACLED has removed since is not known, and they stay: " + err.Error()
		return done, nil
	}
	return done, err
}

// session asks as somebody whom ACLED knows.
type session struct {
	web   *feed.Web
	q     feed.Query
	token string
}

// pages writes all pages of an address, up to one that is empty: one that is not full
// need not be the last, as ACLED may give fewer rows than it was asked for.
func (s *session) pages(ctx context.Context, u url.URL, query url.Values, w io.Writer) error {
	var before [sha256.Size]byte
	for page := 1; ; page++ {
		if page > 20_000 {
			return fmt.Errorf("%s does not end after %d pages", u.Path, page)
		}
		query.Set("page", strconv.Itoa(page))
		u.RawQuery = query.Encode()
		text, err := s.get(ctx, u.String())
		if err != nil {
			return err
		}
		var answer struct {
			Status  json.RawMessage    `json:"status"`
			Success *bool              `json:"success"`
			Error   json.RawMessage    `json:"error"`
			Data    *[]json.RawMessage `json:"data"`
		}
		err = json.Unmarshal(text, &answer)
		if len(answer.Error) > 0 && string(answer.Error) != "null" && string(answer.Error) != "[]" {
			return fmt.Errorf("ACLED answers: %.300s", answer.Error)
		}
		if err != nil || answer.Data == nil || answer.Success != nil && !*answer.Success || len(answer.Status) > 0 && string(answer.Status) != "200" {
			return fmt.Errorf("ACLED answers without events: %.300s", text)
		}
		sum := sha256.Sum256(bytes.Join(raw(*answer.Data), nil))
		switch {
		case page > 1 && len(*answer.Data) == 0:
			return nil
		case page > 1 && sum == before:
			return fmt.Errorf("ACLED's page %d is the same as the one before; nothing of it was taken", page)
		}
		before = sum
		if _, err := w.Write(append(text, '\n')); err != nil {
			return err
		}
		if len(*answer.Data) == 0 {
			return nil
		}
	}
}

func raw(all []json.RawMessage) [][]byte {
	out := make([][]byte, len(all))
	for i, r := range all {
		out[i] = r
	}
	return out
}

// get asks, and once more with a new token if the one that there is does not hold any
// more.
func (s *session) get(ctx context.Context, address string) ([]byte, error) {
	for fresh := false; ; fresh = true {
		if s.token == "" {
			if err := s.signIn(ctx); err != nil {
				return nil, fmt.Errorf("ACLED gives no leave: %w", err)
			}
			fresh = true
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+s.token)
		page, err := s.web.Get(ctx, r, feed.IsJSON)
		var status *feed.StatusError
		if !fresh && errors.As(err, &status) && (status.Code == http.StatusUnauthorized || status.Code == http.StatusForbidden) {
			s.token = ""
			continue
		}
		return page, err
	}
}

func (s *session) signIn(ctx context.Context) error {
	form := url.Values{"username": {s.q.Login.User}, "password": {s.q.Login.Password}, "grant_type": {"password"}, "client_id": {"acled"}, "scope": {"authenticated"}}
	at := url.URL{Scheme: s.q.Address.Scheme, Host: s.q.Address.Host, Path: "/oauth/token"}
	ask, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	text, err := s.web.Get(ctx, ask, feed.IsJSON)
	if err != nil {
		return err
	}
	var leave struct {
		Type  string `json:"token_type"`
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(text, &leave); err != nil || leave.Token == "" || !strings.EqualFold(leave.Type, "Bearer") {
		return errors.New("the answer holds no bearer token")
	}
	s.token = leave.Token
	return nil
}
