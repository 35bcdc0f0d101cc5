package sqlstore

import (
	"fmt"
)

// maxRun is how many entries a run of arrival has at most, unless they came in
// one transaction: whoever folds the record anew reads a run at a time.
const maxRun = 1024

// nextPosition is the one that is given out next. It follows from the last run,
// unless that was given up: arrival_next is then where positions go on.
const nextPosition = `(SELECT MAX(pos) FROM (SELECT pos FROM arrival_next
	UNION ALL SELECT pos + n FROM (SELECT pos, n FROM arrival ORDER BY pos DESC LIMIT 1) AS ends) AS ends_and_next)`

// ending is how arrival ends.
type ending struct {
	pos int64 // the next position
	run int64 // the last run, if it may go on; else 0
	log int64 // of the run
	n   int64 // how many entries it has
	at  int64 // the index of the entry that it goes on with
}

// lockArrival has others wait who give out positions, until the end of the
// transaction: so they become visible in order.
func (tx *Tx) lockArrival() error {
	var pos int64
	err := tx.queryRow(tx.ctx, "SELECT pos FROM arrival_next WHERE one = 1"+tx.s.d.ForUpdate()).Scan(&pos)
	return tx.s.failed("lock the order of arrival", err)
}

// ending locks arrival and returns how it ends, which is then no longer known.
func (tx *Tx) ending() (*ending, error) {
	if e := tx.takeEnding(); e != nil {
		return e, nil
	}
	if err := tx.lockArrival(); err != nil {
		return nil, err
	}
	e := new(ending)
	err := tx.queryRow(tx.ctx, "SELECT "+nextPosition+`, COALESCE(a.pos, 0), COALESCE(a.log, 0), COALESCE(a.n, 0), COALESCE(a.first + a.n, 0)
		FROM arrival_next f LEFT JOIN (SELECT pos, log, first, n, placed FROM arrival ORDER BY pos DESC LIMIT 1) AS a
			ON a.pos + a.n >= f.pos AND a.placed = 1`).Scan(&e.pos, &e.run, &e.log, &e.n, &e.at)
	return e, tx.s.failed("find the next position", err)
}

// Arrive gives the entries first..first+n-1 of the transaction's log the next
// positions and returns the first of them. Where they continue the last run it
// becomes longer, so that appending to one log again and again writes neither
// rows nor an index.
func (tx *Tx) Arrive(first int64, n int) (pos int64, err error) {
	if tx.log == nil {
		return 0, fmt.Errorf("arrival: the transaction is not bound to a log")
	}
	e, err := tx.ending()
	if err != nil {
		return 0, err
	}
	pos = e.pos
	if e.run != 0 && e.log == tx.log.id && e.at == first && e.n < maxRun {
		err = tx.exec("UPDATE arrival SET n = n + ? WHERE pos = ?", n, e.run)
	} else {
		e = &ending{pos: pos, run: pos, log: tx.log.id, at: first}
		err = tx.exec("INSERT INTO arrival (pos, log, first, n, placed) VALUES (?, ?, ?, ?, 1)", pos, e.log, first, n)
	}
	e.pos, e.n, e.at = e.pos+int64(n), e.n+int64(n), e.at+int64(n)
	tx.learned.ending = e
	return pos, tx.s.failed("note an arrival", err)
}

// cutArrival removes the entries of the log from first on. Their positions are
// never given out again.
func (tx *Tx) cutArrival(first int64) error {
	tx.endsEnding()
	err := tx.exec("UPDATE arrival_next SET pos = " + nextPosition)
	if err == nil {
		err = tx.exec("DELETE FROM arrival WHERE log = ? AND first >= ?", tx.log.id, first)
	}
	if err == nil {
		err = tx.exec("UPDATE arrival SET n = ? - first WHERE log = ? AND first + n > ?", first, tx.log.id, first)
	}
	return tx.s.failed("cut the order of arrival", err)
}
