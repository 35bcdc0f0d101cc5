package sqlite

import (
	"context"
	"fmt"
	"os"

	"github.com/comity/comity/internal/sqlstore/sqltx"
)

// reserved is how long Reserve makes the write-ahead log, in bytes: as long as
// it gets before it is copied into the file, and some more for the commit that
// does so. A page of the log has a header of 24 bytes.
const reserved = (logPages + logPages/16) * (PageSize + 24)

// reserveStep is how many bytes are written while commits wait.
const reserveStep = 1 << 20

// Reserve takes the room on the disk that the write-ahead log will need. A
// commit that makes the log longer waits until the disk has noted that as well;
// one that writes over what is there does not, and is sooner done by a third.
// Once the log has been copied into the file it is written over in any case:
// this is for what is written before, after each start.
//
// What stands behind the log's end are zeros, which are no pages of it:
// https://sqlite.org/fileformat2.html#the_write_ahead_log
func (db *DB) Reserve(ctx context.Context) error {
	for left := true; left; {
		err := db.Transact(ctx, func(context.Context, sqltx.Tx) (err error) {
			left, err = db.reserveMore()
			return err
		})
		if err != nil {
			return fmt.Errorf("take room for the write-ahead log: %w", err)
		}
	}
	return nil
}

// reserveMore writes a step of zeros behind the log, which nobody may be
// writing: the caller is in a transaction that writes nothing. (SQLite's locks
// are on other files, and are not lost when this one is closed.)
func (db *DB) reserveMore() (left bool, err error) {
	f, err := os.OpenFile(db.path+"-wal", os.O_WRONLY, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return false, err
	}
	n := min(reserved-st.Size(), reserveStep)
	if n <= 0 {
		return false, nil
	}
	if _, err := f.WriteAt(make([]byte, n), st.Size()); err != nil {
		return false, err
	}
	return true, f.Sync()
}
