package report

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/work"
)

// rounds returns one Round for each triple of values: this, base, base again. The
// user time of a message is a tenth of the value, CPU time a half.
func rounds(triples ...[3]float64) []Round {
	var all []Round
	for _, v := range triples {
		r := func(v float64) work.Result { return work.Result{Value: v, CPU: v / 2, User: v / 10} }
		base, again := r(v[1]), r(v[2])
		all = append(all, Round{This: r(v[0]), Base: &base, Base2: &again})
	}
	return all
}

func TestDifference(t *testing.T) {
	const less, more = "less CPU less user CPU", "MORE CPU MORE USER CPU"
	for _, tc := range []struct {
		name          string
		unit          work.Unit
		rounds        []Round
		ratio, spread float64
		verdict       string
	}{
		{"the same", work.PerSecond, rounds([3]float64{100, 100, 100}), 1, 0, ""},
		{"within the margin", work.PerSecond, rounds([3]float64{98, 100, 100}), 0.98, 0, ""},
		{"slower", work.PerSecond, rounds([3]float64{90, 100, 100}), 0.9, 0, "WORSE " + less},
		{"faster", work.PerSecond, rounds([3]float64{110, 100, 100}), 1.1, 0, "better " + more},
		{"more memory", work.BytesEach, rounds([3]float64{110, 100, 100}), 1.1, 0, "WORSE " + more},
		{"within the spread", work.PerSecond, rounds([3]float64{96.9, 95, 104.5}), 0.9714, 0.1, ""},
		{"medians of what is within a round", work.PerSecond,
			rounds([3]float64{90, 100, 100}, [3]float64{900, 1000, 1000}, [3]float64{100, 10, 30}), 0.9, 0, "WORSE " + less},
	} {
		rows := NewRows(work.Workload{Unit: tc.unit}, []client.Library{{Name: "dandelion", Ours: true}})
		for _, r := range tc.rounds {
			rows[0].Add(r, nil)
		}
		FinishRows(rows)
		d := rows[0].Value
		if math.Abs(d.Ratio-tc.ratio) > 1e-4 || math.Abs(d.Spread-tc.spread) > 1e-4 {
			t.Errorf("%s: got %+v, want the ratio %v and the spread %v", tc.name, d, tc.ratio, tc.spread)
		}
		if got := rows[0].verdict(); got != tc.verdict {
			t.Errorf("%s: got the verdict %q, want %q", tc.name, got, tc.verdict)
		}
		if all, user := rows[0].CPU, rows[0].User; math.Abs(all.This-5*user.This) > 1e-6 {
			t.Errorf("%s: got %v CPU and %v of it user, want 5 to 1", tc.name, all.This, user.This)
		}
	}
}

func TestComparisonTable(t *testing.T) {
	rows := NewRows(work.Workload{Name: "w", Unit: work.PerSecond}, libs)
	rows[1].Add(Round{This: work.Result{Value: 200}}, nil) // a peer
	rows[3].Add(rounds([3]float64{150, 100, 100})[0], nil)
	rows[3].Add(Round{}, errors.New("first"))
	FinishRows(rows)
	c := &Comparison{Revision: "abc (subject)", Rows: rows}
	var b strings.Builder
	c.WriteTable(&b)
	c.WriteErrors(&b)
	for _, want := range []string{
		"| w    | fast      | msg/s | 200  | –    | –         | –     | –",
		"| w    | dandelion | msg/s | 150  | 100  | 1.50      | 0.0 %",
		"| 0.75         | better MORE CPU MORE USER CPU |",
		`"base" is abc (subject)`,
		"w, dandelion: first\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got\n%s\nwant %q in it", b.String(), want)
		}
	}
	if !c.Failed() {
		t.Error("got a comparison without a failure")
	}
}
