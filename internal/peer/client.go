package peer

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The most bytes read of an answer, by what it is.
const (
	MaxSelf       = 64 << 10
	MaxCheckpoint = 256 << 10         // with cosignatures; nodes of older versions served all that they had
	MaxTile       = 256 * 32          // hashes of one tile
	MaxBundle     = 256 * (2 + 65535) // entries of one bundle, each with its length
	MaxCosigned   = 64 << 10          // a witness's signature lines
)

const (
	defaultTimeout = 15 * time.Second
	slowestRate    = 128 << 10 // bytes a second below which a long answer times out
	maxErrorText   = 500
)

// Config of a Client. The zero value is ready for use on the public Internet.
type Config struct {
	// Private allows private, loopback and link-local addresses. It is the
	// operator's word about this exact host and port.
	Private bool

	// Timeout of a whole exchange, 15 s if zero. Long answers get more, in
	// proportion to their bound.
	Timeout time.Duration

	// UserAgent, "comity" if empty.
	UserAgent string

	// Transport replaces the network, address check included. For tests and
	// simulations only.
	Transport http.RoundTripper

	// Now is used to read dates in Retry-After; time.Now if nil.
	Now func() time.Time
}

// Client speaks to one peer. It is safe for concurrent use.
type Client struct {
	base    string
	http    *http.Client
	timeout time.Duration
	agent   string
	now     func() time.Time
	own     *http.Transport // nil if the transport is not ours
}

// NewClient returns a client for the node at the base address.
func NewClient(base string, c Config) (*Client, error) {
	u, err := parseBase(base)
	if err != nil {
		return nil, err
	}
	cl := &Client{base: u.String(), timeout: c.Timeout, agent: c.UserAgent, now: c.Now}
	if cl.timeout <= 0 {
		cl.timeout = defaultTimeout
	}
	if cl.agent == "" {
		cl.agent = "comity"
	}
	if cl.now == nil {
		cl.now = time.Now
	}
	rt := c.Transport
	if rt == nil {
		cl.own = newTransport(c.Private)
		rt = cl.own
	}
	cl.http = &http.Client{
		Transport:     rt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return cl, nil
}

// newTransport returns a transport of this client's own: no proxy (it would
// hide the address that is connected to), small bounds.
func newTransport(private bool) *http.Transport {
	d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if !private {
		d.Control = controlPublic
	}
	return &http.Transport{
		DialContext:            d.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           8,
		MaxIdleConnsPerHost:    8,
		MaxConnsPerHost:        8,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // gzip is undone here, within the bound
	}
}

// Base address, without a final slash.
func (c *Client) Base() string { return c.base }

// Close ends idle connections.
func (c *Client) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// Get reads path, which starts with a slash. Any status but 200 is an error,
// as is an answer longer than limit bytes, before or after gzip is undone. An
// error is an *Error unless ctx itself ended.
func (c *Client) Get(ctx context.Context, path string, limit int64) ([]byte, error) {
	return c.GetInto(ctx, nil, path, limit)
}

// GetInto is Get that reads into the room that b has, if it suffices; what b
// holds is overwritten.
func (c *Client) GetInto(ctx context.Context, b []byte, path string, limit int64) ([]byte, error) {
	r, err := c.do(ctx, http.MethodGet, path, "", nil, nil, b[:0], limit)
	if err != nil {
		return nil, err
	}
	if r.Status != http.StatusOK {
		return nil, c.statusError(path, r)
	}
	if isHTML(r.ContentType, r.Body) {
		return nil, &Error{Reason: HTML, URL: c.base + path, Status: r.Status}
	}
	return r.Body, nil
}

// Response to Post.
type Response struct {
	Status      int
	ContentType string
	Body        []byte
	retryAfter  time.Duration
}

// Post sends body to path and returns the answer whatever its status, except
// for a redirect.
func (c *Client) Post(ctx context.Context, path, contentType string, body []byte, limit int64) (Response, error) {
	return c.do(ctx, http.MethodPost, path, contentType, body, nil, nil, limit)
}

// PostWhen is Post whose body waits for ready, which may be nil: the connection
// and the head of the request are made meanwhile. If ready fails nothing of the
// body is sent, and that is the error.
func (c *Client) PostWhen(ctx context.Context, ready func(context.Context) error, path, contentType string, body []byte, limit int64) (Response, error) {
	return c.do(ctx, http.MethodPost, path, contentType, body, ready, nil, limit)
}

// waiting is a body that is not read before ready says so.
type waiting struct {
	body  io.Reader
	ready func() error // nil: it did
}

// Read implements io.Reader.
func (w *waiting) Read(p []byte) (int, error) {
	if w.ready != nil {
		if err := w.ready(); err != nil {
			return 0, err
		}
		w.ready = nil
	}
	return w.body.Read(p)
}

// Err makes an error of a response whose status is no answer.
func (c *Client) Err(path string, r Response) error { return c.statusError(path, r) }

// do reads the answer into the room of into, if it suffices.
func (c *Client) do(ctx context.Context, method, path, contentType string, body []byte, ready func(context.Context) error, into []byte, limit int64) (Response, error) {
	ctx2, cancel := context.WithTimeout(ctx, c.timeout+time.Duration(limit/slowestRate)*time.Second)
	defer cancel()
	fail := func(err error) (Response, error) { return Response{}, c.netError(ctx, path, err) }

	resp, err := c.send(ctx2, method, path, contentType, body, ready)
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	data, err := c.read(path, resp, into, limit)
	if err != nil {
		return fail(err)
	}
	return Response{
		Status: resp.StatusCode, ContentType: resp.Header.Get("Content-Type"),
		Body: data, retryAfter: retryAfter(resp.Header.Get("Retry-After"), c.now()),
	}, nil
}

func (c *Client) send(ctx context.Context, method, path, contentType string, body []byte, ready func(context.Context) error) (*http.Response, error) {
	var rd io.Reader
	if body != nil {
		rd = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, rd)
	if err != nil {
		return nil, err
	}
	if ready != nil {
		wait := func() error { return ready(ctx) }
		req.Body = io.NopCloser(&waiting{rd, wait})
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(&waiting{bytes.NewReader(body), wait}), nil }
	}
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept-Encoding", "gzip, identity")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		resp.Body.Close()
		return nil, &Error{Reason: Redirected, URL: c.base + path, Status: resp.StatusCode}
	}
	return resp, nil
}

// read returns the whole body, at most limit bytes of it, in the room of into if
// it suffices.
func (c *Client) read(path string, resp *http.Response, into []byte, limit int64) ([]byte, error) {
	tooLarge := &Error{Reason: TooLarge, URL: c.base + path, Status: resp.StatusCode,
		Err: fmt.Errorf("more than %d bytes", limit)}
	if resp.ContentLength > limit {
		return nil, tooLarge
	}
	var rd io.Reader = io.LimitReader(resp.Body, limit+1)
	switch enc := strings.ToLower(resp.Header.Get("Content-Encoding")); enc {
	case "", "identity":
	case "gzip":
		// A gzip stream may be a little longer than what it holds.
		zr, err := gzip.NewReader(io.LimitReader(resp.Body, limit+limit/1000+1024))
		if err != nil {
			return nil, gzipError(c.base+path, err)
		}
		rd = io.LimitReader(zr, limit+1)
	default:
		return nil, &Error{Reason: Malformed, URL: c.base + path, Err: fmt.Errorf("content encoding %q is not understood", clip(enc))}
	}
	data, err := readAll(rd, into, resp.ContentLength)
	if int64(len(data)) > limit {
		return nil, tooLarge
	}
	if err != nil {
		return nil, gzipError(c.base+path, err)
	}
	return data, nil
}

// readAll is io.ReadAll with room from the start for as much as is promised, up
// to a bound: a promise costs nothing. It is the room of into, if that suffices.
func readAll(rd io.Reader, into []byte, promised int64) ([]byte, error) {
	const most = 512 << 10
	if room := min(max(promised, 0), most) + bytes.MinRead; int64(cap(into)) < room {
		into = make([]byte, 0, room)
	}
	b := bytes.NewBuffer(into)
	_, err := b.ReadFrom(rd)
	return b.Bytes(), err
}

// gzipError marks errors of the gzip format; others pass unchanged.
func gzipError(url string, err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) {
		return &Error{Reason: Malformed, URL: url, Err: err}
	}
	return err
}

// Open starts reading a stream at path. Nothing bounds how long it lasts but
// ctx, and idle: if that long passes without a byte, reading fails. The caller
// bounds what it reads and closes it.
func (c *Client) Open(ctx context.Context, path string, idle time.Duration) (io.ReadCloser, error) {
	ctx2, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(max(idle, c.timeout), func() { cancel(context.DeadlineExceeded) })
	resp, err := c.send(ctx2, http.MethodGet, path, "", nil, nil)
	if err != nil {
		timer.Stop()
		cause := context.Cause(ctx2)
		cancel(nil)
		if cause != nil && ctx.Err() == nil {
			err = cause
		}
		return nil, c.netError(ctx, path, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer cancel(nil)
		defer timer.Stop()
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorText))
		return nil, c.statusError(path, Response{Status: resp.StatusCode, ContentType: resp.Header.Get("Content-Type"),
			Body: text, retryAfter: retryAfter(resp.Header.Get("Retry-After"), c.now())})
	}
	return &stream{c: c, path: path, body: resp.Body, parent: ctx, ctx: ctx2, cancel: cancel, timer: timer, idle: idle}, nil
}

type stream struct {
	c      *Client
	path   string
	body   io.ReadCloser
	parent context.Context
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	idle   time.Duration
}

func (s *stream) Read(p []byte) (int, error) {
	s.timer.Reset(s.idle)
	n, err := s.body.Read(p)
	if err != nil && err != io.EOF {
		if context.Cause(s.ctx) == context.DeadlineExceeded {
			err = context.DeadlineExceeded
		}
		err = s.c.netError(s.parent, s.path, err)
	}
	return n, err
}

func (s *stream) Close() error {
	s.timer.Stop()
	s.cancel(nil)
	return s.body.Close()
}

// netError gives err its reason. If the caller's own context ended, that is
// what is returned.
func (c *Client) netError(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", c.base+path, context.Cause(ctx))
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // the URL stands in Error already
	}
	reason := Unreachable
	var ae *addressError
	var ne net.Error
	switch {
	case errors.As(err, &ae):
		reason, err = PrivateAddress, ae
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		reason = TimedOut
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the answer was cut off")
	}
	return &Error{Reason: reason, URL: c.base + path, Err: err}
}

// statusError says what the peer answered, with the start of its text if it
// is one.
func (c *Client) statusError(path string, r Response) error {
	e := &Error{Reason: BadStatus, URL: c.base + path, Status: r.Status, RetryAfter: r.retryAfter}
	if !isHTML(r.ContentType, r.Body) {
		if t := printable(r.Body); t != "" {
			e.Err = fmt.Errorf("the node says %q", t)
		}
	}
	return e
}

// isHTML recognises a web page where data was expected. What calls itself
// binary is not looked into: an entry may start with any bytes.
func isHTML(contentType string, body []byte) bool {
	contentType = strings.ToLower(strings.TrimSpace(contentType))
	switch {
	case strings.HasPrefix(contentType, "text/html"):
		return true
	case strings.HasPrefix(contentType, "application/octet-stream"):
		return false
	}
	start := strings.ToLower(string(bytes.TrimSpace(body[:min(len(body), 64)])))
	return strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
}

// printable returns the start of b as one line without control characters.
func printable(b []byte) string {
	s := strings.ToValidUTF8(string(b[:min(len(b), maxErrorText)]), "")
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	return clip(strings.TrimSpace(s))
}

// retryAfter reads the header of RFC 9110, section 10.2.3: seconds or a date.
func retryAfter(s string, now time.Time) time.Duration {
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseInt(s, 10, 32); err == nil && n >= 0 {
		return min(time.Duration(n)*time.Second, MaxRetryAfter)
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(t.Sub(now), 0), MaxRetryAfter)
	}
	return 0
}
