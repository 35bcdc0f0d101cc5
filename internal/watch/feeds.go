package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// Feeds reads feeds into the database.
type Feeds struct {
	Store interface {
		Store
		Importer
		Settings
	}
	Snapshots Snapshots
	Adapters  []feed.Adapter
	Now       func() time.Time
	// Client asks the web address of a feed.
	Client func(address string) (*http.Client, error)
	// Login to a feed, of one that wants it.
	Login func(FeedName) feed.Login
	// Own has the organization's own reports; nil: there are none.
	Own OwnReports
	Log *slog.Logger

	// Idle and Wait are those of feed.Web; zero: as there.
	Idle time.Duration
	Wait func(context.Context, time.Duration) error
	// MaxQuarantined bounds the rows that one run puts into quarantine; what is bad
	// besides is counted alone. 0: DefaultQuarantined.
	MaxQuarantined int64

	reads    sync.Map   // by FeedName: a chan struct{} that is full while this process reads the feed
	own      sync.Mutex // held while own reports are read, which would overtake each other
	ownRead  bool       // by this process
	ownUntil int64      // position until which its acts were looked at
}

func (f *Feeds) now() comity.Time { return comity.TimeOf(f.Now()) }

var feedName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// keptPrefix stands before the hash of a snapshot from which a feed is read.
const keptPrefix = "sha256:"

// IsWeb reports whether a feed is read from the web, and so by itself.
func (f Feed) IsWeb() bool {
	return strings.HasPrefix(f.From, "https://") || strings.HasPrefix(f.From, "http://")
}

func (f *Feeds) adapter(name string) (feed.Adapter, error) {
	i := slices.IndexFunc(f.Adapters, func(a feed.Adapter) bool { return a.Name == name })
	if i < 0 {
		return feed.Adapter{}, fmt.Errorf("there is no adapter %q", name)
	}
	return f.Adapters[i], nil
}

// Find returns a feed.
func (f *Feeds) Find(ctx context.Context, name FeedName) (Feed, error) {
	all, err := f.Store.Feeds(ctx)
	if err != nil {
		return Feed{}, err
	}
	for _, s := range all {
		if s.Feed.Name == name {
			return s.Feed, nil
		}
	}
	return Feed{}, fmt.Errorf("feed %s: %w", name, ErrNoFeed)
}

// Add adds a feed of a new name. What was sent along is kept, and read by the
// first run; if sent is nil, runs read from x.From.
func (f *Feeds) Add(ctx context.Context, x Feed, sent io.Reader) error {
	if !feedName.MatchString(string(x.Name)) {
		return fmt.Errorf("feed %q: want a name of small letters, digits and -, at most 31, that begins with a letter", x.Name)
	}
	a, err := f.adapter(x.Adapter)
	if err != nil {
		return err
	}
	switch was, err := f.Find(ctx, x.Name); {
	case err == nil && !was.Removed.IsZero():
		return fmt.Errorf("there was a feed %s, which was removed %s: bring it back, or give the new one another name", x.Name, was.Removed)
	case err == nil:
		return fmt.Errorf("feed %s: %w; change what it is read from, or give the new one another name", x.Name, ErrFeedExists)
	case !errors.Is(err, ErrNoFeed):
		return err
	}
	if sent != nil {
		h, _, err := f.Snapshots.Keep(ctx, sent)
		if err != nil {
			return err
		}
		x.From = keptPrefix + h.String()
	}
	if err := x.check(); err != nil {
		return err
	}
	x.Machine, x.Private = a.Machine, a.Private
	x.Added = f.now()
	return f.Store.PutFeed(ctx, x)
}

// check reports, as a *desk.Invalid, what is wrong with what somebody says of a feed.
func (x *Feed) check() error {
	if !x.TLP.Valid() {
		return invalid("tlp: feed %s: %q is no TLP label", x.Name, x.TLP)
	}
	if x.From == "" {
		return invalid("from: feed %s: say from which file or address it is read", x.Name)
	}
	if !x.IsWeb() && strings.Contains(x.From, "://") {
		return invalid("from: feed %s: only addresses that begin with https:// or http:// are read, not %q; fetch the file, and give that", x.Name, x.From)
	}
	if u, err := url.Parse(x.From); x.IsWeb() && (err != nil || u.User != nil) {
		return invalid("from: feed %s: want an address without a login, which is shown, logged and backed up; a login stands in the environment of the node", x.Name)
	}
	return nil
}

// turns is full while this process reads the feed.
func (f *Feeds) turns(name FeedName) chan struct{} {
	c, _ := f.reads.LoadOrStore(name, make(chan struct{}, 1))
	return c.(chan struct{})
}

// alone waits until nothing else of this process reads the feed; nothing will
// before leave is called. What is read by day and what an officer has asked for
// would else be fetched twice at once.
func (f *Feeds) alone(ctx context.Context, name FeedName) (leave func(), err error) {
	turn := f.turns(name)
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Run reads a feed to its end. progress, which may be nil, is called now and then.
func (f *Feeds) Run(ctx context.Context, name FeedName, progress func(Progress)) (Run, error) {
	x, err := f.live(ctx, name)
	if err != nil {
		return Run{Feed: name}, err
	}
	if x.Adapter == ownAdapter {
		runs, err := f.ReadOwn(ctx)
		i := slices.IndexFunc(runs, func(r Run) bool { return r.Feed == name })
		if i < 0 {
			return Run{Feed: name}, err
		}
		return runs[i], err
	}
	a, err := f.adapter(x.Adapter)
	if err != nil {
		return Run{}, fmt.Errorf("feed %s: %w", name, err)
	}
	leave, err := f.alone(ctx, name)
	if err != nil {
		return Run{Feed: name}, err
	}
	defer leave()
	of := f.reading(x, a, progress)
	run, err := f.run(ctx, of)
	if err != nil {
		return run, fmt.Errorf("feed %s: %w", name, err)
	}
	return run, nil
}

func (f *Feeds) reading(x Feed, a feed.Adapter, progress func(Progress)) *reading {
	return &reading{feed: x, adapter: a, begun: f.now(), progress: progress, most: cmp.Or(f.MaxQuarantined, DefaultQuarantined)}
}

func (f *Feeds) run(ctx context.Context, of *reading) (Run, error) {
	from := of.feed.From
	if h, ok := strings.CutPrefix(from, keptPrefix); ok {
		var sum comity.Hash
		if err := sum.UnmarshalText([]byte(h)); err != nil {
			return Run{}, err
		}
		return f.readKept(ctx, of, sum)
	}
	if !of.feed.IsWeb() {
		file, err := os.Open(from)
		if err != nil {
			return f.failed(ctx, of, err)
		}
		defer file.Close()
		of.version, of.whole = versionOf(of.adapter, from), isWhole(of.adapter, from)
		return f.read(ctx, of, file)
	}
	file, err := f.download(ctx, of)
	if err != nil {
		return f.failed(ctx, of, err)
	}
	if file == nil {
		return f.unchanged(ctx, of)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	u, err := url.Parse(from)
	if err != nil {
		return f.failed(ctx, of, err)
	}
	of.version, of.whole = versionOf(of.adapter, path.Base(u.Path)), isWhole(of.adapter, from)
	if of.fetched.Version != "" {
		of.version = of.fetched.Version
	}
	run, err := f.read(ctx, of, file)
	if err == nil {
		err = f.noteAnswer(ctx, of)
	}
	return run, err
}

func versionOf(a feed.Adapter, name string) string {
	if a.VersionOf == nil {
		return ""
	}
	return a.VersionOf(path.Base(strings.ReplaceAll(name, "\\", "/")))
}

func isWhole(a feed.Adapter, name string) bool { return a.Whole != nil && a.Whole(name) }

// failed notes a run that read nothing, so that its error is seen where its feed
// is.
func (f *Feeds) failed(ctx context.Context, of *reading, why error) (Run, error) {
	return f.empty(ctx, of, Run{Err: why.Error()}, why)
}

// unchanged notes a run in which the source had nothing new.
func (f *Feeds) unchanged(ctx context.Context, of *reading) (Run, error) {
	all, err := f.Store.Feeds(ctx)
	if err != nil {
		return Run{}, err
	}
	var end Run
	if i := slices.IndexFunc(all, func(s State) bool { return s.Feed.Name == of.feed.Name }); i >= 0 {
		was := all[i].Read
		end = Run{Snapshot: was.Snapshot, Bytes: was.Bytes, Version: was.Version}
	}
	return f.empty(ctx, of, end, nil)
}

func (f *Feeds) empty(ctx context.Context, of *reading, end Run, why error) (Run, error) {
	ctx = context.WithoutCancel(ctx)
	in, err := f.Store.Begin(ctx, Run{Feed: of.feed.Name, Begun: of.begun}, of.adapter.Newer)
	if err != nil {
		return Run{}, errors.Join(why, err)
	}
	end.Ended = f.now()
	run, err := in.Close(ctx, end, false)
	return run, errors.Join(why, err)
}

// readKept reads a snapshot.
func (f *Feeds) readKept(ctx context.Context, of *reading, sum comity.Hash) (Run, error) {
	r, err := f.Snapshots.Open(ctx, sum)
	if err != nil {
		return f.failed(ctx, of, err)
	}
	defer r.Close()
	file, err := f.Snapshots.temporary()
	if err != nil {
		return f.failed(ctx, of, err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if _, err = io.Copy(file, r); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return f.failed(ctx, of, err)
	}
	return f.read(ctx, of, file)
}

// Retry reads again the snapshots of which rows are in quarantine: a newer adapter
// may know what they mean.
func (f *Feeds) Retry(ctx context.Context, name FeedName, progress func(Progress)) ([]Run, error) {
	x, err := f.live(ctx, name)
	if err != nil {
		return nil, err
	}
	a, err := f.adapter(x.Adapter)
	if err != nil {
		return nil, err
	}
	runs, err := f.runsInQuarantine(ctx, name)
	var out []Run
	for _, r := range runs {
		if err != nil {
			break
		}
		of := f.reading(x, a, progress)
		of.version = r.Version
		var run Run
		run, err = f.readKept(ctx, of, r.Snapshot)
		out = append(out, run)
	}
	return out, err
}

// runsInQuarantine lists the runs of rows in quarantine, one of each snapshot.
func (f *Feeds) runsInQuarantine(ctx context.Context, name FeedName) ([]Run, error) {
	of := map[int64]bool{}
	for after := int64(0); ; {
		rows, err := f.Store.Quarantined(ctx, name, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, q := range rows {
			of[q.Run] = true
			after = q.ID
		}
		if len(rows) < 1000 {
			break
		}
	}
	all, err := f.Store.Runs(ctx, name, 1<<20)
	seen := map[comity.Hash]bool{{}: true}
	var out []Run
	for _, r := range slices.Backward(all) {
		if of[r.ID] && !seen[r.Snapshot] {
			seen[r.Snapshot] = true
			out = append(out, r)
		}
	}
	return out, err
}
