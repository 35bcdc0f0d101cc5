package node

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics of one node, in a registry of its own: two nodes in one process do
// not meet.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	pushed   *prometheus.CounterVec // by outcome
	sent     *prometheus.CounterVec // by peer and outcome
}

func newMetrics(n *Node) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "comity_http_requests_total",
			Help: "HTTP requests answered, by part of the node and status."}, []string{"part", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "comity_http_request_seconds",
			Help: "Time to answer, by part of the node.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}, []string{"part"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), nodeCollector{n})
	m.pushMetrics()
	return m
}

// observe counts requests by the first part of their path, which is bounded.
func (m *metrics) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		c := &codeWriter{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(c, r)
		part := "pages"
		for _, p := range []string{"journal", "mirror", "api", "metrics", "healthz", "readyz"} {
			if strings.HasPrefix(r.URL.Path, "/"+p) {
				part = p
			}
		}
		m.requests.WithLabelValues(part, strconv.Itoa(c.code)).Inc()
		if !strings.HasSuffix(r.URL.Path, "/stream") {
			m.seconds.WithLabelValues(part).Observe(time.Since(begun).Seconds())
		}
	})
}

type codeWriter struct {
	http.ResponseWriter
	code int
}

func (c *codeWriter) WriteHeader(code int) {
	c.code = code
	c.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the connection.
func (c *codeWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

var (
	descRecording = prometheus.NewDesc("comity_recording", "1 if acts are recorded; 0 while the journal may not be signed, or the last try to record failed.", nil, nil)
	descHeld      = prometheus.NewDesc("comity_acts_held", "Acts held here, of all journals.", nil, nil)
	descPending   = prometheus.NewDesc("comity_acts_pending", "Acts that wait for others that have not arrived.", nil, nil)
	descSize      = prometheus.NewDesc("comity_journal_size", "Entries held of a journal.", []string{"domain"}, nil)
	descLag       = prometheus.NewDesc("comity_peer_lag", "Entries that a peer has shown and that are not stored here yet.", []string{"domain"}, nil)
	descTrouble   = prometheus.NewDesc("comity_peer_trouble", "1 if the last try to follow a peer failed.", []string{"domain"}, nil)
	descStored    = prometheus.NewDesc("comity_peer_stored", "Entries of our journal that a peer's mirror cosignature covers.", []string{"domain"}, nil)
)

// nodeCollector reads the node when it is scraped.
type nodeCollector struct{ n *Node }

func (nodeCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRecording, descHeld, descPending, descSize, descLag, descTrouble, descStored} {
		ch <- d
	}
}

func (c nodeCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	n := c.n
	recording := 1.0
	if n.Recording() != nil {
		recording = 0
	}
	gauge(descRecording, recording)
	gauge(descHeld, float64(n.Desk.Held()))
	if pending, err := n.Desk.Pending(context.Background()); err == nil {
		gauge(descPending, float64(pending))
	}
	gauge(descSize, float64(n.ledger.Size(n.Self.Domain)), string(n.Self.Domain))
	for _, d := range n.followed() {
		f, _ := n.following(d)
		gauge(descSize, float64(f.Size), string(d))
		gauge(descLag, float64(max(0, f.Theirs-f.Size)), string(d))
		trouble := 0.0
		if f.Trouble != "" {
			trouble = 1
		}
		gauge(descTrouble, trouble, string(d))
		gauge(descStored, float64(n.Desk.StoredBy(d)), string(d))
	}
}
