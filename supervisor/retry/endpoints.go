package retry

// This file is where to connect to, with a memory for failures.

import (
	"math/rand/v2"
	"net/url"
	"slices"
	"time"

	"github.com/dandelionws/dandelion/messages"
)

// Order says which endpoint is tried next.
type Order uint8

const (
	// InOrder takes the first of the list that has not failed lately. The others stand in
	// while it is away.
	InOrder Order = iota
	// Shuffled is InOrder on a list that each supervisor shuffles for itself, so
	// that many clients spread over the endpoints.
	Shuffled
	// Sticky stays with the endpoint of the last open connection until it fails; otherwise
	// it is InOrder.
	Sticky
)

// String returns "in order", "shuffled" or "sticky".
func (o Order) String() string {
	switch o {
	case InOrder:
		return "in order"
	case Shuffled:
		return "shuffled"
	case Sticky:
		return "sticky"
	}
	return "unknown"
}

// Endpoints are the addresses of servers that are equally good. A failed endpoint is tried
// again only when all others have failed since, or after Memory. One whose failure has the
// verdict Stop, such as HTTP status 404, is excluded for good; the supervisor gives up when
// none is left.
type Endpoints struct {
	// URLs are tried besides the URL of the Config (or of Supervise), which, if set, is the
	// first of the list.
	URLs []string
	// Order is the order of the list. Default InOrder.
	Order Order
	// Memory is for how long a failure counts. Default 1 min.
	Memory time.Duration
	// IntN is the source of randomness for Shuffled: uniform in [0, n). Default math/rand/v2.
	IntN func(n int) int
}

// endpoint is an address and what is remembered of it.
type endpoint struct {
	url      string
	shown    string // url without user information, for events
	failures int    // in a row
	failedAt time.Time
	err      error
	excluded bool
}

// endpointList is what a Tracker remembers of its endpoints.
type endpointList struct {
	order  Order
	memory time.Duration
	list   []*endpoint
	stuck  *endpoint // of the last open connection
}

func newEndpoint(url string) *endpoint { return &endpoint{url: url, shown: displayURL(url)} }

func newEndpointList(first string, cfg Endpoints) *endpointList {
	l := &endpointList{order: cfg.Order, memory: cfg.Memory}
	if l.memory <= 0 {
		l.memory = time.Minute
	}
	if first != "" || len(cfg.URLs) == 0 {
		l.list = append(l.list, newEndpoint(first))
	}
	for _, url := range cfg.URLs {
		if !slices.ContainsFunc(l.list, func(e *endpoint) bool { return e.url == url }) {
			l.list = append(l.list, newEndpoint(url))
		}
	}
	if l.order == Shuffled {
		l.shuffle(cfg.IntN)
	}
	return l
}

// shuffle puts the list into a random order, even if intN panics.
func (l *endpointList) shuffle(intN func(n int) int) {
	if intN == nil {
		intN = rand.IntN
	}
	defer func() {
		if recover() != nil {
			l.shuffle(nil)
		}
	}()
	for i := len(l.list) - 1; i > 0; i-- { // Fisher–Yates
		j := min(max(0, intN(i+1)), i)
		l.list[i], l.list[j] = l.list[j], l.list[i]
	}
}

// failing reports whether a failure of e counts at now.
func (l *endpointList) failing(e *endpoint, now time.Time) bool {
	return e.failures > 0 && now.Sub(e.failedAt) < l.memory
}

// pick returns the endpoint to be tried at now.
func (l *endpointList) pick(now time.Time) *endpoint {
	if l.order == Sticky && l.stuck != nil && !l.stuck.excluded && !l.failing(l.stuck, now) {
		return l.stuck
	}
	var best *endpoint
	for _, e := range l.list {
		switch {
		case e.excluded:
		case !l.failing(e, now):
			return e
		case best == nil || e.failedAt.Before(best.failedAt):
			best = e
		}
	}
	if best == nil { // all are excluded: the supervisor gives up before that
		return l.list[0]
	}
	return best
}

// left is how many endpoints may be tried.
func (l *endpointList) left() int {
	n := 0
	for _, e := range l.list {
		if !e.excluded {
			n++
		}
	}
	return n
}

func (l *endpointList) opened(e *endpoint) {
	l.stuck = e
	e.failures, e.err = 0, nil
}

func (l *endpointList) failed(e *endpoint, err error, now time.Time) {
	e.failures++
	e.failedAt, e.err = now, err
}

// exclude leaves e out from now on, unless it is the last. It reports whether it did.
func (l *endpointList) exclude(e *endpoint) bool {
	if l.left() < 2 || e.excluded {
		return false
	}
	e.excluded = true
	return true
}

func (l *endpointList) status() []messages.EndpointStatus {
	out := make([]messages.EndpointStatus, len(l.list))
	for i, e := range l.list {
		out[i] = messages.EndpointStatus{URL: e.shown, Failures: e.failures, FailedAt: e.failedAt, Cause: e.err, Excluded: e.excluded}
	}
	return out
}

// displayURL takes the user information out of a URL, for events.
func displayURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(invalid URL)"
	}
	if u.User == nil {
		return raw
	}
	u.User = nil
	return u.String()
}
