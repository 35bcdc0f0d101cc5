package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/comity/comity/internal/feed"
)

// maxDownload bounds what is taken from the web.
const maxDownload = 16 << 30

// answer is what a source said of what it sent, so that it need not send it again. It
// is a hint; without it all is asked for.
type answer struct {
	From     string `json:"from"`
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"last_modified,omitempty"`
}

// answerName is the name of the setting.
func answerName(name FeedName) string { return "answer of " + string(name) }

// download gets the file of a feed, which the caller removes; nil if it is as it was.
func (f *Feeds) download(ctx context.Context, of *reading) (*os.File, error) {
	c, err := f.Client(of.feed.From)
	if err != nil {
		return nil, err
	}
	file, err := f.Snapshots.temporary()
	if err != nil {
		return nil, err
	}
	same, err := f.into(ctx, c, of, file)
	if err == nil && !same {
		if _, err = file.Seek(0, io.SeekStart); err == nil {
			return file, nil
		}
	}
	return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
}

func (f *Feeds) into(ctx context.Context, c *http.Client, of *reading, file *os.File) (same bool, err error) {
	if of.adapter.API != nil {
		u, err := feed.ParseAddress(of.feed.From)
		if err != nil {
			return false, err
		}
		if api := of.adapter.API(u); api != nil {
			return f.ask(ctx, c, api, u, of, file)
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, of.feed.From, nil)
	if err != nil {
		return false, err
	}
	var last answer
	if err := f.Store.Setting(ctx, answerName(of.feed.Name), &last); err != nil {
		return false, err
	}
	if last.From == of.feed.From {
		if last.ETag != "" {
			req.Header.Set("If-None-Match", last.ETag)
		}
		if last.Modified != "" {
			req.Header.Set("If-Modified-Since", last.Modified)
		}
	}
	resp, err := c.Do(req)
	if err != nil {
		return false, fmt.Errorf("the source did not answer; run it again later, or look at the address: %w", err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified:
		return true, nil
	case resp.StatusCode != http.StatusOK:
		return false, fmt.Errorf("%s answered %s%s", of.feed.From, resp.Status, advice(resp.StatusCode))
	}
	n, err := io.Copy(file, io.LimitReader(feed.Lively(resp.Body, f.Idle, stop), maxDownload+1))
	if err != nil {
		return false, fmt.Errorf("the file did not come whole, nothing of it was read; run it again: %w", err)
	}
	if n > maxDownload {
		return false, fmt.Errorf("%s answers with more than %d GB", of.feed.From, maxDownload>>30)
	}
	if said := (answer{of.feed.From, resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")}); said.ETag != "" || said.Modified != "" {
		of.answer = said
	}
	return false, nil
}

// ask asks an API for what is new.
func (f *Feeds) ask(ctx context.Context, c *http.Client, api feed.API, address *url.URL, of *reading, file *os.File) (same bool, err error) {
	q := feed.Query{Address: address, Now: f.Now()}
	if f.Login != nil {
		q.Login = f.Login(of.feed.Name)
	}
	runs, err := f.Store.Runs(ctx, of.feed.Name, 1<<20)
	if err != nil {
		return false, err
	}
	for _, r := range runs { // the newest first
		if r.Err == "" && !r.Ended.IsZero() {
			q.Version, q.Since = max(q.Version, r.Version), r.Begun.Time
		}
	}
	got, err := api.Fetch(ctx, &feed.Web{Client: c, Most: maxDownload, Idle: f.Idle, Wait: f.Wait}, q, file)
	if err != nil {
		return false, err
	}
	of.fetched = got
	n, err := file.Seek(0, io.SeekCurrent)
	return n == 0 && got.Version == q.Version, err
}

// advice says what to do about an answer that is no file.
func advice(status int) string {
	switch {
	case status == http.StatusNotFound || status == http.StatusGone:
		return ": nothing is there; look for the address that the file has now"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return ": the source wants a login; download the file, and add that"
	case status >= 500 || status == http.StatusTooManyRequests:
		return ": run it again later; a running node does so by itself"
	}
	return ""
}

// forgetAnswer has all asked for again.
func (f *Feeds) forgetAnswer(ctx context.Context, name FeedName) error {
	return f.Store.PutSetting(ctx, answerName(name), answer{})
}

// noteAnswer notes that all of what was downloaded has been read.
func (f *Feeds) noteAnswer(ctx context.Context, of *reading) error {
	if of.answer == (answer{}) {
		return nil // of an API, or of a source that says nothing of it
	}
	return f.Store.PutSetting(ctx, answerName(of.feed.Name), of.answer)
}
