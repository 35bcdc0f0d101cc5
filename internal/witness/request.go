package witness

import "golang.org/x/mod/sumdb/tlog"

// ParseRequest takes the body of an add-checkpoint request apart: the old
// size, the consistency proof and the signed checkpoint, none of which has been
// checked. An error is a *Refusal with status 400.
func ParseRequest(body []byte) (old int64, proof tlog.TreeProof, signed []byte, err error) {
	return parseRequest(body)
}

// FormatRequest is the inverse of ParseRequest.
func FormatRequest(old int64, proof tlog.TreeProof, signed []byte) []byte {
	return formatRequest(old, proof, signed)
}
