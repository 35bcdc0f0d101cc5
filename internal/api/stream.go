package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

// Event is the data of the server-sent event "act": an act that is held here
// from now on. The event's id is its position.
type Event struct {
	Position int64          `json:"position"`
	Name     comity.ActName `json:"name"`
	Leaf     comity.Hash    `json:"leaf"`
	Status   comity.Status  `json:"status,omitempty"`
	Recorded comity.Time    `json:"recorded,omitzero"` // by the issuer's node
	Readable bool           `json:"readable"`

	// Of acts that the caller may read:
	Kind      act.Kind       `json:"kind,omitempty"`
	Title     string         `json:"title,omitempty"`
	Situation comity.ActName `json:"situation,omitzero"`
}

func eventOf(x desk.Held) Event {
	e := Event{Position: x.Pos, Name: x.Name, Leaf: x.Leaf, Status: x.Status, Recorded: x.At, Readable: x.Act != nil, Situation: x.File}
	if x.Act != nil {
		e.Kind, e.Title = x.Act.Kind, x.Act.Title
	}
	return e
}

// getStream sends an event for every act that arrives, for as long as the
// caller stays signed in. A reader that comes back with Last-Event-ID (or
// "after") misses nothing and gets nothing twice.
func (h *Handler) getStream(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	if who.Person == nil {
		return desk.ErrSignIn
	}
	q := queryOf(r, "after")
	held := h.c.Desk.Held()
	pos := q.position("after", held)
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n < 0 {
			q.fail("Last-Event-ID", "%q; want the position of an act", clip(last))
		}
		pos = n
	}
	if q.err != nil {
		return q.err
	}
	if !h.enter(who.Person.ID) {
		return &problemError{problem: tooManyStreams, detail: fmt.Sprintf("%s holds %d streams open already; close one", who.Person.ID, h.c.Streams)}
	}
	defer h.leave(who.Person.ID)

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not hold events back
	w.Header().Set("Connection", "close")     // it carries deadlines that suit no other request
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	s := &sender{h: h, w: w, c: http.NewResponseController(w)}
	_ = s.c.SetReadDeadline(time.Time{}) // nothing more is read; a connection without deadlines needs none lifted
	if err := s.run(r, who, min(pos, held)); err != nil {
		h.c.Log.DebugContext(r.Context(), "a stream ended", "person", who.Person.ID, "err", err)
	}
	return nil
}

// enter counts a stream in, unless the person holds too many.
func (h *Handler) enter(person string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams[person] >= h.c.Streams {
		return false
	}
	h.streams[person]++
	return true
}

func (h *Handler) leave(person string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams[person]--; h.streams[person] == 0 {
		delete(h.streams, person)
	}
}

// sender writes one stream.
type sender struct {
	h *Handler
	w http.ResponseWriter
	c *http.ResponseController
}

// batch is how many acts are taken from the desk at a time.
const batch = 100

// run sends what is held after pos, then what arrives. It ends when the reader
// leaves, is too slow, or is no longer signed in as who.
func (s *sender) run(r *http.Request, who desk.Who, pos int64) error {
	beat := time.NewTicker(s.h.c.Heartbeat)
	defer beat.Stop()
	if err := s.write("retry: 2000\n\n"); err != nil {
		return err
	}
	for {
		news := s.h.c.Desk.News() // before looking, so that nothing arrives unseen in between
		acts, err := s.h.c.Desk.Acts(r.Context(), who, pos, batch)
		if err != nil {
			return err
		}
		for _, x := range acts {
			data, err := encode(eventOf(x))
			if err != nil {
				return err
			}
			// encode ends the line, and JSON has no other line end.
			if err := s.write(fmt.Sprintf("event: act\nid: %d\ndata: %s\n", x.Pos, data)); err != nil {
				return err
			}
			pos = x.Pos
		}
		var more chan struct{}
		if len(acts) == batch {
			more = make(chan struct{})
			close(more)
		}
		select {
		case <-more:
		case <-news:
		case <-beat.C:
			if who, err = s.still(r, who); err != nil {
				return err
			}
			if err := s.write(": still here\n\n"); err != nil {
				return err
			}
		case <-r.Context().Done():
			return r.Context().Err()
		case <-s.h.closing:
			return nil
		}
	}
}

// still is who the reader is by now: a token may have been revoked, a role
// made smaller.
func (s *sender) still(r *http.Request, who desk.Who) (desk.Who, error) {
	now, err := s.h.who(r)
	if err != nil {
		return now, err
	}
	if now.Person == nil || now.Person.ID != who.Person.ID {
		return now, desk.ErrSignIn
	}
	return now, nil
}

func (s *sender) write(text string) error {
	// A reader that does not keep up is dropped, and comes back with
	// Last-Event-ID when it can.
	_ = s.c.SetWriteDeadline(time.Now().Add(s.h.c.Patience)) // not all writers know deadlines; those of tests need none
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.c.Flush()
}
