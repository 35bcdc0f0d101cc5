package simtest

import (
	"context"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/node"
)

// running is the node while it runs.
func (h *house) running() (*node.Node, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.node, h.live
}

// why it could not be opened last; nil if it could.
func (h *house) why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.broke
}

// evidence on which the node has frozen a journal; nil if it has not.
func (h *house) evidence(of comity.Domain) *monitor.Evidence {
	n, up := h.running()
	if !up {
		return nil
	}
	e, err := n.Frozen(context.Background(), of)
	if err != nil || e == nil {
		return nil
	}
	return &e.Evidence
}

// files of the node: their names, and every byte of them.
func (h *house) files() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		filepath.WalkDir(h.dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return nil
			}
			if b, err := os.ReadFile(path); err == nil && !yield(filepath.Base(path), b) {
				return fs.SkipAll
			}
			return nil
		})
	}
}
