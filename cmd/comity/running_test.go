package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
)

// The act is issued and the answer lost: the program asks again, and it stands
// in the journal once.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "un")
	check(node.Init(dir, "un.example", "United Nations"))
	n, err := node.Open(t.Context(), node.Config{Dir: dir, Version: "test"})
	check(err)
	_, err = n.People.AddPerson(t.Context(), "o.fficer", "Olga Fficer", "Watch officer", person.Officer)
	check(err)
	l, err := node.Listen("127.0.0.1:0")
	check(err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	check(n.Start(ctx))
	served := make(chan error, 1)
	go func() { served <- n.Serve(ctx, l) }()
	t.Cleanup(func() { stop(); check(<-served); check(n.Close()) })

	// In between stands something that cuts off as many answers as it is told.
	var cut atomic.Int64
	direct := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: l.Addr().String()})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" && cut.Add(-1) >= 0 {
			direct.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		direct.ServeHTTP(w, r)
	}))
	defer front.Close()
	check(n.Announce(front.URL))

	now := time.Now()
	issue := func(title string, args ...string) (code int, out, errs string) {
		doc, err := act.Encode(&act.Act{Kind: "situation.v1", Date: comity.TimeOf(now), Status: comity.Exercise, TLP: comity.Clear, Lang: "en", Title: title})
		check(err)
		var o, e bytes.Buffer
		code = run(t.Context(), append([]string{"act", "--dir", dir, "--person", "o.fficer"}, args...), bytes.NewReader(doc), &o, &e)
		return code, strings.TrimSpace(o.String()), e.String()
	}
	count := func(title string) (n2 int) {
		all, err := n.Desk.Acts(t.Context(), desk.Who{}, 0, 100)
		check(err)
		for _, x := range all {
			if x.Act != nil && x.Act.Title == title {
				n2++
			}
		}
		return n2
	}
	cut.Store(2)
	if code, out, errs := issue("Two answers are lost"); code != exitOK || out != "un.example/1" || count("Two answers are lost") != 1 {
		t.Errorf("exit code %d, %q, %q; recorded %d times", code, out, errs, count("Two answers are lost"))
	}
	cut.Store(100)
	code, _, errs := issue("All answers are lost")
	key := regexp.MustCompile(`--key (\S+),`).FindStringSubmatch(errs)
	if code != exitFailed || key == nil {
		t.Fatalf("exit code %d, and it does not say how to ask again: %s", code, errs)
	}
	cut.Store(0)
	for i := range 2 {
		if code, out, errs := issue("All answers are lost", "--key", key[1]); code != exitOK || out != "un.example/2" || count("All answers are lost") != 1 {
			t.Errorf("%d: exit code %d, %q, %q; recorded %d times", i, code, out, errs, count("All answers are lost"))
		}
	}
	if code, _, errs := issue("Another", "--key", key[1]); code != exitFailed || !strings.Contains(errs, "another document") {
		t.Errorf("the key with another document: exit code %d, %s", code, errs)
	}
}
