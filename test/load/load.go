// Package load keeps several processes of one node under a steady load of acts,
// and holds what they answered against what is recorded in the end.
//
//	l := load.Start(load.Config{Name: "first", Targets: urls, Token: token, Situation: file, Writers: 8})
//	… kill something …
//	got := l.Stop()
//	acts, err := load.Read(ctx, client, url, token)
//	err = got.Check(acts) // every act answered with 201 is there, in order, once
//
// A writer issues one act after the other. If it gets no answer, or one that
// says that nothing was recorded, or that nobody knows, it asks the next process
// with the same Idempotency-Key, until there is a 201.
package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comity/comity/comity"
)

// Config of a load. Document, Releaser and Client may be left out.
type Config struct {
	Name      string         // of the load, unlike that of any other on the journal
	Targets   []string       // base addresses of the processes
	Token     string         // of an officer
	Situation comity.ActName // in which the acts are
	Writers   int
	Every     time.Duration // between two acts of a writer
	Client    *http.Client  // nil is one of its own

	// Document, if set, changes a writer's n-th act before it is sent: seals it,
	// or makes it one that waits for a second person, whose token Releaser is.
	Document func(writer, n int, doc map[string]any)
	Releaser string
}

// Load that runs.
type Load struct {
	c    Config
	stop chan struct{}
	wg   sync.WaitGroup

	mu  sync.Mutex
	got Result
}

// Answer is a 201. Name and Leaf are zero if it was lost: a draft that was to
// be released is not there, and was before.
type Answer struct {
	Writer, N int
	Name      comity.ActName
	Leaf      comity.Hash
	At        time.Time
	Tries     int
}

// Result of a load.
type Result struct {
	Name    string
	Answers []Answer
	Open    map[string]bool // titles of acts that were sent, and never answered with 201
	Errors  map[string]int  // what was answered else, how often
	Refused error           // an answer after which a writer gave up
}

// giveUp is how long a writer goes on to ask for an answer after Stop.
const giveUp = 10 * time.Second

// Start starts writing.
func Start(c Config) *Load {
	if c.Client == nil {
		c.Client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: c.Writers}}
	}
	l := &Load{c: c, stop: make(chan struct{}), got: Result{Name: c.Name, Open: map[string]bool{}, Errors: map[string]int{}}}
	for w := range c.Writers {
		l.wg.Go(func() { l.write(w) })
	}
	return l
}

// Answered is how many acts were answered with 201 so far.
func (l *Load) Answered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.got.Answers)
}

// Stop ends the load and says what came of it.
func (l *Load) Stop() Result {
	close(l.stop)
	l.wg.Wait()
	slices.SortFunc(l.got.Answers, func(a, b Answer) int { return a.At.Compare(b.At) })
	return l.got
}

// title of an act, which is also the key of its request.
func (l *Load) title(writer, n int) string { return title(l.c.Name, writer, n) }

func title(load string, writer, n int) string { return fmt.Sprintf("%s %d/%d", load, writer, n) }

func (l *Load) write(w int) {
	for n := 0; ; n++ {
		if !l.issue(w, n) {
			return
		}
		select {
		case <-l.stop:
			return
		case <-time.After(l.c.Every):
		}
	}
}

// issue issues one act until it is answered; false to give up.
func (l *Load) issue(w, n int) bool {
	t := l.title(w, n)
	members := map[string]any{"kind": "note.v1", "date": time.Now().UTC().Format(time.RFC3339), "situation": l.c.Situation,
		"status": "exercise", "tlp": "CLEAR", "lang": "en", "title": t}
	if l.c.Document != nil {
		l.c.Document(w, n, members)
	}
	doc, err := json.Marshal(members)
	if err != nil {
		panic("load: " + err.Error()) // the caller's
	}
	l.mu.Lock()
	l.got.Open[t] = true
	l.mu.Unlock()
	var end <-chan time.Time
	var draft int64
	released := false // it was asked for, and perhaps done
	for try := 1; ; try++ {
		target := l.c.Targets[(w+try)%len(l.c.Targets)]
		var got issued
		var again bool
		var err error
		if draft == 0 {
			if got, again, err = l.post(context.Background(), target+"/api/v1/acts", l.c.Token, t, doc); got.Draft != 0 {
				draft, got.Draft = got.Draft, 0
			}
		}
		if draft != 0 {
			var gone bool
			if got, gone, again, err = l.release(target, draft); gone && released {
				got, err = issued{}, nil
			}
			released = true
		}
		l.mu.Lock()
		if err == nil {
			delete(l.got.Open, t)
			l.got.Answers = append(l.got.Answers, Answer{w, n, got.Act, got.Leaf, time.Now(), try})
			l.mu.Unlock()
			return true
		}
		l.got.Errors[err.Error()]++
		if !again {
			l.got.Refused = errors.Join(l.got.Refused, fmt.Errorf("%s: %w", t, err))
			l.mu.Unlock()
			return false
		}
		l.mu.Unlock()
		select {
		case <-end:
			return false
		case <-time.After(50 * time.Millisecond):
		}
		select {
		case <-l.stop:
			if end == nil {
				end = time.After(giveUp)
			}
		default:
		}
	}
}

// issued is the answer to a document.
type issued struct {
	Act   comity.ActName
	Leaf  comity.Hash
	Draft int64
}

// release asks for the release of a draft; gone reports that it is not there.
func (l *Load) release(target string, draft int64) (got issued, gone, again bool, err error) {
	got, again, err = l.post(context.Background(), fmt.Sprintf("%s/api/v1/drafts/%d/release", target, draft), l.c.Releaser, "", nil)
	return got, err != nil && strings.HasPrefix(err.Error(), "404"), again, err
}

// post sends a document; again reports whether asking again may help.
func (l *Load) post(ctx context.Context, url, token, key string, doc []byte) (out issued, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(doc))
	if err != nil {
		return out, false, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := l.c.Client.Do(req)
	if err != nil {
		return out, true, errors.New("no answer")
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return out, true, errors.New("half an answer")
	}
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusAccepted {
		var p struct{ Title string }
		_ = json.Unmarshal(body, &p) // without a title the status says enough
		return out, resp.StatusCode >= 500, fmt.Errorf("%d %s", resp.StatusCode, p.Title)
	}
	if err := json.Unmarshal(body, &out); err != nil || out.Act.IsZero() == (out.Draft == 0) {
		return out, false, fmt.Errorf("%d without an act or a draft: %q, %v", resp.StatusCode, body, err)
	}
	return out, false, nil
}

// Pause is the longest time between two answers in a row, from the last before
// one time to the first after another.
func (r Result) Pause(from, to time.Time) time.Duration {
	var longest time.Duration
	for i := 1; i < len(r.Answers); i++ {
		a, b := r.Answers[i-1].At, r.Answers[i].At
		if b.After(from) && a.Before(to) {
			longest = max(longest, b.Sub(a))
		}
	}
	return longest
}

// Act is one of those that a process holds.
type Act struct {
	Position int64
	Name     comity.ActName
	Leaf     comity.Hash
	Recorded comity.Time
	Document struct{ Title string }
}

// Read reads all acts that a process holds, in order of arrival.
func Read(ctx context.Context, client *http.Client, target, token string) ([]Act, error) {
	var all []Act
	for after := int64(0); ; {
		req, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("%s/api/v1/acts?limit=500&after=%d", target, after), nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		var page struct {
			Acts []Act
			Next int64
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("read the acts at %s: %s: %w", target, resp.Status, err)
		}
		if len(page.Acts) == 0 {
			return all, nil
		}
		all, after = append(all, page.Acts...), page.Next
	}
}

// Check holds what was answered against the acts that a process holds: each
// that was answered with 201 is there under the name and with the leaf it was
// given, once, after those that its writer issued before; what was never
// answered is there once or not at all; positions have no gaps, nor have the
// names of each journal; there recorded times do not decrease.
func (r Result) Check(acts []Act) error {
	var wrong []error
	say := func(format string, args ...any) {
		if len(wrong) < 20 {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	by := map[string][]Act{}
	last := map[comity.Domain]Act{} // of each journal
	for i, a := range acts {
		before, ok := last[a.Name.Domain]
		if !ok {
			before.Name.Index = -1
		}
		if a.Position != int64(i)+1 || a.Name.Index != before.Name.Index+1 {
			say("%s is at position %d, and act %d of the list", a.Name, a.Position, i)
		}
		if ok && a.Recorded.Before(before.Recorded.Time) {
			say("%s is recorded at %s, after %s at %s", a.Name, a.Recorded, before.Name, before.Recorded)
		}
		last[a.Name.Domain] = a
		by[a.Document.Title] = append(by[a.Document.Title], a)
	}
	answers := slices.Clone(r.Answers)
	slices.SortFunc(answers, func(a, b Answer) int { return (a.Writer-b.Writer)<<32 + a.N - b.N })
	for i, a := range answers {
		switch found := by[title(r.Name, a.Writer, a.N)]; {
		case len(found) == 0:
			say("%s was answered with 201 %s, and is not there", title(r.Name, a.Writer, a.N), a.Name)
		case len(found) > 1:
			say("%s is there %d times", title(r.Name, a.Writer, a.N), len(found))
		case a.Name.IsZero():
			a.Name = found[0].Name
			answers[i] = a
		case found[0].Name != a.Name:
			say("%s was answered with %s, and is %s", title(r.Name, a.Writer, a.N), a.Name, found[0].Name)
		case found[0].Leaf != a.Leaf:
			say("%s was answered with the leaf %s, and has %s", a.Name, a.Leaf, found[0].Leaf)
		}
		if i > 0 && answers[i-1].Writer == a.Writer && answers[i-1].Name.Index >= a.Name.Index {
			say("%s is %s, and the one before it %s", title(r.Name, a.Writer, a.N), a.Name, answers[i-1].Name)
		}
	}
	for t := range r.Open {
		if n := len(by[t]); n > 1 {
			say("%s, never answered, is there %d times", t, n)
		}
	}
	return errors.Join(append(wrong, r.Refused)...)
}

// OpenFile opens a situation for the acts of a load.
func OpenFile(ctx context.Context, client *http.Client, target, token string) (comity.ActName, error) {
	l := &Load{c: Config{Client: client}}
	doc, err := json.Marshal(map[string]any{"kind": "situation.v1", "date": time.Now().UTC().Format(time.RFC3339),
		"status": "exercise", "tlp": "CLEAR", "lang": "en", "title": "A file for a load"})
	if err != nil {
		return comity.ActName{}, err
	}
	got, _, err := l.post(ctx, target+"/api/v1/acts", token, "file", doc)
	return got.Act, err
}
