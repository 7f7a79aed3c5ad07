package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/dandelionws/dandelion/test/bench/client"
	"github.com/dandelionws/dandelion/test/bench/report"
	"github.com/dandelionws/dandelion/test/bench/work"
)

// This file compares the present tree with another revision (flag -against).

// compare does all runs with both builds, until ctx ends, and prints the outcome.
func (p *plan) compare(ctx context.Context) error {
	revision, err := git(ctx, ".", "log", "-1", "--format=%h (%s)", p.against)
	if err != nil {
		return err
	}
	both, err := buildBoth(ctx, p.against)
	if err != nil {
		return err
	}
	defer both.remove()

	c := &report.Comparison{Machine: report.ThisMachine(p.command), Revision: revision}
	var rows []*report.Row
	p.each(ctx, func(w work.Workload, round int) {
		if round == 0 {
			rows = report.NewRows(w, p.libs)
		}
		for i, lib := range p.libs {
			if ctx.Err() == nil && w.Has(lib) {
				rows[i].Add(p.compareOnce(ctx, both, w, lib, round))
			}
		}
	}, func() {
		report.FinishRows(rows)
		c.Rows = append(c.Rows, rows...)
	})

	if p.json != "" {
		if err := writeFile(p.json, c.WriteJSON); err != nil {
			return err
		}
	}
	c.WriteTable(os.Stdout)
	if c.Failed() {
		c.WriteErrors(os.Stderr)
		return errRuns
	}
	return ctx.Err()
}

// compareOnce does one round with one library. Which of the three runs is the first
// changes from round to round.
func (p *plan) compareOnce(ctx context.Context, both *builds, w work.Workload, lib client.Library, round int) (r report.Round, err error) {
	job := clientJob{Workload: w.Name, Library: lib.Name, Env: p.env}
	if !lib.Ours {
		r.This, err = runOnce(ctx, both.this, job, w.Pinned)
		return r, err
	}
	r.Base, r.Base2 = new(work.Result), new(work.Result)
	turns := []struct {
		program, name string
		result        *work.Result
	}{{both.this, "this tree", &r.This}, {both.base, p.against, r.Base}, {both.base, p.against, r.Base2}}
	var errs []error
	for i := range turns {
		t := turns[(i+round)%len(turns)]
		result, err := runOnce(ctx, t.program, job, w.Pinned)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", t.name, err))
		}
		*t.result = result
	}
	return r, errors.Join(errs...)
}
