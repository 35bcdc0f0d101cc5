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
	"sync"
	"time"

	"github.com/comity/comity/comity"
)

// Config of a load. All but Client must be set.
type Config struct {
	Name      string         // of the load, unlike that of any other on the journal
	Targets   []string       // base addresses of the processes
	Token     string         // of an officer
	Situation comity.ActName // in which the acts are
	Writers   int
	Every     time.Duration // between two acts of a writer
	Client    *http.Client  // nil is one of its own
}

// Load that runs.
type Load struct {
	c    Config
	stop chan struct{}
	wg   sync.WaitGroup

	mu  sync.Mutex
	got Result
}

// Answer is a 201.
type Answer struct {
	Writer, N int
	Name      comity.ActName
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
func (r Result) title(writer, n int) string { return fmt.Sprintf("%s %d/%d", r.Name, writer, n) }

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
	t := l.got.title(w, n)
	doc, _ := json.Marshal(map[string]any{"kind": "note.v1", "date": time.Now().UTC().Format(time.RFC3339), "situation": l.c.Situation,
		"status": "exercise", "tlp": "CLEAR", "lang": "en", "title": t})
	l.mu.Lock()
	l.got.Open[t] = true
	l.mu.Unlock()
	var end <-chan time.Time
	for try := 1; ; try++ {
		name, again, err := l.post(context.Background(), l.c.Targets[(w+try)%len(l.c.Targets)], t, doc)
		l.mu.Lock()
		if err == nil {
			delete(l.got.Open, t)
			l.got.Answers = append(l.got.Answers, Answer{w, n, name, time.Now(), try})
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

// post sends a document; again reports whether asking again may help.
func (l *Load) post(ctx context.Context, target, key string, doc []byte) (name comity.ActName, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", target+"/api/v1/acts", bytes.NewReader(doc))
	if err != nil {
		return name, false, err
	}
	req.Header.Set("Authorization", "Bearer "+l.c.Token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	resp, err := l.c.Client.Do(req)
	if err != nil {
		return name, true, errors.New("no answer")
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return name, true, errors.New("half an answer")
	}
	if resp.StatusCode != http.StatusCreated {
		var p struct{ Title string }
		_ = json.Unmarshal(body, &p) // without a title the status says enough
		return name, resp.StatusCode >= 500, fmt.Errorf("%d %s", resp.StatusCode, p.Title)
	}
	var out struct{ Act comity.ActName }
	if err := json.Unmarshal(body, &out); err != nil {
		return name, false, fmt.Errorf("201 without an act: %w", err)
	}
	return out.Act, false, nil
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

// Check holds what was answered against the acts of one journal: each that was
// answered with 201 is there under the name it was given, once, after those
// that its writer issued before; what was never answered is there once or not
// at all; positions and names have no gaps; recorded times do not decrease.
func (r Result) Check(acts []Act) error {
	var wrong []error
	say := func(format string, args ...any) {
		if len(wrong) < 20 {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	by := map[string][]Act{}
	for i, a := range acts {
		if a.Position != int64(i)+1 || a.Name.Index != int64(i) {
			say("%s is at position %d, and act %d of the list", a.Name, a.Position, i)
		}
		if i > 0 && a.Recorded.Before(acts[i-1].Recorded.Time) {
			say("%s is recorded at %s, after %s at %s", a.Name, a.Recorded, acts[i-1].Name, acts[i-1].Recorded)
		}
		by[a.Document.Title] = append(by[a.Document.Title], a)
	}
	answers := slices.Clone(r.Answers)
	slices.SortFunc(answers, func(a, b Answer) int { return (a.Writer-b.Writer)<<32 + a.N - b.N })
	for i, a := range answers {
		switch found := by[r.title(a.Writer, a.N)]; {
		case len(found) == 0:
			say("%s was answered with 201 %s, and is not there", r.title(a.Writer, a.N), a.Name)
		case len(found) > 1:
			say("%s is there %d times", r.title(a.Writer, a.N), len(found))
		case found[0].Name != a.Name:
			say("%s was answered with %s, and is %s", r.title(a.Writer, a.N), a.Name, found[0].Name)
		}
		if i > 0 && answers[i-1].Writer == a.Writer && answers[i-1].Name.Index >= a.Name.Index {
			say("%s is %s, and the one before it %s", r.title(a.Writer, a.N), a.Name, answers[i-1].Name)
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
	l := &Load{c: Config{Token: token, Client: client}}
	doc, err := json.Marshal(map[string]any{"kind": "situation.v1", "date": time.Now().UTC().Format(time.RFC3339),
		"status": "exercise", "tlp": "CLEAR", "lang": "en", "title": "A file for a load"})
	if err != nil {
		return comity.ActName{}, err
	}
	name, _, err := l.post(ctx, target, "file", doc)
	return name, err
}
