package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/work"
)

// This file compares two builds of the same program: the present tree ("this") and
// another revision ("base"), which runs twice in each round.

// margin is by how much two builds may differ, beyond the spread of equal ones,
// before that is worth a word.
const margin = 0.03

// Comparison is everything that one invocation has compared.
type Comparison struct {
	Machine  Machine
	Revision string // of base
	Rows     []*Row
}

// Row is one workload with one library.
type Row struct {
	Workload string
	Library  string
	Unit     work.Unit
	Rounds   []Round
	Error    string `json:",omitempty"` // of the first round that failed

	// Value is in the unit of the workload, the CPU times are in ns for each message.
	Value, CPU, User Difference
	// Ratio of Value.This to the best peer, above 1 if better than that; 0 if there is none.
	Ratio float64

	line *Line // this tree's values, to be compared with peers
	lib  client.Library
}

// Round is one run of this tree and two of the revision. Those two are missing for what is
// not compared: peers and floors.
type Round struct {
	This        work.Result
	Base, Base2 *work.Result `json:",omitempty"`
}

// Difference compares one number of the two builds.
type Difference struct {
	This, Base float64 // medians
	// Ratio is the median of the ratios this/base within the rounds.
	Ratio float64
	// Spread is how far apart equal builds were: the median of |base/base − 1| within
	// the rounds.
	Spread float64
}

// NewRows returns a row without rounds for each library.
func NewRows(w work.Workload, libs []client.Library) []*Row {
	line := NewLine(w, libs)
	rows := make([]*Row, len(libs))
	for i, lib := range libs {
		rows[i] = &Row{Workload: w.Name, Library: lib.Name, Unit: w.Unit, line: line, lib: lib}
	}
	return rows
}

// Add adds a round, or the error that it ended with.
func (r *Row) Add(round Round, err error) {
	switch {
	case err == nil:
		r.Rounds = append(r.Rounds, round)
	case r.Error == "":
		r.Error = err.Error()
	}
}

// FinishRows computes what is derived from the rounds of the rows of one workload.
func FinishRows(rows []*Row) {
	for i, r := range rows {
		r.Value = r.difference(func(r work.Result) float64 { return r.Value })
		r.CPU = r.difference(func(r work.Result) float64 { return r.CPU })
		r.User = r.difference(func(r work.Result) float64 { return r.User })
		for _, round := range r.Rounds {
			r.line.Add(i, round.This, nil)
		}
	}
	if len(rows) > 0 {
		rows[0].line.Finish() // all have the same one
	}
	for i, r := range rows {
		r.Ratio = r.line.Cells[i].Ratio
	}
}

func (r *Row) difference(of func(work.Result) float64) (d Difference) {
	var this, base, ratios, spreads []float64
	for _, round := range r.Rounds {
		t := of(round.This)
		this = append(this, t)
		if round.Base == nil {
			continue
		}
		b, again := of(*round.Base), of(*round.Base2)
		base = append(base, b, again)
		if b > 0 && again > 0 {
			ratios = append(ratios, t/((b+again)/2))
			spreads = append(spreads, math.Abs(again/b-1))
		}
	}
	return Difference{median(this), median(base), median(ratios), median(spreads)}
}

// changed returns -1 if the number has become smaller by more than chance and margin,
// 1 if larger, 0 otherwise.
func (d Difference) changed() int {
	switch most := d.Spread + margin; {
	case d.Ratio == 0: // there is nothing to compare
	case d.Ratio < 1-most:
		return -1
	case d.Ratio > 1+most:
		return 1
	}
	return 0
}

// verdict says in words what has changed.
func (r *Row) verdict() string {
	value := r.Value.changed()
	if r.Unit.LessIsBetter() {
		value = -value
	}
	s := map[int]string{-1: "WORSE", 1: "better"}[value]
	for _, c := range []struct {
		what string
		d    Difference
	}{{"CPU", r.CPU}, {"user CPU", r.User}} {
		switch c.d.changed() {
		case 1:
			s += " MORE " + strings.ToUpper(c.what)
		case -1:
			s += " less " + c.what
		}
	}
	return s
}

// WriteTable writes a line for each workload and library.
func (c *Comparison) WriteTable(w io.Writer) {
	head := []string{"work", "library", "unit", "this", "base", "this/base", "A/A", "CPU ns", "base", "this/base", "A/A", "user ns", "base", "this/base", "A/A", "to best peer", ""}
	var rows [][]string
	for _, r := range c.Rows {
		if len(r.Rounds) == 0 {
			continue
		}
		format := (&Line{Unit: r.Unit}).format
		rows = append(rows, []string{
			r.Workload, r.Library, string(r.Unit),
			format(r.Value.This), format(r.Value.Base), ratio(r.Value.Ratio), percent(r.Value),
			nanoseconds(r.CPU.This), nanoseconds(r.CPU.Base), ratio(r.CPU.Ratio), percent(r.CPU),
			nanoseconds(r.User.This), nanoseconds(r.User.Base), ratio(r.User.Ratio), percent(r.User),
			ratio(r.Ratio), r.verdict(),
		})
	}
	writeMarkdown(w, head, rows)
	fmt.Fprintf(w, "\n\"this\" is the present tree, \"base\" is %s; `%s`; %s.\nMedians. A/A is how far two runs of base in the same round lie apart. In capitals: worse, or more CPU time, by more than that and %.0f %%.\nCPU time is exact; how much of it is user time the kernel estimates, from a sample every few ms.\n",
		c.Revision, c.Machine.Command, c.Machine, 100*margin)
}

func percent(d Difference) string {
	if d.Ratio == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*d.Spread)
}

// nanoseconds keeps three digits of small numbers.
func nanoseconds(v float64) string {
	switch {
	case v == 0:
		return "–"
	case v < 100:
		return fmt.Sprintf("%.3g", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// Failed reports whether any run has failed.
func (c *Comparison) Failed() bool {
	return slices.ContainsFunc(c.Rows, func(r *Row) bool { return r.Error != "" })
}

// WriteErrors writes what has failed.
func (c *Comparison) WriteErrors(w io.Writer) {
	for _, r := range c.Rows {
		if r.Error != "" {
			fmt.Fprintf(w, "%s, %s: %s\n", r.Workload, r.Library, r.Error)
		}
	}
}

// WriteJSON writes everything, all rounds included.
func (c *Comparison) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "\t")
	return e.Encode(c)
}
