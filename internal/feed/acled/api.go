package acled

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/comity/comity/internal/feed"
)

// api asks https://acleddata.com/api/acled/read, with leave that it gets for the
// login at /oauth/token of the same host and that holds for a day. Pages have
// the number of rows that the address says (limit), or as many as ACLED gives
// at most.
type api struct{}

const mostRows = 5000

// First implements feed.API.
func (api) First(ctx context.Context, c *http.Client, address *url.URL, l feed.Login) (*http.Request, error) {
	if l.User == "" || l.Password == "" {
		return nil, errors.New("ACLED answers only to whom it knows: a login is needed")
	}
	form := url.Values{"username": {l.User}, "password": {l.Password}, "grant_type": {"password"}, "client_id": {"acled"}}
	token := url.URL{Scheme: address.Scheme, Host: address.Host, Path: "/oauth/token"}
	ask, err := http.NewRequestWithContext(ctx, http.MethodPost, token.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	body, err := feed.Ask(c, ask)
	if err != nil {
		return nil, fmt.Errorf("ACLED gives no leave: %w", err)
	}
	defer body.Close()
	var leave struct {
		Type  string `json:"token_type"`
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(io.LimitReader(body, 1<<20)).Decode(&leave); err != nil || leave.Token == "" || !strings.EqualFold(leave.Type, "Bearer") {
		return nil, errors.New("ACLED gives no leave: its answer holds no bearer token")
	}
	u := *address
	q := u.Query()
	q.Set("_format", "json")
	q.Set("page", "1")
	if n, err := strconv.Atoi(q.Get("limit")); err != nil || n < 1 || n > mostRows {
		q.Set("limit", strconv.Itoa(mostRows))
	}
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+leave.Token)
	return req, nil
}

// Next implements feed.API. The last page is the one that is not full.
func (api) Next(last *http.Request, page []byte) (*http.Request, error) {
	var answer struct {
		Success *bool             `json:"success"`
		Data    []json.RawMessage `json:"data"`
		Error   json.RawMessage   `json:"error"`
	}
	if err := json.Unmarshal(page, &answer); err != nil {
		return nil, fmt.Errorf("ACLED's answer: %w", err)
	}
	if answer.Success != nil && !*answer.Success {
		return nil, fmt.Errorf("ACLED answers: %.300s", answer.Error)
	}
	q := last.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || len(answer.Data) < limit {
		return nil, err
	}
	n, err := strconv.Atoi(q.Get("page"))
	if err != nil {
		return nil, err
	}
	q.Set("page", strconv.Itoa(n+1))
	next := last.Clone(last.Context())
	next.URL.RawQuery = q.Encode()
	return next, nil
}
