package report

import (
	"slices"
	"strings"
)

// Target is a promise about one number of one workload.
type Target struct {
	Workload string
	// Libraries are ways to use dandelion; it is enough that one of them keeps the promise.
	Libraries []string
	// What is the number that is meant.
	What Measure
	// Limit is its smallest good value for Ratio, the largest for all others.
	Limit float64
}

// Measure is a number in a Cell.
type Measure string

const (
	Ratio  Measure = "ratio"
	Allocs Measure = "allocations"
	Value  Measure = "value"
)

var (
	isolated = []string{"dandelion"}
	actor    = []string{"dandelion-actor"}
	sender   = []string{"dandelion"}
	borrowed = []string{"dandelion-borrowed"}
	callback = slices.Concat(isolated, borrowed)
)

// Targets are the promises of the project.
var Targets = []Target{
	{"pingpong-32-pinned", isolated, Ratio, 0.97},
	{"pingpong-1k-pinned", isolated, Ratio, 0.97},
	{"pingpong-64k-pinned", callback, Ratio, 1},
	{"pingpong-32", isolated, Ratio, 0.97},
	{"pingpong-1k", isolated, Ratio, 0.97},
	{"pingpong-64k", callback, Ratio, 1},
	{"echo-256", isolated, Ratio, 10},
	{"send-128", sender, Ratio, 8},
	{"send-128", actor, Ratio, 3},
	{"send-128", sender, Allocs, 0},
	{"send-64k", sender, Ratio, 1},
	{"send-16m", sender, Ratio, 1.4},
	{"receive-128", borrowed, Ratio, 1.8},
	{"receive-128", borrowed, Allocs, 0},
	{"receive-128", isolated, Ratio, 1},
	{"receive-128", isolated, Allocs, 1},
	{"receive-64k-ascii", callback, Ratio, 1},
	{"receive-64k-mixed", callback, Ratio, 5},
	{"receive-16m", callback, Ratio, 1},
	{"connections-200", callback, Ratio, 1},
	{"idle", isolated, Value, 8000},
	{"handshakes", isolated, Ratio, 0.9},
}

// Of returns the number that is meant.
func (m Measure) Of(c *Cell) float64 {
	switch m {
	case Allocs:
		return c.Allocs
	case Value:
		return c.Median
	}
	return c.Ratio
}

// who names the libraries.
func (t Target) who() string {
	if len(t.Libraries) > 2 {
		return "any with callbacks"
	}
	return strings.Join(t.Libraries, " or ")
}

// noise is what a run allocates beside its messages, for each of them.
const noise = 0.02

// Met reports whether v keeps the promise.
func (t Target) Met(v float64) bool {
	if t.What == Ratio {
		return v >= t.Limit
	}
	return v <= t.Limit+noise
}

// better returns the one of two numbers that is nearer to the promise.
func (t Target) better(a, b float64) float64 {
	if t.What == Ratio {
		return max(a, b)
	}
	return min(a, b)
}
