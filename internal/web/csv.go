package web

import (
	"bytes"
	"encoding/csv"
	"mime"
	"net/http"
	"strings"
)

// sendCSV sends rows as a file to keep, in UTF-8 as RFC 4180 has it.
func sendCSV(w http.ResponseWriter, name string, rows [][]string) error {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	out.UseCRLF = true
	for _, r := range rows {
		for i, cell := range r {
			r[i] = unarmed(cell)
		}
		if err := out.Write(r); err != nil {
			return err
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": strings.ReplaceAll(name, "/", "-")}))
	_, err := w.Write(b.Bytes())
	return err
}

// unarmed is a cell that a spreadsheet takes for text. What came from outside may
// begin like a formula, which it would work out.
func unarmed(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
