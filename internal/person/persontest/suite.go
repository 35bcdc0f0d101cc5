package persontest

import (
	"crypto/sha256"
	"errors"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/person"
)

// TestStore is the conformance suite of person.Store. open returns an empty
// store.
func TestStore(t *testing.T, open func(t *testing.T) person.Store) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	at := func(d time.Duration) comity.Time { return comity.TimeOf(now.Add(d)) }
	diallo := person.Person{ID: "a.diallo", Name: "Aïssatou Diallo", Office: "Watch officer", Role: person.Officer, Since: at(0)}
	mensah := person.Person{ID: "k-mensah", Name: "K. Mensah", Office: "Director", Role: person.Releasing, Since: at(time.Hour)}
	sum := func(s string) comity.Hash { return sha256.Sum256([]byte(s)) }
	same := func(t *testing.T, what string, got, want any) {
		t.Helper()
		if d := gocmp.Diff(want, got); d != "" {
			t.Errorf("%s: got (+) differs from want (-):\n%s", what, d)
		}
	}
	is := func(t *testing.T, what string, got, want error) {
		t.Helper()
		if !errors.Is(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	filled := func(t *testing.T) person.Store {
		s := open(t)
		for _, p := range []person.Person{mensah, diallo} {
			if err := s.AddPerson(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}

	t.Run("empty", func(t *testing.T) {
		s, ctx := open(t), t.Context()
		_, err := s.Person(ctx, "a.diallo")
		is(t, "Person", err, person.ErrNotFound)
		_, _, err = s.Credential(ctx, sum("x"))
		is(t, "Credential", err, person.ErrNotFound)
		is(t, "Seen", s.Seen(ctx, sum("x"), at(0)), nil)
		is(t, "DropCredential", s.DropCredential(ctx, sum("x")), person.ErrNotFound)
		is(t, "DropCredentials", s.DropCredentials(ctx, "a.diallo"), nil)
		is(t, "DropExpired", s.DropExpired(ctx, at(0)), nil)
		is(t, "Exchange", s.Exchange(ctx, sum("x"), person.Credential{Hash: sum("y"), Sort: person.Session}), person.ErrNotFound)
		_, err = s.Draft(ctx, 1)
		is(t, "Draft", err, person.ErrNotFound)
		_, err = s.TakeDraft(ctx, 1)
		is(t, "TakeDraft", err, person.ErrNotFound)
		for _, list := range []func() (int, error){
			func() (int, error) { l, err := s.Persons(ctx); return len(l), err },
			func() (int, error) { l, err := s.Drafts(ctx); return len(l), err },
		} {
			if n, err := list(); n != 0 || err != nil {
				t.Errorf("list of an empty store: %d, %v", n, err)
			}
		}
	})
	t.Run("persons", func(t *testing.T) {
		s, ctx := filled(t), t.Context()
		other := diallo
		other.Role = person.Administrator
		is(t, "the ID again", s.AddPerson(ctx, other), person.ErrExists)
		got, err := s.Person(ctx, "a.diallo")
		is(t, "Person", err, nil)
		same(t, "Person", got, diallo)
		all, err := s.Persons(ctx)
		is(t, "Persons", err, nil)
		same(t, "Persons", all, []person.Person{diallo, mensah})
	})
	t.Run("credentials", func(t *testing.T) {
		s, ctx := filled(t), t.Context()
		token := person.Credential{Hash: sum("token"), Sort: person.Token, Person: "a.diallo", Role: person.Observer, Issued: at(0), Until: at(time.Hour)}
		session := person.Credential{Hash: sum("session"), Sort: person.Session, Person: "a.diallo", Role: person.Officer,
			Issued: at(0), Seen: at(0), Until: at(2 * time.Hour)}
		other := person.Credential{Hash: sum("other"), Sort: person.Token, Person: "k-mensah", Role: person.Officer, Issued: at(0), Until: at(time.Hour)}
		for _, c := range []person.Credential{token, session, other} {
			is(t, "AddCredential", s.AddCredential(ctx, c), nil)
		}
		if s.AddCredential(ctx, token) == nil {
			t.Error("the same credential was kept twice")
		}
		nobody := token
		nobody.Hash, nobody.Person = sum("nobody"), "nobody"
		if s.AddCredential(ctx, nobody) == nil {
			t.Error("a credential of nobody was kept")
		}
		is(t, "Seen", s.Seen(ctx, session.Hash, at(time.Minute)), nil)
		session.Seen = at(time.Minute)
		has := func(want ...person.Credential) {
			t.Helper()
			for _, c := range []person.Credential{token, session, other} {
				got, p, err := s.Credential(ctx, c.Hash)
				kept := false
				for _, w := range want {
					kept = kept || w.Hash == c.Hash
				}
				if !kept {
					is(t, "dropped", err, person.ErrNotFound)
					continue
				}
				is(t, "Credential", err, nil)
				same(t, "Credential", got, c)
				same(t, "whose", p.ID, c.Person)
			}
		}
		has(token, session, other)
		is(t, "DropExpired", s.DropExpired(ctx, at(time.Hour)), nil)
		has(token, session, other)
		is(t, "DropCredential", s.DropCredential(ctx, token.Hash), nil)
		has(session, other)
		is(t, "DropCredentials", s.DropCredentials(ctx, "a.diallo"), nil)
		has(other)
		is(t, "DropExpired", s.DropExpired(ctx, at(time.Hour+time.Second)), nil)
		has()
	})
	t.Run("a link is exchanged once", func(t *testing.T) {
		s, ctx := filled(t), t.Context()
		link := person.Credential{Hash: sum("link"), Sort: person.Link, Person: "a.diallo", Role: person.Officer, Issued: at(0), Until: at(time.Hour)}
		token := link
		token.Hash, token.Sort = sum("token"), person.Token
		is(t, "AddCredential", errors.Join(s.AddCredential(ctx, link), s.AddCredential(ctx, token)), nil)
		session := func(name string) person.Credential {
			return person.Credential{Hash: sum(name), Sort: person.Session, Person: "a.diallo", Role: person.Officer, Issued: at(0), Seen: at(0), Until: at(time.Hour)}
		}
		is(t, "a token", s.Exchange(ctx, token.Hash, session("s")), person.ErrNotFound)
		bad := session("s")
		bad.Person = "nobody"
		if s.Exchange(ctx, link.Hash, bad) == nil {
			t.Error("exchanged for a session of nobody")
		}
		if _, _, err := s.Credential(ctx, link.Hash); err != nil {
			t.Errorf("a failed exchange used the link up: %v", err)
		}
		won := race(t, person.ErrNotFound, func(i int) error { return s.Exchange(ctx, link.Hash, session(string(rune('a'+i)))) })
		if _, _, err := s.Credential(ctx, sum(string(rune('a'+won)))); err != nil {
			t.Errorf("the winner's session: %v", err)
		}
		_, _, err := s.Credential(ctx, link.Hash)
		is(t, "the link", err, person.ErrNotFound)
		_, _, err = s.Credential(ctx, token.Hash)
		is(t, "the token", err, nil)
	})
	t.Run("drafts", func(t *testing.T) {
		s, ctx := filled(t), t.Context()
		draft := func(title string) person.Draft {
			return person.Draft{Document: []byte(`{"title":"` + title + `"}`), Kind: "decision.v1", Title: title, By: "a.diallo", At: now}
		}
		var kept []person.Draft
		for _, title := range []string{"one", "two", "three"} {
			d := draft(title)
			id, err := s.AddDraft(ctx, d)
			if err != nil {
				t.Fatal(err)
			}
			d.ID = id
			kept = append(kept, d)
		}
		got, err := s.Draft(ctx, kept[1].ID)
		is(t, "Draft", err, nil)
		same(t, "Draft", got, kept[1])
		all, err := s.Drafts(ctx)
		is(t, "Drafts", err, nil)
		same(t, "Drafts", all, kept)

		got, err = s.TakeDraft(ctx, kept[2].ID)
		is(t, "TakeDraft", err, nil)
		same(t, "TakeDraft", got, kept[2])
		_, err = s.TakeDraft(ctx, kept[2].ID)
		is(t, "TakeDraft again", err, person.ErrNotFound)
		if id, err := s.AddDraft(ctx, draft("four")); err != nil || id <= kept[2].ID {
			t.Errorf("a new draft has ID %d, %v: the ID of one that was taken is not used again", id, err)
		}
		id, err := s.AddDraft(ctx, kept[2])
		if err != nil || id != kept[2].ID {
			t.Errorf("put back under %d, %v; want %d", id, err, kept[2].ID)
		}
		if _, err := s.AddDraft(ctx, kept[2]); err == nil {
			t.Error("put back twice")
		}
	})
	t.Run("a draft is taken once", func(t *testing.T) {
		s, ctx := filled(t), t.Context()
		id, err := s.AddDraft(ctx, person.Draft{Document: []byte("{}"), Kind: "decision.v1", Title: "one", By: "a.diallo", At: now})
		if err != nil {
			t.Fatal(err)
		}
		race(t, person.ErrNotFound, func(int) error { _, err := s.TakeDraft(ctx, id); return err })
	})
}

// race runs f at the same time eight times, of which one must succeed and
// the others must fail with want. It returns which one won.
func race(t *testing.T, want error, f func(i int) error) (won int) {
	t.Helper()
	var errs [8]error
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range errs {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	won = -1
	for i, err := range errs {
		switch {
		case err == nil && won < 0:
			won = i
		case err == nil:
			t.Errorf("calls %d and %d both succeeded", won, i)
		case !errors.Is(err, want):
			t.Errorf("call %d: %v, want %v", i, err, want)
		}
	}
	if won < 0 {
		t.Fatalf("nobody succeeded: %v", errs)
	}
	return won
}
