package sqltx

import (
	"context"
	"database/sql"
	"sync"
)

// SQL runs statements over database/sql.
type SQL struct {
	On interface { // *sql.DB or *sql.Tx
		ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error)
	}
	Stmts *Stmts // nil if the driver prepares by itself
}

// Exec implements [Runner].
func (s SQL) Exec(ctx context.Context, q string, args ...any) (int64, error) {
	var res sql.Result
	var err error
	if st := s.stmt(ctx, q); st != nil {
		res, err = st.ExecContext(ctx, args...)
	} else {
		res, err = s.On.ExecContext(ctx, q, args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Query implements [Runner].
func (s SQL) Query(ctx context.Context, q string, args ...any) (Rows, error) {
	var rows *sql.Rows
	var err error
	if st := s.stmt(ctx, q); st != nil {
		rows, err = st.QueryContext(ctx, args...)
	} else {
		rows, err = s.On.QueryContext(ctx, q, args...)
	}
	if err != nil {
		return nil, err // not a nil *sql.Rows
	}
	return rows, nil
}

// stmt returns q prepared, or nil if it is to be run as it is; an error in q
// is then reported by running it.
func (s SQL) stmt(ctx context.Context, q string) *sql.Stmt {
	st := s.Stmts.get(q)
	tx, within := s.On.(*sql.Tx)
	switch {
	case st != nil && within:
		return tx.StmtContext(ctx, st)
	case st == nil && !within:
		s.Stmts.Prepare()
		return s.Stmts.get(q)
	}
	return st
}

// maxStmts bounds the statements kept prepared. Those written down in the
// store are fewer; the rest would be made up at run time.
const maxStmts = 512

// Stmts keeps statements prepared, by their text. A nil *Stmts keeps none.
//
// Preparing takes a connection. A transaction already has one, perhaps the
// only one, so a statement first met there is only noted, and prepared when
// the transaction is over.
type Stmts struct {
	DB *sql.DB

	mu     sync.RWMutex
	by     map[string]*sql.Stmt // nil: noted
	noted  []string
	closed bool
}

// get returns q prepared, or notes that it should be and returns nil.
func (c *Stmts) get(q string) *sql.Stmt {
	if c == nil {
		return nil
	}
	c.mu.RLock()
	st, known := c.by[q]
	full := len(c.by) >= maxStmts
	c.mu.RUnlock()
	if known || full {
		return st
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.by[q]; !known && !c.closed {
		if c.by == nil {
			c.by = map[string]*sql.Stmt{}
		}
		c.by[q] = nil
		c.noted = append(c.noted, q)
	}
	return nil
}

// Prepare prepares what has been noted. A statement that fails stays
// unprepared: running it will say what is wrong with it.
func (c *Stmts) Prepare() {
	if c == nil {
		return
	}
	c.mu.RLock()
	none := len(c.noted) == 0
	c.mu.RUnlock()
	if none {
		return
	}
	c.mu.Lock()
	noted := c.noted
	c.noted = nil
	c.mu.Unlock()
	for _, q := range noted {
		st, err := c.DB.PrepareContext(context.Background(), q)
		if err != nil {
			continue
		}
		c.mu.Lock()
		if c.closed {
			st.Close()
		} else {
			c.by[q] = st
		}
		c.mu.Unlock()
	}
}

// Close gives all statements up.
func (c *Stmts) Close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, st := range c.by {
		if st != nil {
			st.Close()
		}
	}
	c.by, c.noted, c.closed = nil, nil, true
}
