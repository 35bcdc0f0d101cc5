package sqlstore

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/sqlstore/sqltx"
)

// An export is everything in a database, as of one moment, in a form that is
// neither database's own: lines of JSON, in this order.
//
//	{"export":1,"migrations":["0001_journal.sql",…]}
//	{"table":"log","columns":["id","origin",…]}        then its rows,
//	[1,"ecowas.int/journal",12,{"b":"…base64…"},null]  a line each
//	{"counter":"draft","value":7}                      the last number given out
//	{"end":123}                                        how many rows there were
//
// Numbers are integers, texts are texts, bytes stand as {"b":…}.
const exportVersion = 1

type exportLine struct {
	Export     int      `json:"export,omitempty"`
	Migrations []string `json:"migrations,omitempty"`
	Table      string   `json:"table,omitempty"`
	Columns    []string `json:"columns,omitempty"`
	Counter    string   `json:"counter,omitempty"`
	Value      int64    `json:"value,omitempty"`
	End        *int64   `json:"end,omitempty"`
}

// Export writes the whole database to w while others go on writing to it. It
// returns how many rows there were.
func (s *Store) Export(ctx context.Context, w io.Writer) (rows int64, err error) {
	out := bufio.NewWriterSize(w, 1<<16)
	err = s.View(ctx, func(tx *Tx) error {
		if err := s.d.Unhurried(ctx, tx.on); err != nil { // it locks nothing that others wait for
			return s.failed("begin to read", err)
		}
		done, err := tx.applied()
		if err != nil {
			return err
		}
		first := exportLine{Export: exportVersion}
		for _, m := range done {
			first.Migrations = append(first.Migrations, m.name)
		}
		if err := writeLine(out, first); err != nil {
			return err
		}
		tables, err := tx.tables()
		if err != nil {
			return err
		}
		for _, t := range tables {
			n, err := tx.exportTable(out, t)
			if err != nil {
				return fmt.Errorf("table %s: %w", t, err)
			}
			rows += n
		}
		if err := tx.exportCounters(out); err != nil {
			return err
		}
		return writeLine(out, exportLine{End: &rows})
	})
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return 0, fmt.Errorf("export the %s database: %w", s.d.Name(), err)
	}
	return rows, nil
}

func writeLine(w *bufio.Writer, v exportLine) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Write(b)
	return w.WriteByte('\n')
}

// applied lists the migrations that the database has, in order.
func (tx *Tx) applied() ([]migration, error) {
	rows, err := tx.query(tx.ctx, "SELECT version, name FROM migration ORDER BY version")
	done, err := collect(rows, err, func(r row) (m migration, err error) {
		return m, r.Scan(&m.version, &m.name)
	})
	if err != nil {
		return nil, tx.s.failed("read the table of migrations", err)
	}
	return done, nil
}

var createTable = regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`)

// tables lists the node's tables, each behind those that it refers to: in the
// order in which the migrations make them.
func (tx *Tx) tables() ([]string, error) {
	rows, err := tx.query(tx.ctx, tx.s.d.Tables())
	there, err := collect(rows, err, func(r row) (t string, err error) { return t, r.Scan(&t) })
	if err != nil {
		return nil, tx.s.failed("list tables", err)
	}
	all, err := readMigrations(migrations)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range all {
		for _, c := range createTable.FindAllStringSubmatch(m.script, -1) {
			if slices.Contains(there, c[1]) && !slices.Contains(out, c[1]) {
				out = append(out, c[1])
			}
		}
	}
	for _, t := range there {
		if t != "migration" && !slices.Contains(out, t) {
			return nil, fmt.Errorf("there is a table %s that this program does not know", t)
		}
	}
	return out, nil
}

func (tx *Tx) exportTable(out *bufio.Writer, table string) (n int64, err error) {
	view := tx.on.(sqltx.SQL) // whose rows know their columns
	rows, err := view.On.QueryContext(tx.ctx, "SELECT * FROM "+strconv.Quote(table))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	if err := writeLine(out, exportLine{Table: table, Columns: columns}); err != nil {
		return 0, err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var line []byte
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return 0, err
		}
		line = append(line[:0], '[')
		for i, v := range values {
			if i > 0 {
				line = append(line, ',')
			}
			if line, err = appendValue(line, v); err != nil {
				return 0, fmt.Errorf("column %s: %w", columns[i], err)
			}
		}
		if _, err := out.Write(append(line, ']', '\n')); err != nil {
			return 0, err
		}
		n++
	}
	return n, rows.Err()
}

func appendValue(line []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(line, "null"...), nil
	case int64:
		return strconv.AppendInt(line, v, 10), nil
	case int32: // the driver of PostgreSQL has narrower ones
		return strconv.AppendInt(line, int64(v), 10), nil
	case bool:
		return strconv.AppendBool(line, v), nil
	case []byte:
		line = append(line, `{"b":"`...)
		line = base64.StdEncoding.AppendEncode(line, v)
		return append(line, `"}`...), nil
	case string:
		if !utf8.ValidString(v) {
			return nil, errors.New("holds a text that is not UTF-8")
		}
		b, err := json.Marshal(v)
		return append(line, b...), err
	}
	return nil, fmt.Errorf("holds a %T, which has no form in an export", v)
}

func (tx *Tx) exportCounters(out *bufio.Writer) error {
	rows, err := tx.query(tx.ctx, tx.s.d.Counters())
	all, err := collect(rows, err, func(r row) (l exportLine, err error) { return l, r.Scan(&l.Counter, &l.Value) })
	if err != nil {
		return tx.s.failed("read the counters", err)
	}
	for _, l := range all {
		if err := writeLine(out, l); err != nil {
			return err
		}
	}
	return nil
}

// maxExportLine bounds a line of an export: an entry or a tile in base64, with
// room to spare.
const maxExportLine = 64 << 20

// Import makes the database at url, which must be empty, into what was
// exported, and brings its schema up to date. It writes all or nothing. With Left it is
// a copy that is not used before Settle.
func Import(ctx context.Context, url string, r io.Reader, o Options) (rows int64, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d, err := open(ctx, url, 0)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	s := &Store{d: d, log: o.Logger}
	err = s.write(ctx, nil, func(tx *Tx) error {
		if err := errors.Join(d.Unhurried(ctx, tx.on), d.LockSchema(ctx, tx.on)); err != nil {
			return s.failed("lock", err)
		}
		in := importer{tx: tx, lines: bufio.NewScanner(r)}
		in.lines.Buffer(make([]byte, 1<<16), maxExportLine)
		rows, err = in.run()
		if err == nil && o.Left {
			err = tx.exec("INSERT INTO moved (one, into_what, at) VALUES (1, '', ?)", text(comity.TimeOf(time.Now())))
		}
		return err
	})
	if err == nil {
		err = s.migrate(ctx, migrations)
	}
	if err != nil {
		return 0, fmt.Errorf("import into the %s database: %w; nothing was changed", d.Name(), err)
	}
	return rows, nil
}

type importer struct {
	tx    *Tx
	lines *bufio.Scanner
	rows  int64

	table   string
	columns int
	insert  string // for a full batch
	batch   []any
	bytes   int
}

func (in *importer) next() ([]byte, error) {
	if in.lines.Scan() {
		return in.lines.Bytes(), nil
	}
	if err := in.lines.Err(); err != nil {
		return nil, err
	}
	return nil, errors.New("the export ends before its end: it is cut off")
}

func (in *importer) run() (int64, error) {
	line, err := in.next()
	if err != nil {
		return 0, err
	}
	var first exportLine
	if err := json.Unmarshal(line, &first); err != nil || first.Export == 0 {
		return 0, errors.New("this is no export of a database")
	}
	if first.Export != exportVersion {
		return 0, fmt.Errorf("the export has form %d, and this program reads form %d; use the version that wrote it", first.Export, exportVersion)
	}
	if err := in.schema(first.Migrations); err != nil {
		return 0, err
	}
	for {
		line, err := in.next()
		if err != nil {
			return 0, err
		}
		if len(line) > 0 && line[0] == '[' {
			if err := in.row(line); err != nil {
				return 0, fmt.Errorf("table %s: %w", in.table, err)
			}
			continue
		}
		if err := in.flush(); err != nil {
			return 0, fmt.Errorf("table %s: %w", in.table, err)
		}
		var l exportLine
		if err := json.Unmarshal(line, &l); err != nil {
			return 0, fmt.Errorf("the export is damaged: %w", err)
		}
		switch {
		case l.End != nil && *l.End != in.rows:
			return 0, fmt.Errorf("the export says that it has %d rows, and has %d: it is damaged", *l.End, in.rows)
		case l.End != nil:
			return in.rows, in.tx.s.failed("count on", in.tx.s.d.CountOn(in.tx.ctx, in.tx.on))
		case l.Counter != "":
			if err := in.tx.s.d.SetCounter(in.tx.ctx, in.tx.on, l.Counter, l.Value); err != nil {
				return 0, fmt.Errorf("counter of %s: %w", l.Counter, err)
			}
		default:
			if err := in.begin(l); err != nil {
				return 0, err
			}
		}
	}
}

// schema makes the tables that the exported database had.
func (in *importer) schema(names []string) error {
	tx := in.tx
	rows, err := tx.query(tx.ctx, tx.s.d.Tables())
	there, err := collect(rows, err, func(r row) (t string, err error) { return t, r.Scan(&t) })
	if err != nil {
		return tx.s.failed("list tables", err)
	}
	if len(there) > 0 {
		return errors.New("the database is not empty; name an empty one")
	}
	all, err := readMigrations(migrations)
	if err != nil {
		return err
	}
	var had []migration
	for _, name := range names {
		i := slices.IndexFunc(all, func(m migration) bool { return m.name == name })
		if i < 0 {
			return fmt.Errorf("the export was written by a newer version of this program (it has %s): use that version", name)
		}
		had = append(had, all[i])
	}
	if err := tx.migrate(had); err != nil {
		return err
	}
	// What migrations write into their tables stands in the export.
	tables, err := tx.tables()
	for _, t := range slices.Backward(tables) {
		if err := tx.tx.Once(tx.ctx, "DELETE FROM "+strconv.Quote(t)); err != nil {
			return tx.s.failed("empty table "+t, err)
		}
	}
	return err
}

var columnName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

func (in *importer) begin(l exportLine) error {
	if !columnName.MatchString(l.Table) || len(l.Columns) == 0 || slices.ContainsFunc(l.Columns, func(c string) bool { return !columnName.MatchString(c) }) {
		return errors.New("the export is damaged: a line is neither row nor table")
	}
	in.table, in.columns = l.Table, len(l.Columns)
	quoted := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		quoted[i] = strconv.Quote(c)
	}
	in.insert = fmt.Sprintf("INSERT INTO %q (%s) VALUES ", l.Table, strings.Join(quoted, ", "))
	return nil
}

// A batch is one statement's worth of rows.
const (
	batchRows  = 64
	batchBytes = 4 << 20
)

func (in *importer) row(line []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil {
		return fmt.Errorf("the export is damaged: %w", err)
	}
	if in.columns == 0 || len(raw) != in.columns {
		return fmt.Errorf("the export is damaged: a row has %d columns, and its table %d", len(raw), in.columns)
	}
	for _, r := range raw {
		v, err := parseValue(r)
		if err != nil {
			return fmt.Errorf("the export is damaged: %w", err)
		}
		in.batch = append(in.batch, v)
	}
	in.rows++
	in.bytes += len(line)
	if len(in.batch) == batchRows*in.columns || in.bytes >= batchBytes {
		return in.flush()
	}
	return nil
}

func parseValue(r json.RawMessage) (any, error) {
	switch r = bytes.TrimSpace(r); {
	case string(r) == "null":
		return nil, nil
	case string(r) == "true", string(r) == "false":
		return string(r) == "true", nil
	case len(r) > 0 && r[0] == '"':
		var s string
		return s, json.Unmarshal(r, &s)
	case len(r) > 0 && r[0] == '{':
		var b struct {
			B []byte `json:"b"`
		}
		err := json.Unmarshal(r, &b)
		return blob(b.B), err
	}
	return strconv.ParseInt(string(r), 10, 64)
}

func (in *importer) flush() error {
	if len(in.batch) == 0 {
		return nil
	}
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", in.columns), ", ") + ")"
	n := len(in.batch) / in.columns
	stmt := in.insert + strings.TrimSuffix(strings.Repeat(row+", ", n), ", ")
	_, err := in.tx.on.Exec(in.tx.ctx, in.tx.s.d.SQL(stmt), in.batch...)
	in.batch, in.bytes = in.batch[:0], 0
	return in.tx.s.failed("insert", err)
}
