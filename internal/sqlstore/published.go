package sqlstore

import (
	"github.com/comity/comity/comity"
)

// PublishOnce implements [desk.Recorder]. Of two transactions that publish the
// same file at the same time the second waits for the first.
func (tx *Tx) PublishOnce(proof comity.Hash, act comity.ActName) (comity.ActName, bool, error) {
	n, err := tx.affected("INSERT INTO published (proof, act) VALUES (?, ?) ON CONFLICT (proof) DO NOTHING", hash(proof), text(act))
	if err == nil && n == 1 {
		return act, true, nil
	}
	if err == nil {
		err = tx.queryRow(tx.ctx, "SELECT act FROM published WHERE proof = ?", hash(proof)).Scan(intoText(&act))
	}
	return act, false, tx.s.failed("keep what was published", err)
}
