package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/work"
)

var libs = []client.Library{
	{Name: "checking", Checks: true},
	{Name: "fast"},
	{Name: "tcp", Floor: true},
	{Name: "dandelion", Ours: true, Checks: true},
}

// line returns a line in which every library has these values in every round.
func line(w work.Workload, values ...float64) *Line {
	l := NewLine(w, libs)
	for round := range 3 {
		for i, v := range values {
			l.Add(i, work.Result{Value: v + float64(round-1), Allocs: 0.5}, nil)
		}
	}
	l.Finish()
	return l
}

func TestRatio(t *testing.T) {
	for _, tc := range []struct {
		name string
		work work.Workload
		want float64
	}{
		{"more is better", work.Workload{Unit: work.PerSecond}, 2},
		{"only checking peers count", work.Workload{Unit: work.PerSecond, Checked: true}, 4},
		{"less is better", work.Workload{Unit: work.BytesEach}, 0.25},
	} {
		l := line(tc.work, 100, 200, 1000, 400)
		c := l.Cells[3]
		if c.Ratio != tc.want || c.Median != 400 || c.Min != 399 || c.Max != 401 || c.Allocs != 0.5 {
			t.Errorf("%s: got %+v, want the ratio %v", tc.name, c, tc.want)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{4, 2}, 3},
		{[]float64{9, 1, 5}, 5},
	} {
		if got := median(tc.values); got != tc.want {
			t.Errorf("%v: got %v, want %v", tc.values, got, tc.want)
		}
	}
}

func TestFailures(t *testing.T) {
	l := NewLine(work.Workload{Name: "w", Unit: work.PerSecond}, libs)
	l.Add(0, work.Result{}, errors.New("first"))
	l.Add(0, work.Result{}, errors.New("second"))
	l.Finish()
	r := &Report{Lines: []*Line{l}}
	var b bytes.Buffer
	r.WriteErrors(&b)
	if got, want := b.String(), "w, checking: first\n"; got != want || !r.Failed() {
		t.Errorf("got %q and %v, want %q and true", got, r.Failed(), want)
	}
}

func TestTables(t *testing.T) {
	w := work.Workload{Name: "pingpong-32", Title: "title", Unit: work.PerSecond, Checked: true}
	idle := work.Workload{Name: "idle", Title: "idle", Unit: work.BytesEach}
	r := &Report{Lines: []*Line{line(w, 1000, 20_000, 3_000_000, 950), line(idle, 5000, 6000, 3500, 17_300)}}
	var b bytes.Buffer
	r.WriteTable(&b)
	r.WriteDetails(&b)
	r.WriteTargets(&b)
	for _, want := range []string{
		"| title, msg/s | 1.00k    | 20.0k * | 3.00M | 950       | 0.95",
		"| pingpong-32 | dandelion | msg/s | 950    | 949   | 951   | 0.95",
		"| title | dandelion | ratio | ≥ 0.97 | 0.95  | no  | 3000.00 |",
		"| idle  | dandelion | value | ≤ 8000 | 17.3k | no  | 3.50k   |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got\n%s\nwant %q in it", b.String(), want)
		}
	}
}

func TestTargetMet(t *testing.T) {
	for _, tc := range []struct {
		what         Measure
		limit, value float64
		want         bool
	}{
		{Ratio, 2, 2, true},
		{Ratio, 2, 1.99, false},
		{Allocs, 0, noise, true},
		{Allocs, 0, 0.5, false},
		{Value, 8000, 9000, false},
	} {
		if got := (Target{What: tc.what, Limit: tc.limit}).Met(tc.value); got != tc.want {
			t.Errorf("%s %v, limit %v: got %v", tc.what, tc.value, tc.limit, got)
		}
	}
}
