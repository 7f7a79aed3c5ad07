package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// This file builds this program from another revision of the repository, and from the
// present tree in the same way.

// builds are the two programs of a comparison. They lie in a folder that remove takes away.
type builds struct {
	dir        string
	this, base string // programs
}

// buildBoth builds the present tree, as it is in the files, and the revision. It has to
// be called in the folder of this program. The revision's files are unpacked into a
// temporary folder; the repository is only read.
func buildBoth(ctx context.Context, revision string) (b *builds, err error) {
	top, err := git(ctx, ".", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	here, err := git(ctx, ".", "rev-parse", "--show-prefix")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench-against-")
	if err != nil {
		return nil, err
	}
	b = &builds{dir: dir, this: filepath.Join(dir, "this"), base: filepath.Join(dir, "base")}
	tar, tree := filepath.Join(dir, "tar"), filepath.Join(dir, "tree")
	err = errors.Join(
		os.Mkdir(tree, 0o700),
		ignoreOutput(git(ctx, top, "archive", "--output", tar, revision)),
		ignoreOutput(output(exec.CommandContext(ctx, "tar", "-xf", tar, "-C", tree))),
	)
	if err == nil {
		err = errors.Join(build(ctx, ".", b.this), build(ctx, filepath.Join(tree, here), b.base))
	}
	if err != nil {
		b.remove()
		return nil, err
	}
	return b, nil
}

func (b *builds) remove() { os.RemoveAll(b.dir) }

// build compiles the main package in dir. The paths of the files and the state of the
// repository stay out of the program: both would move its code.
func build(ctx context.Context, dir, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", program, ".")
	cmd.Dir = dir
	_, err := output(cmd)
	return err
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	return output(exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...))
}

// output runs cmd and returns what it has written, without blanks around it.
func output(cmd *exec.Cmd) (string, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, lastLines(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

func ignoreOutput(_ string, err error) error { return err }
