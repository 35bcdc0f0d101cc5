package sqlstore

import "fmt"

// Arrive gives the entries first..first+n-1 of the transaction's log the next
// positions and returns the first of them.
func (tx *Tx) Arrive(first int64, n int) (pos int64, err error) {
	if tx.log == nil {
		return 0, fmt.Errorf("arrival: the transaction is not bound to a log")
	}
	err = tx.queryRow(tx.ctx, "UPDATE arrival_next SET pos = pos + ? WHERE one = 1 RETURNING pos", n).Scan(&pos)
	if err != nil {
		return 0, tx.s.failed("give out positions", err)
	}
	pos -= int64(n)
	if err := tx.exec("INSERT INTO arrival (pos, log, first, n, placed) VALUES (?, ?, ?, ?, 1)", pos, tx.log.id, first, n); err != nil {
		return 0, tx.s.failed("note an arrival", err)
	}
	return pos, nil
}
