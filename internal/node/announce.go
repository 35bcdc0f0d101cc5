package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/comity/comity/internal/person"
)

// runFile says at which address the node of a folder answers while it runs.
const runFile = "run.json"

type running struct {
	URL string `json:"url"`
	PID int    `json:"pid"`
}

// Announce notes in the folder at which address the node answers, for other
// commands on the same folder. Close removes the note.
func (n *Node) Announce(address string) error {
	b, err := json.Marshal(running{address, os.Getpid()})
	if err != nil {
		return err
	}
	n.announced = true
	if err := os.WriteFile(filepath.Join(n.Folder.Dir, runFile), b, 0o600); err != nil {
		return fmt.Errorf("note where the node answers: %w", err)
	}
	return nil
}

// Running returns the address of the node that runs on the folder; "" if none
// said so.
func Running(dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, runFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var r running
	if err := json.Unmarshal(b, &r); err != nil {
		return "", fmt.Errorf("%s: %w", runFile, err)
	}
	return r.URL, nil
}

// SignInLink returns a one-time address that signs a person's browser in. If
// no node runs on the folder it has no host.
func (n *Node) SignInLink(ctx context.Context, id string, role person.Role, ttl time.Duration) (string, error) {
	base, err := Running(n.Folder.Dir)
	if err != nil {
		return "", err
	}
	t, err := n.People.IssueLink(ctx, id, role, ttl)
	if err != nil {
		return "", err
	}
	return base + "/sign-in?t=" + url.QueryEscape(t), nil
}
