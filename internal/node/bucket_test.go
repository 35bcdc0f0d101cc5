package node_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/comity/comity/act"
)

// How a bucket fails.
const (
	works int32 = iota
	refuses
	breaks // connections
	hangs
	forgets // that it is there
)

// bucketKeys sets the keys to every bucket of these tests, which run side by side.
var bucketKeys = sync.OnceFunc(func() {
	os.Setenv("AWS_ACCESS_KEY_ID", "key")
	os.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
})

// failingS3 is an S3 server with a bucket named comity for each house.
func failingS3(t *testing.T) (place func(prefix string) string, how *atomic.Int32) {
	t.Helper()
	bucketKeys()
	objects := s3mem.New()
	check(t, objects.CreateBucket("comity"))
	h := gofakes3.New(objects).Server()
	how = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch how.Load() {
		case refuses:
			http.Error(w, "<Error><Code>ServiceUnavailable</Code><Message>no</Message></Error>", http.StatusServiceUnavailable)
		case breaks:
			panic(http.ErrAbortHandler)
		case hangs:
			select {
			case <-r.Context().Done():
			case <-t.Context().Done():
			}
		case forgets:
			http.Error(w, "<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>", http.StatusNotFound)
		default:
			h.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return func(prefix string) string {
		return "s3://comity/" + prefix + "?endpoint=" + s.URL + "&region=us-east-1"
	}, how
}

// The bucket of two nodes fails under them, in each way that it can. What is
// sealed is refused with a reason, and neither half of it is recorded; what is
// CLEAR is recorded, at home and at the follower; what was read can be read.
// When the bucket is back everything goes on by itself, and nothing is missing.
func TestBucketFails(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]int32{"refuses": refuses, "breaks": breaks, "hangs": hangs, "forgets": forgets} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place, how := failingS3(t)
			un, au := newHouseOn(t, "un.example", "", place("un")), newHouseOn(t, "au.example", "", place("au"))
			un.follow(au)
			au.follow(un)
			file := un.issue(situation("The situation in Alba"))
			before := un.issue(sealedNote(file, "Before", "au.example"))
			au.reads(before)
			content := "/journal/blob/" + un.reads(before).Sealed.Content.SHA256.String()
			un.stored(before.Index+1, au)

			how.Store(fails)
			doc, err := act.Encode(sealedNote(file, "While it fails", "au.example"))
			check(t, err)
			begun := time.Now()
			code, b := un.do("POST", "/api/v1/acts", un.token, doc)
			if took := time.Since(begun); code != http.StatusServiceUnavailable || !strings.Contains(string(b), "the place where sealed contents are kept") || took > 15*time.Second {
				t.Errorf("a sealed act: %d after %v: %s", code, took, b)
			}
			if code, why := un.ready(); code != http.StatusServiceUnavailable || !strings.Contains(why, "the place where sealed contents are kept") {
				t.Errorf("/readyz: %d %s", code, why)
			}
			if code, b := un.do("GET", content, "", nil); code != http.StatusServiceUnavailable {
				t.Errorf("a sealed content: %d %s", code, b)
			}
			au.reads(before)
			public := un.issue(noteIn(file, "In the open"))
			if public.Index != before.Index+1 {
				t.Errorf("recorded at %d, want %d", public.Index, before.Index+1)
			}
			au.reads(public)

			how.Store(works)
			until(t, "both to be ready", func() bool {
				a, _ := un.ready()
				b, _ := au.ready()
				return a == http.StatusOK && b == http.StatusOK
			})
			after := un.issue(sealedNote(file, "Afterwards", "au.example"))
			au.reads(after)
			un.stored(after.Index+1, au)
			if code, b := un.do("GET", content, "", nil); code != http.StatusOK {
				t.Errorf("a sealed content: %d %s", code, b)
			}
		})
	}
}

// The bucket of a follower fails alone: it does not say that it keeps what it
// could not store, and fetches it when the bucket is back.
func TestFollowersBucketFails(t *testing.T) {
	t.Parallel()
	place, how := failingS3(t)
	un, au := newHouse(t, "un.example"), newHouseOn(t, "au.example", "", place("au"))
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	un.stored(file.Index+1, au)
	how.Store(refuses)
	sealed := un.issue(sealedNote(file, "Sealed to au.example", "au.example"))
	last := un.issue(noteIn(file, "In the open"))
	au.reads(last)
	if p, _ := un.peer("au.example"); p.Stored == nil || p.Stored.Size > sealed.Index {
		t.Errorf("au.example says that it stores %+v, and its bucket refused %s", p.Stored, sealed)
	}
	how.Store(works)
	if a := au.reads(sealed); !strings.Contains(string(a.Document), "Sealed to au.example") {
		t.Errorf("read: %s", a.Document)
	}
	un.stored(last.Index+1, au)
	if code, _ := au.do("GET", "/journal/blob/"+au.reads(sealed).Sealed.Content.SHA256.String(), "", nil); code != http.StatusOK {
		t.Errorf("the content is not served: %d", code)
	}
}
