package web

import (
	"encoding/csv"
	"mime"
	"net/http"
	"strings"
)

// csvWriter sends rows as a file to keep, in UTF-8 as RFC 4180 has it, as they come.
type csvWriter struct{ w *csv.Writer }

func newCSV(w http.ResponseWriter, name string) *csvWriter {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": strings.ReplaceAll(name, "/", "-")}))
	out := csv.NewWriter(w)
	out.UseCRLF = true
	return &csvWriter{out}
}

// row writes a row; flush tells what went wrong.
func (c *csvWriter) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = unarmed(cell)
	}
	_ = c.w.Write(cells)
}

func (c *csvWriter) flush() error {
	c.w.Flush()
	return c.w.Error()
}

// broken ends a file after an error, so that nobody takes half of it for the whole. Of
// a nil writer nothing was sent yet.
func (c *csvWriter) broken(err error) error {
	if err != nil && c != nil {
		panic(http.ErrAbortHandler)
	}
	return err
}

// sendCSV sends rows that are there already.
func sendCSV(w http.ResponseWriter, name string, rows [][]string) error {
	c := newCSV(w, name)
	for _, r := range rows {
		c.row(r...)
	}
	return c.broken(c.flush())
}

// unarmed is a cell that a spreadsheet takes for text. What came from outside may
// begin like a formula, which it would work out.
func unarmed(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
