package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
)

// maxAnswer bounds what is read of the running node's answer.
const maxAnswer = 256 << 20

// asPerson does something that changes the record in a person's name: through
// the node that runs on the folder, or, if none does, by opening it. The
// folder is the authority: who can write it can act for its persons. If the
// answer is lost it is asked for again, under the same key.
func (a *app) asPerson(ctx context.Context, id string, role person.Role, path, key string, body []byte,
	here func(*node.Node, desk.Who) (desk.Issued, error)) (desk.Issued, error) {
	n, err := node.Open(ctx, node.Config{Dir: a.dir, Log: a.logger(), Version: version(), WithoutQuorum: a.alone, Operator: account()})
	if err == nil {
		defer n.Close()
		p, err := choose(ctx, n, id, role)
		if err != nil {
			return desk.Issued{}, err
		}
		return here(n, desk.Who{Person: &p, Role: p.Role})
	}
	if !errors.Is(err, node.ErrInUse) {
		return desk.Issued{}, err
	}
	if n, err = a.read(ctx); err != nil {
		return desk.Issued{}, err
	}
	defer n.Close()
	url := n.Beside(ctx)
	if url == "" {
		return desk.Issued{}, fmt.Errorf("%s: %w", a.dir, node.ErrInUse)
	}
	p, err := choose(ctx, n, id, role)
	if err != nil {
		return desk.Issued{}, err
	}
	var out desk.Issued
	return out, withToken(ctx, n, p, p.Role, func(token string) error {
		for try := 1; ; try++ {
			err := call(ctx, "POST", url+path, token, key, body, &out)
			if !errors.Is(err, errNoAnswer) || try == tries {
				return err
			}
			select {
			case <-ctx.Done():
				return err
			case <-time.After(time.Duration(try) * 250 * time.Millisecond):
			}
		}
	})
}

// tries to get an answer.
const tries = 4

// errNoAnswer: what was asked of the running node may have been done or not.
var errNoAnswer = errors.New("the running node gave no answer")

// fetch is what the API answers at a path: from the node that runs on the
// folder, which alone knows how far it has just heard the others; if none
// does, from the record.
func fetch[T any](ctx context.Context, a *app, path string, here func(*node.Node) (T, error)) (T, error) {
	var out T
	n, err := a.read(ctx)
	if err != nil {
		return out, err
	}
	defer n.Close()
	if url := n.Beside(ctx); url != "" {
		all, err := n.People.Persons(ctx)
		if err != nil {
			return out, err
		}
		for _, p := range all {
			if p.Role.Includes(person.Officer) {
				return out, withToken(ctx, n, p, person.Officer, func(token string) error {
					return call(ctx, "GET", url+path, token, "", nil, &out)
				})
			}
		}
		// Nobody here may read what is sealed to us but who can read the files.
	}
	return here(n)
}

// withToken calls f with a token that is good for as long as that takes.
func withToken(ctx context.Context, n *node.Node, p person.Person, role person.Role, f func(token string) error) error {
	token, err := n.People.IssueToken(ctx, p.ID, role, time.Minute)
	if err != nil {
		return err
	}
	return errors.Join(f(token), n.People.Revoke(context.WithoutCancel(ctx), token))
}

// call asks the running node, under an Idempotency-Key if there is one, and turns
// its problem details into an error.
func call(ctx context.Context, method, url, token, key string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" { // else as anybody
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	if resp.StatusCode >= 300 {
		var problem struct{ Title, Detail string }
		if json.Unmarshal(b, &problem) != nil || problem.Detail == "" {
			return fmt.Errorf("the running node answered %s", resp.Status)
		}
		return errors.New(problem.Detail)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("the answer of the running node: %w", err)
	}
	return nil
}
