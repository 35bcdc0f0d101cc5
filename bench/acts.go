package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"filippo.io/age"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/seal"
	"github.com/comity/comity/internal/web"
)

// files that the acts of a load go to, in turn.
const files = 10

// openFiles opens the files and returns a note of 1 KB for each.
func (h *house) openFiles(ctx context.Context, to ...comity.Domain) ([][]byte, error) {
	var docs [][]byte
	for i := range files {
		file, err := h.open(ctx, fmt.Sprintf("The situation in district %d", i))
		if err != nil {
			return nil, err
		}
		doc, err := note1K(file, to...)
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// with founds an organization for one sample.
func with(ctx context.Context, dir string, f func(h *house) (sample, error)) (sample, error) {
	return withOn(ctx, dir, "", f)
}

// withOn founds one whose database is at an address; "" for a file.
func withOn(ctx context.Context, dir, database string, f func(h *house) (sample, error)) (sample, error) {
	h, err := newHouseOn(ctx, dir, "a.example", database)
	if err != nil {
		return sample{}, err
	}
	s, err := f(h)
	return s, errors.Join(err, h.close())
}

// issue issues CLEAR acts at the desk: parsed, checked against the file,
// journalled and signed, folded, and readable when the call returns.
func issue(callers int) measure {
	return func(ctx context.Context, e *env, dir string) (sample, error) {
		return with(ctx, dir, func(h *house) (sample, error) { return h.issue(ctx, e, callers) })
	}
}

// issuePostgres is issue on PostgreSQL.
func issuePostgres(callers int) measure {
	return func(ctx context.Context, e *env, dir string) (sample, error) {
		url, err := pgURL(ctx, e)
		if err != nil {
			return sample{}, err
		}
		return withOn(ctx, dir, url, func(h *house) (sample, error) { return h.issue(ctx, e, callers) })
	}
}

func (h *house) issue(ctx context.Context, e *env, callers int) (sample, error) {
	docs, err := h.openFiles(ctx)
	if err != nil {
		return sample{}, err
	}
	return warm(ctx, callers, e.each, func(ctx context.Context, i int) error {
		_, err := h.Desk.Issue(ctx, h.who, docs[i%files])
		return err
	})
}

// issueHTTP is issue through the API, on connections that are kept.
func issueHTTP(callers int) measure {
	return func(ctx context.Context, e *env, dir string) (sample, error) {
		return with(ctx, dir, func(h *house) (sample, error) {
			docs, err := h.openFiles(ctx)
			if err == nil {
				err = h.serve(ctx)
			}
			if err != nil {
				return sample{}, err
			}
			return warm(ctx, callers, e.each, func(ctx context.Context, i int) error {
				_, err := h.post(ctx, docs[i%files])
				return err
			})
		})
	}
}

// issueSealed issues acts sealed to two organizations and the own one, with
// both boxes durable before the entry.
func issueSealed(callers int) measure {
	return func(ctx context.Context, e *env, dir string) (sample, error) {
		return with(ctx, dir, func(h *house) (sample, error) {
			to := []comity.Domain{"b.example", "c.example"}
			for _, d := range to {
				o, err := newHouse(ctx, dir, d)
				if err != nil {
					return sample{}, err
				}
				o.url = "http://127.0.0.1:9" // it is not called
				if err := errors.Join(h.know(ctx, o), o.close()); err != nil {
					return sample{}, err
				}
			}
			docs, err := h.openFiles(ctx, to...)
			if err != nil {
				return sample{}, err
			}
			return warm(ctx, callers, e.each, func(ctx context.Context, i int) error {
				_, err := h.Desk.Issue(ctx, h.who, docs[i%files])
				return err
			})
		})
	}
}

// sealOnly seals what issueSealed does, and keeps nothing.
func sealOnly(ctx context.Context, e *env, _ string) (sample, error) {
	var to []seal.Recipient
	for range 3 {
		id, err := seal.NewIdentity()
		if err != nil {
			return sample{}, err
		}
		to = append(to, id.Recipient())
	}
	content, err := note1K(comity.ActName{Domain: "a.example", Index: 1}, "b.example", "c.example")
	if err != nil {
		return sample{}, err
	}
	effects, err := act.EffectsDocument(content)
	if err != nil {
		return sample{}, err
	}
	return warm(ctx, 16, e.each, func(context.Context, int) error {
		_, _, err := seal.Seal("a.example", seal.Effects, effects, to, rand.Reader)
		if err == nil {
			_, _, err = seal.Seal("a.example", seal.Content, content, to, rand.Reader)
		}
		return err
	})
}

// page reads the page of a file of 40 acts, asks among them, as an officer.
func page(ctx context.Context, e *env, dir string) (sample, error) {
	return with(ctx, dir, func(h *house) (sample, error) {
		file, err := h.open(ctx, "The situation along the river")
		if err != nil {
			return sample{}, err
		}
		for i := range 39 {
			a := example("note.v1", file)
			if i%4 == 0 { // with an ask
				a = example("request.v1", file)
				a.To = []act.To{{Org: "CEMAC", For: "answer"}, {Org: "IGAD", For: "answer"}}
			}
			a.Title = fmt.Sprintf("Entry %d of the file", i+1)
			doc, err := act.Encode(a)
			if err == nil {
				_, err = h.Desk.Issue(ctx, h.who, doc)
			}
			if err != nil {
				return sample{}, err
			}
		}
		if err := h.serve(ctx); err != nil {
			return sample{}, err
		}
		link, err := h.People.IssueLink(ctx, "officer", person.Officer, time.Hour)
		if err != nil {
			return sample{}, err
		}
		session, err := h.SignIn(ctx, link)
		if err != nil {
			return sample{}, err
		}
		return warm(ctx, 1, e.each, func(ctx context.Context, _ int) error {
			return h.getPage(ctx, "/situations/"+file.String(), session)
		})
	})
}

func (h *house) getPage(ctx context.Context, path, session string) error {
	req, err := http.NewRequestWithContext(ctx, "GET", h.url+path, nil)
	if err != nil {
		return err
	}
	req.AddCookie(&http.Cookie{Name: web.SessionCookie(h.Self.Domain), Value: session})
	resp, err := h.client.Do(req)
	if err != nil {
		return err
	}
	return drain(resp)
}

// addressees of a sealed text of 4 KB. It is sealed to ourselves, too.
const addressees = 7

func sealed4K() (text []byte, to []seal.Recipient, err error) {
	for range addressees + 1 {
		id, err := seal.NewIdentity()
		if err != nil {
			return nil, nil, err
		}
		to = append(to, id.Recipient())
	}
	text = make([]byte, 4096)
	_, err = rand.Read(text)
	return text, to, err
}

// seal4K makes a box: padded, committed to, nobody told apart.
func seal4K(ctx context.Context, e *env, _ string) (sample, error) {
	text, to, err := sealed4K()
	if err != nil {
		return sample{}, err
	}
	return warm(ctx, 1, e.each, func(context.Context, int) error {
		_, _, err := seal.Seal("a.example", seal.Content, text, to, rand.Reader)
		return err
	})
}

// age4K has age encrypt the same to the same keys, and nothing more.
func age4K(ctx context.Context, e *env, _ string) (sample, error) {
	text, to, err := sealed4K()
	if err != nil {
		return sample{}, err
	}
	var recipients []age.Recipient
	for _, r := range to {
		a, err := age.ParseHybridRecipient(r.String())
		if err != nil {
			return sample{}, err
		}
		recipients = append(recipients, a)
	}
	return warm(ctx, 1, e.each, func(context.Context, int) error {
		var out bytes.Buffer
		w, err := age.Encrypt(&out, recipients...)
		if err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		return w.Close()
	})
}
