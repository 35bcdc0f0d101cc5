package monitor

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/subtree"
)

// The bodies of tlog-mirror's add-entries. See
// https://c2sp.org/tlog-mirror#add-entries.

// maxPackages of one request: what tlog-mirror recommends.
const maxPackages = 32

// upload is the beginning of an add-entries request.
type upload struct {
	Origin     comity.Origin
	Start, End int64  // entries Start to End-1 follow, or the first packages of them
	Ticket     []byte // what the mirror gave, or withCheckpoint
}

// ticketCheckpoint begins the ticket that our mirror gives. It says that the
// mirror also takes it with the body of an add-checkpoint request behind it, and
// then does both in one. To others it is opaque, and harmless when sent back.
const ticketCheckpoint = "comity/checkpoint\n"

// ourTicket is the whole of it: the mirror also takes boxes behind the packages.
const ourTicket = ticketCheckpoint + "boxes\n"

// withCheckpoint is a ticket that carries an add-checkpoint request.
func withCheckpoint(request []byte) []byte { return append([]byte(ticketCheckpoint), request...) }

// header is the encoding of u.
func (u upload) header() []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(u.Origin)))
	b = append(b, u.Origin...)
	b = binary.BigEndian.AppendUint64(b, uint64(u.Start))
	b = binary.BigEndian.AppendUint64(b, uint64(u.End))
	b = binary.BigEndian.AppendUint16(b, uint16(len(u.Ticket)))
	return append(b, u.Ticket...)
}

// readUpload reads what header wrote.
func readUpload(r io.Reader) (u upload, err error) {
	origin, err := readSized(r)
	if err != nil {
		return u, fmt.Errorf("the origin: %w", err)
	}
	var at [2]uint64
	if err := binary.Read(r, binary.BigEndian, &at); err != nil {
		return u, fmt.Errorf("the sizes: %w", err)
	}
	ticket, err := readSized(r)
	if err != nil {
		return u, fmt.Errorf("the ticket: %w", err)
	}
	if at[0] > at[1] {
		return u, fmt.Errorf("upload_start %d is larger than upload_end %d", at[0], at[1])
	}
	if at[1] > maxSize {
		return u, fmt.Errorf("a size of %d is more than any journal has", at[1])
	}
	return upload{Origin: comity.Origin(origin), Start: int64(at[0]), End: int64(at[1]), Ticket: ticket}, nil
}

// readSized reads bytes after their number, two bytes long.
func readSized(r io.Reader) ([]byte, error) {
	var n [2]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(n[:]))
	_, err := io.ReadFull(r, b)
	return b, err
}

// pack is an entry package: entries start, start+1, … of one aligned block,
// and the proof for the block from its beginning on.
type pack struct {
	start   int64
	entries [][]byte
	proof   []tlog.Hash
}

// next says which entries the package at start holds in an upload to end.
func next(start, end int64) int64 { return min(end, start/width*width+width) }

// readPack reads the package of entries start to end-1. bytes is what it took.
func readPack(r io.Reader, start, end int64) (p pack, bytes int64, err error) {
	p.start = start
	for range end - start {
		e, err := readSized(r)
		if err != nil {
			return p, 0, err
		}
		p.entries = append(p.entries, e)
		bytes += 2 + int64(len(e))
	}
	var n [1]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return p, 0, err
	}
	if n[0] > subtree.MaxProof {
		return p, 0, fmt.Errorf("%w: a proof of %d hashes; at most %d are possible", errProof, n[0], subtree.MaxProof)
	}
	p.proof = make([]tlog.Hash, n[0])
	for i := range p.proof {
		if _, err := io.ReadFull(r, p.proof[i][:]); err != nil {
			return p, 0, err
		}
	}
	return p, bytes, nil
}

var errProof = errors.New("the package's proof does not hold")

// appendTo encodes the package.
func (p pack) appendTo(b []byte) ([]byte, error) {
	size := 1 + len(p.proof)*tlog.HashSize
	for _, e := range p.entries {
		size += 2 + len(e)
	}
	b = slices.Grow(b, size)
	for _, e := range p.entries {
		if len(e) > math.MaxUint16 {
			return nil, &journal.EntryTooLargeError{Size: len(e)}
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(e)))
		b = append(b, e...)
	}
	if len(p.proof) > subtree.MaxProof {
		return nil, fmt.Errorf("a proof of %d hashes", len(p.proof))
	}
	b = append(b, byte(len(p.proof)))
	for _, h := range p.proof {
		b = append(b, h[:]...)
	}
	return b, nil
}

// mirrorInfo is what a mirror answers with 409 and 202.
type mirrorInfo struct {
	Size   int64 // of a checkpoint that can be uploaded to
	Next   int64 // the entry to go on with
	Ticket []byte
}

const mirrorInfoType = "text/x.tlog.mirror-info"

func (i mirrorInfo) String() string {
	return fmt.Sprintf("%d\n%d\n%s\n", i.Size, i.Next, base64.StdEncoding.EncodeToString(i.Ticket))
}

// parseMirrorInfo reads what String wrote.
func parseMirrorInfo(body []byte) (i mirrorInfo, err error) {
	lines := strings.Split(string(body), "\n")
	if len(lines) != 4 || lines[3] != "" {
		return i, errors.New("not three lines")
	}
	for n, into := range []*int64{&i.Size, &i.Next} {
		*into, err = strconv.ParseInt(lines[n], 10, 64)
		if err != nil || *into < 0 || *into > maxSize || strconv.FormatInt(*into, 10) != lines[n] {
			return i, fmt.Errorf("%q is no size", clip(lines[n]))
		}
	}
	// The decoder passes over carriage returns.
	if i.Ticket, err = base64.StdEncoding.Strict().DecodeString(lines[2]); err != nil || strings.Contains(lines[2], "\r") {
		return i, errors.New("the ticket is not base64")
	}
	if len(i.Ticket) > math.MaxUint16 {
		return i, errors.New("the ticket is too long")
	}
	return i, nil
}

// asCheckpoint returns the add-checkpoint request in a ticket, if it has one.
func (u upload) asCheckpoint() ([]byte, bool) {
	body, ok := bytes.CutPrefix(u.Ticket, []byte(ticketCheckpoint))
	return body, ok && len(body) > 0
}
