package monitor_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer"
)

func TestAudit(t *testing.T) {
	for _, n := range []int{0, 1, 2, 255, 256, 257, 511, 512, 3000, 65_535, 65_536, 65_537, 66_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, n)
			var read int64
			cp, err := w.m.Audit(t.Context(), func(at, size int64) {
				if at <= read || size != int64(n) {
					t.Errorf("%d of %d read after %d", at, size, read)
				}
				read = at
			})
			if err != nil || cp.Size != int64(n) || read != int64(n) {
				t.Errorf("audit of %d entries: size %d, read %d, %v", n, cp.Size, read, err)
			}
			if n < 256 {
				return
			}
			seen := map[string]bool{}
			for _, r := range w.origin.Requests() {
				seen[r] = true
			}
			if want := 1 + 2*((n+255)/256) + (n/256+255)/256 + n/65536; len(seen) < want {
				t.Errorf("%d resources were read, want all %d", len(seen), want)
			}
		})
	}
}

// Whatever is served that does not belong to the checkpoint is found, and
// nothing of what is known of the peer changes.
func TestAuditFinds(t *testing.T) {
	for _, part := range []string{"/tile/entries/", "/tile/0/00", "/tile/1/"} {
		t.Run(part, func(t *testing.T) {
			w := newWorld(t, 3000)
			writes := w.mem.Writes()
			fork := monitortest.NewOrigin(w.origin.Log.Fork(10))
			found := false
			w.origin.Set(func(o *monitortest.Origin) {
				o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
					if strings.Contains(r.URL.Path, part) {
						found = true
						fork.ServeHTTP(rw, r)
						return true
					}
					return false
				}
			})
			_, err := w.m.Audit(t.Context(), nil)
			if found && peer.ReasonOf(err) != peer.BadData {
				t.Errorf("got the error %v, want %q", err, peer.BadData)
			}
			if !found {
				t.Errorf("%s was not asked for", part)
			}
			if w.mem.Writes() != writes {
				t.Error("the state was written")
			}
		})
	}
}
