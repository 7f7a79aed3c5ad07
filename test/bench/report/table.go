package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/work"
)

// WriteTable writes the medians: a line for each workload, a column for each library.
func (r *Report) WriteTable(w io.Writer) {
	if len(r.Lines) == 0 {
		return
	}
	head := []string{"work"}
	for _, c := range r.Lines[0].Cells {
		head = append(head, c.Library)
	}
	head = append(head, "best of ours / best peer")
	var rows [][]string
	for _, l := range r.Lines {
		row := []string{l.Title + ", " + string(l.Unit)}
		best := 0.0
		for _, c := range l.Cells {
			row = append(row, l.format(c.Median)+mark(l, c))
			if c.lib.Ours {
				best = max(best, c.Ratio)
			}
		}
		rows = append(rows, append(row, ratio(best)))
	}
	writeMarkdown(w, head, rows)
	r.writeNotes(w)
}

// mark shows where a peer does less than the others.
func mark(l *Line, c *Cell) string {
	if l.Checked && c.Median > 0 && !c.lib.Checks && !c.lib.Floor {
		return " *"
	}
	return ""
}

func (r *Report) writeNotes(w io.Writer) {
	fmt.Fprintf(w, "\nMedians; `%s`; %s;", r.Machine.Command, r.Machine)
	names := make([]string, 0, len(r.Machine.Modules))
	for _, lib := range client.Libraries {
		if v := r.Machine.Modules[lib.Name]; v != "" {
			names = append(names, lib.Name+" "+v)
		}
	}
	fmt.Fprintf(w, " %s.\n\"raw\" is the same bytes on a plain TCP connection, \"raw-actors\" that behind an actor for each role which only passes them on. \"*\": text that arrives is not checked for UTF-8; such a peer does not count as the best one in this line.\n", strings.Join(names, ", "))
}

// WriteDetails writes a line for each workload and library.
func (r *Report) WriteDetails(w io.Writer) {
	head := []string{"work", "library", "unit", "median", "min", "max", "to best peer", "allocs/msg", "B/msg", "CPU ns/msg", "RSS"}
	var rows [][]string
	for _, l := range r.Lines {
		for _, c := range l.Cells {
			if len(c.Samples) == 0 {
				continue
			}
			rss := ""
			if c.RSS > 0 {
				rss = l.format(c.RSS)
			}
			rows = append(rows, []string{
				l.Workload, c.Library, string(l.Unit),
				l.format(c.Median), l.format(c.Min), l.format(c.Max), ratio(c.Ratio),
				fmt.Sprintf("%.2f", c.Allocs), fmt.Sprintf("%.0f", c.Bytes), fmt.Sprintf("%.0f", c.CPU), rss,
			})
		}
	}
	writeMarkdown(w, head, rows)
}

// WriteTargets writes how the numbers stand to the targets, and beside each what plain
// TCP gets, alone and through actors that do nothing: more than this there is not.
func (r *Report) WriteTargets(w io.Writer) {
	var rows [][]string
	for _, t := range Targets {
		l := r.line(t.Workload)
		if l == nil {
			continue
		}
		var values []float64
		for _, c := range l.Cells {
			if slices.Contains(t.Libraries, c.Library) && c.Median > 0 {
				values = append(values, t.What.Of(c))
			}
		}
		got, met := "–", ""
		if len(values) > 0 {
			v := values[0]
			for _, other := range values[1:] {
				v = t.better(v, other)
			}
			got = t.format(l, v)
			if met = "no"; t.Met(v) {
				met = "yes"
			}
		}
		sign := "≤"
		if t.What == Ratio {
			sign = "≥"
		}
		row := []string{l.Title, t.who(), string(t.What), fmt.Sprint(sign, " ", t.Limit), got, met}
		for _, c := range l.Cells {
			if c.lib.Floor {
				row = append(row, t.format(l, t.What.Of(c)))
			}
		}
		rows = append(rows, row)
	}
	head := []string{"work", "library", "what", "target", "got", "met"}
	if len(r.Lines) > 0 {
		for _, c := range r.Lines[0].Cells {
			if c.lib.Floor {
				head = append(head, c.Library)
			}
		}
	}
	writeMarkdown(w, head, rows)
}

func (t Target) format(l *Line, v float64) string {
	if t.What == Value {
		return l.format(v)
	}
	return fmt.Sprintf("%.2f", v)
}

func (r *Report) line(workload string) *Line {
	for _, l := range r.Lines {
		if l.Workload == workload {
			return l
		}
	}
	return nil
}

// WriteErrors writes what has failed.
func (r *Report) WriteErrors(w io.Writer) {
	for _, l := range r.Lines {
		for _, c := range l.Cells {
			if c.Error != "" {
				fmt.Fprintf(w, "%s, %s: %s\n", l.Workload, c.Library, c.Error)
			}
		}
	}
}

// format writes a value with about three digits.
func (l *Line) format(v float64) string {
	switch {
	case v == 0:
		return "–"
	case l.Unit == work.BytesPerSecond:
		return fmt.Sprintf("%.2f", v)
	case v >= 1e7:
		return fmt.Sprintf("%.1fM", v/1e6)
	case v >= 1e6:
		return fmt.Sprintf("%.2fM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.1fk", v/1e3)
	case v >= 1e3:
		return fmt.Sprintf("%.2fk", v/1e3)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

func ratio(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", v)
}

// writeMarkdown writes a table that can be read as it is, too.
func writeMarkdown(w io.Writer, head []string, rows [][]string) {
	width := make([]int, len(head))
	for _, row := range append(slices.Clone(rows), head) {
		for i, s := range row {
			width[i] = max(width[i], utf8.RuneCountInString(s), len("---"))
		}
	}
	line := func(row []string, fill string) {
		for i, s := range row {
			fmt.Fprint(w, "| ", s, strings.Repeat(cmp.Or(fill, " "), width[i]-utf8.RuneCountInString(s)), " ")
		}
		fmt.Fprintln(w, "|")
	}
	line(head, "")
	line(make([]string, len(head)), "-")
	for _, row := range rows {
		line(row, "")
	}
}
