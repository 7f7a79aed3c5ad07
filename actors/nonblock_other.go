//go:build !unix

package actors

// This file is for systems on which that is not done: see nonblock_unix.go.

import "io"

// nonblockingWrite returns nil: every write goes to the goroutine for blocking calls.
func nonblockingWrite(io.Writer) func(p []byte) (int, error) { return nil }

// nonblockingRead returns nil: a read holds its buffer while it waits.
func nonblockingRead(io.Reader) func(get func() []byte, put func()) (int, error) { return nil }
