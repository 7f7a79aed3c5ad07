// Package report turns the results of the runs into JSON and into tables.
package report

import (
	"encoding/json"
	"io"
	"slices"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/work"
)

// Report is everything that one invocation has measured.
type Report struct {
	Machine Machine
	Lines   []*Line
}

// Line is one workload with all libraries.
type Line struct {
	Workload string
	Title    string
	Unit     work.Unit
	Checked  bool `json:",omitempty"`
	Cells    []*Cell
}

// Cell is one workload with one library. The numbers are medians over the rounds.
type Cell struct {
	Library string
	Error   string `json:",omitempty"` // of the first round that failed
	Samples []work.Result

	Median, Min, Max float64 // in the unit of the line
	// Ratio to the best peer, above 1 if better than that; 0 if there is none.
	Ratio float64
	// Allocs, Bytes and CPU (ns) are per message.
	Allocs, Bytes, CPU float64
	RSS                float64 `json:",omitempty"` // bytes for each connection

	lib client.Library
}

// NewLine returns a line without samples.
func NewLine(w work.Workload, libs []client.Library) *Line {
	l := &Line{Workload: w.Name, Title: w.Title, Unit: w.Unit, Checked: w.Checked}
	for _, lib := range libs {
		l.Cells = append(l.Cells, &Cell{Library: lib.Name, Samples: []work.Result{}, lib: lib})
	}
	return l
}

// Add adds the outcome of one run with the library in column i.
func (l *Line) Add(i int, r work.Result, err error) {
	c := l.Cells[i]
	switch {
	case err == nil:
		c.Samples = append(c.Samples, r)
	case c.Error == "":
		c.Error = err.Error()
	}
}

// Finish computes what is derived from the samples.
func (l *Line) Finish() {
	for _, c := range l.Cells {
		c.summarize()
	}
	best := l.bestPeer(l.Checked)
	for _, c := range l.Cells {
		c.Ratio = l.ratio(c, best)
	}
}

func (c *Cell) summarize() {
	if len(c.Samples) == 0 {
		return
	}
	values := c.column(func(r work.Result) float64 { return r.Value })
	c.Min, c.Max = slices.Min(values), slices.Max(values)
	c.Median = median(values)
	c.Allocs = median(c.column(func(r work.Result) float64 { return r.Allocs }))
	c.Bytes = median(c.column(func(r work.Result) float64 { return r.Bytes }))
	c.CPU = median(c.column(func(r work.Result) float64 { return r.CPU }))
	c.RSS = median(c.column(func(r work.Result) float64 { return r.RSS }))
}

func (c *Cell) column(of func(work.Result) float64) []float64 {
	values := make([]float64, len(c.Samples))
	for i, r := range c.Samples {
		values[i] = of(r)
	}
	return values
}

// median of nothing is 0.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	if n == 0 {
		return 0
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}

// bestPeer returns the best median of the peers, with checkingOnly of those that
// check UTF-8; 0 if there is none.
func (l *Line) bestPeer(checkingOnly bool) (best float64) {
	for _, c := range l.Cells {
		if !c.lib.Peer() || c.Median == 0 || checkingOnly && !c.lib.Checks {
			continue
		}
		if best == 0 || (c.Median < best) == l.Unit.LessIsBetter() {
			best = c.Median
		}
	}
	return best
}

func (l *Line) ratio(c *Cell, best float64) float64 {
	switch {
	case c.Median == 0 || best == 0:
		return 0
	case l.Unit.LessIsBetter():
		return best / c.Median
	}
	return c.Median / best
}

// Failed reports whether any run has failed.
func (r *Report) Failed() bool {
	return slices.ContainsFunc(r.Lines, func(l *Line) bool {
		return slices.ContainsFunc(l.Cells, func(c *Cell) bool { return c.Error != "" })
	})
}

// WriteJSON writes everything, all samples included.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "\t")
	return e.Encode(r)
}
