package sqlite

import (
	"context"
	"database/sql"
	"sync"

	"modernc.org/sqlite"
)

// SQLite's write-ahead log is copied into the file while commits go on. SQLite by
// itself lets the commit do it that makes the log too long, and whoever waits for
// that commit waits several times as long as for another
// (https://sqlite.org/wal.html#ckpt).

const (
	logPages   = 4000         // pages in the log, from which on it is copied: 32 MB
	longestLog = 2 * logPages // where the commit copies it that finds it so long
)

// logged says how much the log holds that is not copied.
type logged struct {
	pages   int64         // written since it was last copied; for the writing transaction
	full    chan struct{} // logPages were written
	stop    context.CancelFunc
	stopped context.Context
	work    sync.WaitGroup
	copying sync.Mutex // SQLite refuses the second at a time
	copies  int64      // how often it was copied, whole; under copying
}

func newLogged() *logged {
	l := &logged{full: make(chan struct{}, 1)}
	l.stopped, l.stop = context.WithCancel(context.Background())
	return l
}

// close waits until what is being copied is.
func (l *logged) close() {
	l.stop()
	l.work.Wait()
}

// written notes what a transaction has written.
func (db *DB) written(on *writing) {
	n, _, err := on.Status(sqlite.DBStatusCacheWrite, true)
	if err != nil {
		return // then a commit copies the log
	}
	if db.logged.pages += int64(n); db.logged.pages >= logPages {
		db.logged.pages = 0
		select {
		case db.logged.full <- struct{}{}:
		default: // it is being copied
		}
	}
}

// copyLog copies the log whenever it is full, until the database is closed.
func (db *DB) copyLog() {
	for {
		select {
		case <-db.logged.stopped.Done():
			return
		case <-db.logged.full:
		}
		db.logged.copying.Lock()
		// The log is begun anew only when nothing is left that is not copied. So what
		// was written meanwhile, which is little, is copied while nothing is written.
		// What cannot be copied now is later.
		if copied(db.reader) && copied(db.writer) {
			db.logged.copies++
		}
		db.logged.copying.Unlock()
	}
}

// copied copies what the log holds now, and says whether it did. It waits for
// nobody.
func copied(on *sql.DB) bool {
	var busy, pages, done int64
	// Not to be interrupted: what is copied is not synced then.
	err := on.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &done)
	return err == nil && busy == 0 && pages == done
}
