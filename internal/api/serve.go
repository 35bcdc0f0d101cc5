package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/comity/comity/internal/desk"
)

// resource is what stands at one path, by method.
type resource map[string]handle

// serve is the one adapter between handlers, which return errors, and HTTP.
// An empty resource is not there.
func (h *Handler) serve(res resource) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		track := &tracker{ResponseWriter: w}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			h.fail(track, r, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}()
		if err := h.dispatch(track, r, res); err != nil {
			h.fail(track, r, err)
		}
	})
}

func (h *Handler) dispatch(w http.ResponseWriter, r *http.Request, res resource) error {
	if len(res) == 0 {
		return &problemError{problem: notFound, detail: fmt.Sprintf("nothing is served at %s; /api/ lists what is", clip(r.URL.Path))}
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	do, ok := res[method]
	if !ok {
		allow := slices.Sorted(maps.Keys(res))
		if res["GET"] != nil {
			allow = append(allow, "HEAD")
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		return &problemError{problem: badMethod, detail: fmt.Sprintf("%s is not done here; what is: %s", clip(r.Method), strings.Join(allow, ", "))}
	}
	if err := h.sites.Check(r); err != nil {
		return &problemError{problem: crossSite, detail: "the request comes from a page of another site, which cannot act for you here"}
	}
	if !strings.HasPrefix(r.URL.Path, "/api/v1/") {
		return do(w, r, desk.Who{}) // the documentation is everybody's
	}
	who, err := h.who(r)
	if err != nil {
		return err
	}
	return do(w, r, who)
}

// who finds the person behind the request.
func (h *Handler) who(r *http.Request) (desk.Who, error) {
	if a := r.Header.Get("Authorization"); a != "" {
		if scheme, token, _ := strings.Cut(a, " "); !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" {
			return desk.Who{}, &problemError{problem: signIn, detail: `the header Authorization is not "Bearer" and a token, as "comity token" prints it`}
		}
	}
	return h.c.Who(r)
}

// tracker knows whether an answer has begun, after which none other can.
type tracker struct {
	http.ResponseWriter
	begun bool
}

func (t *tracker) WriteHeader(status int) {
	t.begun = true
	t.ResponseWriter.WriteHeader(status)
}

func (t *tracker) Write(b []byte) (int, error) {
	t.begun = true
	return t.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (t *tracker) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// fail renders an error, and logs what is not the caller's doing.
func (h *Handler) fail(w *tracker, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, r.Context().Err()) {
		// The caller has left, or the server stops: no answer is the honest one,
		// and returning without any would say 200.
		panic(http.ErrAbortHandler)
	}
	p := problemOf(err)
	if p.Reference != "" {
		h.c.Log.ErrorContext(r.Context(), "a request failed", "reference", p.Reference, "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if w.begun {
		panic(http.ErrAbortHandler) // the reader must not take half an answer for a whole one
	}
	for _, name := range []string{"Content-Disposition", "ETag", "Location"} {
		w.Header().Del(name)
	}
	w.Header().Set("Cache-Control", "no-store")
	switch p.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="comity"`)
	case http.StatusConflict, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "30")
	}
	body, err := encode(p)
	if err != nil {
		panic(err) // Problem has nothing but numbers and strings
	}
	respond(w, p.Status, "application/problem+json", body)
}

// encode writes JSON as it stands in the record: without escapes for HTML,
// which nobody reads it as.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return b.Bytes(), nil
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	respond(w, status, "application/json", body)
	return nil
}

// respond writes a body whose length is known. An error of the connection is
// the reader's loss only.
func respond(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// fixed writes a body that everybody may keep under a tag, or 304 if the
// reader has it.
func fixed(w http.ResponseWriter, r *http.Request, cache, tag, contentType string, body []byte) {
	w.Header().Set("Cache-Control", cache)
	tag = `"` + tag + `"`
	w.Header().Set("ETag", tag)
	for t := range strings.SplitSeq(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if t = strings.TrimPrefix(strings.TrimSpace(t), "W/"); t == tag || t == "*" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	respond(w, http.StatusOK, contentType, body)
}
