package sqlstore

import "fmt"

// maxRun is how many entries a run of arrival has at most, unless they came in
// one transaction: whoever folds the record anew reads a run at a time.
const maxRun = 1024

// Arrive gives the entries first..first+n-1 of the transaction's log the next
// positions and returns the first of them. Where they continue the last run it
// becomes longer, so that appending to one log again and again writes neither
// rows nor an index.
func (tx *Tx) Arrive(first int64, n int) (pos int64, err error) {
	if tx.log == nil {
		return 0, fmt.Errorf("arrival: the transaction is not bound to a log")
	}
	next := first + int64(n)
	var run int64
	err = tx.queryRow(tx.ctx, `UPDATE arrival_next SET run = CASE WHEN log = ? AND next = ? AND pos - run < ? THEN run ELSE pos END,
		log = ?, next = ?, pos = pos + ? WHERE one = 1 RETURNING pos, run`,
		tx.log.id, first, maxRun, tx.log.id, next, n).Scan(&pos, &run)
	if err != nil {
		return 0, tx.s.failed("give out positions", err)
	}
	pos -= int64(n)
	err = tx.exec(`INSERT INTO arrival (pos, log, first, n, placed) VALUES (?, ?, ?, ?, 1)
		ON CONFLICT (pos) DO UPDATE SET n = arrival.n + excluded.n`, run, tx.log.id, first, n)
	if err != nil {
		return 0, tx.s.failed("note an arrival", err)
	}
	return pos, nil
}
