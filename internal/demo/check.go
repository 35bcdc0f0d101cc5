package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/leak"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
)

// Row is what Check found at one node.
type Row struct {
	Domain       comity.Domain
	Issued       int64 // acts in its own journal
	Held         int64 // acts of all journals
	Mirrored     int64 // entries of others under its mirror cosignature
	Cosignatures int   // of witnesses and mirrors on its last checkpoint
	Open         int   // asks without an answer
	Overdue      int
	Digest       string
}

// apart is the node that runs in a process of its own and is killed.
const apart comity.Domain = "ecowas.example"

// Check plays the whole scenario, kills a node under load and starts it again,
// waits for quiet, and checks everything that the record promises. It returns
// a row per node, and an error that names all that does not hold.
func Check(ctx context.Context, c Config, say func(format string, args ...any)) ([]Row, error) {
	c.Apart = []comity.Domain{apart}
	d, err := Open(ctx, c)
	if err != nil {
		return nil, err
	}
	say("played to %s", d.Now().Format("2 January 2006"))
	acked, err := d.killUnderLoad(ctx, say)
	if err == nil {
		d.mu.Lock()
		err = d.moveTo(ctx, End)
		d.mu.Unlock()
	}
	if err == nil {
		err = d.Watched()
	}
	if err == nil {
		say("played to %s", d.Now().Format("2 January 2006"))
		err = d.quiet(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close(), d.Remove(ctx))
	}
	rows, bad := d.inspect(ctx)
	bad = append(bad, d.lost(ctx, acked)...)
	if err := d.Close(); err != nil {
		bad = append(bad, err)
	}
	bad = append(bad, d.verifyAll(ctx)...)
	bad = append(bad, d.leaks(ctx)...)
	if err := d.Remove(ctx); err != nil {
		bad = append(bad, err)
	}
	return rows, errors.Join(bad...)
}

// killUnderLoad kills the node that runs apart while many callers issue acts
// there, starts it again, and returns the acts it had answered with 201.
func (d *Demo) killUnderLoad(ctx context.Context, say func(string, ...any)) ([]comity.Ref, error) {
	p := d.player(apart)
	file, err := p.issue(ctx, exerciseDoc("situation.v1", comity.ActName{}, "Exercise: load on one node", comity.Clear))
	if err != nil {
		return nil, fmt.Errorf("open a file for the load: %w", err)
	}
	const callers, before = 16, 200
	var mu sync.Mutex
	var acked []comity.Ref
	enough := make(chan struct{})
	load, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for k := 0; load.Err() == nil; k++ {
				ref, err := p.issue(load, exerciseDoc("note.v1", file.Act, fmt.Sprintf("Load %d of caller %d", k, i), comity.Clear))
				if err != nil {
					return // killed
				}
				mu.Lock()
				acked = append(acked, ref)
				if len(acked) == before {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(time.Minute):
		return nil, errors.New("the load did not get through in a minute")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := p.kill(); err != nil {
		return nil, err
	}
	stop()
	wg.Wait()
	say("killed %s under load after %d acts answered with 201", p.domain, len(acked))
	if err := p.respawn(ctx); err != nil {
		return nil, err
	}
	if _, err := p.issue(ctx, exerciseDoc("note.v1", file.Act, "After the restart", comity.Clear)); err != nil {
		return nil, fmt.Errorf("issue after the restart: %w", err)
	}
	return acked, nil
}

func exerciseDoc(kind act.Kind, situation comity.ActName, title string, tlp comity.TLP) []byte {
	a := &act.Act{Kind: kind, Date: comity.TimeOf(Start), By: act.By{Office: "Load"}, Situation: situation,
		Status: comity.Exercise, TLP: tlp, Lang: "en", Title: title}
	doc, err := act.Encode(a)
	if err != nil {
		panic("demo: " + err.Error())
	}
	return doc
}

// checkpoint is a node's newest checkpoint and how many of the others have
// witnessed and mirrored it.
type checkpoint struct {
	size                int64
	witnessed, mirrored int
}

func (d *Demo) checkpoint(ctx context.Context, p *player) (checkpoint, error) {
	var c checkpoint
	b, err := p.get(ctx, "/journal/checkpoint", "")
	if err != nil {
		return c, err
	}
	self := p.asPeer()
	log, err := self.LogVerifier()
	if err != nil {
		return c, err
	}
	verifiers := []note.Verifier{log}
	for _, o := range d.players {
		if o == p {
			continue
		}
		w, err := o.asPeer().WitnessVerifier()
		if err != nil {
			return c, err
		}
		m, err := o.asPeer().MirrorVerifier()
		if err != nil {
			return c, err
		}
		verifiers = append(verifiers, w, m)
	}
	signed, err := note.Open(b, note.VerifierList(verifiers...))
	if err != nil {
		return c, fmt.Errorf("%s: checkpoint: %w", p.domain, err)
	}
	cp, err := torchwood.ParseCheckpoint(signed.Text)
	if err != nil {
		return c, err
	}
	c.size = cp.N
	for _, s := range signed.Sigs {
		switch {
		case strings.HasSuffix(s.Name, "/witness"):
			c.witnessed++
		case strings.HasSuffix(s.Name, "/mirror"):
			c.mirrored++
		}
	}
	return c, nil
}

// quiet waits, for at most two minutes, until every node has read, stored and
// cosigned every journal to its end.
func (d *Demo) quiet(ctx context.Context) error {
	return until(ctx, 2*time.Minute, func() error {
		for _, p := range d.players {
			if p.node != nil {
				if err := p.node.WitnessRound(ctx); err != nil {
					return err
				}
			}
		}
		for _, p := range d.players {
			c, err := d.checkpoint(ctx, p)
			if err != nil {
				return err
			}
			if others := len(d.players) - 1; c.witnessed != others || c.mirrored != others {
				return fmt.Errorf("%s: its checkpoint of size %d has %d witness and %d mirror cosignatures, not %d of each",
					p.domain, c.size, c.witnessed, c.mirrored, others)
			}
		}
		return nil
	})
}

// inspect asks every node how it stands.
func (d *Demo) inspect(ctx context.Context) (rows []Row, bad []error) {
	for _, p := range d.players {
		r := Row{Domain: p.domain}
		if err := d.inspectOne(ctx, p, &r); err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", p.domain, err))
		}
		rows = append(rows, r)
		if r.Digest != rows[0].Digest {
			bad = append(bad, fmt.Errorf("%s has the digest %s, %s has %s", p.domain, r.Digest, rows[0].Domain, rows[0].Digest))
		}
		if r.Held != rows[0].Held {
			bad = append(bad, fmt.Errorf("%s holds %d acts, %s %d", p.domain, r.Held, rows[0].Domain, rows[0].Held))
		}
	}
	return rows, bad
}

func (d *Demo) inspectOne(ctx context.Context, p *player, r *Row) error {
	c, err := d.checkpoint(ctx, p)
	if err != nil {
		return err
	}
	r.Issued, r.Cosignatures = c.size, c.witnessed+c.mirrored
	var digest casefile.Digest
	if err := p.read(ctx, "/api/v1/digest", "", &digest); err != nil {
		return err
	}
	r.Digest = digest.SHA256.String()
	var page struct{ Held int64 }
	if err := p.read(ctx, "/api/v1/acts?limit=1", person.Officer, &page); err != nil {
		return err
	}
	r.Held = page.Held
	for _, o := range d.players {
		if o == p {
			continue
		}
		b, err := p.get(ctx, "/mirror/"+o.domain.Origin().Hash()+"/checkpoint", "")
		if err != nil {
			return fmt.Errorf("its mirror of %s: %w", o.domain, err)
		}
		text, _, _ := strings.Cut(string(b), "\n\n")
		cp, err := torchwood.ParseCheckpoint(text + "\n")
		if err != nil {
			return fmt.Errorf("its mirror of %s: %w", o.domain, err)
		}
		r.Mirrored += cp.N
	}
	var asks struct {
		Asks []struct {
			Addressees []struct{ Standing casefile.Standing }
		}
	}
	if err := p.read(ctx, "/api/v1/asks", person.Officer, &asks); err != nil {
		return err
	}
	for _, a := range asks.Asks {
		for _, x := range a.Addressees {
			if x.Standing.Open() {
				r.Open++
			}
			if x.Standing == casefile.Overdue {
				r.Overdue++
			}
		}
	}
	return nil
}

// lost finds acts that were answered with 201 and are not, with the same leaf
// hash, at their node and at every other.
func (d *Demo) lost(ctx context.Context, acked []comity.Ref) (bad []error) {
	for _, p := range d.players {
		missing := 0
		for _, r := range acked {
			var a struct{ Leaf comity.Hash }
			if err := p.read(ctx, "/api/v1/acts/"+r.Act.String(), person.Officer, &a); err != nil || a.Leaf != r.Leaf {
				missing++
			}
		}
		if missing > 0 {
			bad = append(bad, fmt.Errorf("%s lacks %d of the %d acts that %s had answered with 201", p.domain, missing, len(acked), apart))
		}
	}
	return bad
}

// verifyAll re-reads every journal at every node from its first entry. The
// nodes are stopped.
func (d *Demo) verifyAll(ctx context.Context) (bad []error) {
	for _, p := range d.players {
		n, err := node.Open(ctx, node.Config{Dir: p.dir, Visit: true})
		if err != nil {
			bad = append(bad, err)
			continue
		}
		journals := 0
		n.Fsck(ctx, func(o comity.Origin, _ int64, err error) {
			journals++
			if err != nil {
				bad = append(bad, fmt.Errorf("%s: journal of %s: %w", p.domain, o, err))
			}
		})
		if journals != len(d.players) {
			bad = append(bad, fmt.Errorf("%s holds %d journals, not %d", p.domain, journals, len(d.players)))
		}
		n.Close()
	}
	return bad
}

// leaks checks every sealed act of the script: its addressees can read it, and
// its text stands nowhere in what any other node keeps. The nodes are stopped.
func (d *Demo) leaks(ctx context.Context) (bad []error) {
	sealed := 0
	for _, p := range d.players {
		n, err := node.Open(ctx, node.Config{Dir: p.dir, Visit: true})
		if err != nil {
			return append(bad, err)
		}
		kept, err := everything(ctx, n, p.dir)
		if err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", p.domain, err))
		}
		var others []string // texts that are not sealed to it
		of := map[string]comity.ActName{}
		for _, s := range d.steps {
			if s.Doc.TLP == comity.Clear {
				continue
			}
			ref, ok := d.refs[s.Key]
			if !ok {
				continue
			}
			sealed++
			addressed := s.Node == p.domain || slices.ContainsFunc(s.Doc.To, func(t act.To) bool { return t.Org == p.domain.Party() })
			h, err := n.Desk.Act(ctx, desk.Who{Person: &person.Person{}, Role: person.Officer}, ref.Act)
			switch {
			case err != nil:
				bad = append(bad, fmt.Errorf("%s does not hold %s: %w", p.domain, ref.Act, err))
			case addressed && h.Act == nil:
				bad = append(bad, fmt.Errorf("%s cannot read %s, which is sealed to it: %s", p.domain, ref.Act, h.Why))
			case !addressed && h.Act != nil:
				bad = append(bad, fmt.Errorf("%s can read %s, which is not sealed to it", p.domain, ref.Act))
			case !addressed:
				others = append(others, s.Doc.Title, s.Doc.Text)
				of[s.Doc.Title], of[s.Doc.Text] = ref.Act, ref.Act
			}
		}
		marks := leak.Of(others...)
		for file, b := range kept {
			for _, found := range marks.Find(b) {
				bad = append(bad, fmt.Errorf("%s is not sealed to %s, but %s holds %s", of[found.Text], p.domain, file, found))
			}
		}
		n.Close()
	}
	if sealed == 0 {
		bad = append(bad, errors.New("the script has no sealed act, so nothing was checked for leaks"))
	}
	return bad
}

// everything a node keeps: the bytes of its files, and the rows of a database
// that is not one of them.
func everything(ctx context.Context, n *node.Node, dir string) (map[string][]byte, error) {
	kept := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		kept[path] = b
		return err
	})
	rows, dumpErr := n.Dump(ctx)
	kept["database"] = rows
	return kept, errors.Join(err, dumpErr)
}
