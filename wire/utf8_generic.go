//go:build !amd64 || purego

package wire

// This file replaces utf8_amd64.go on other machines.

// utf8Run returns the state that p leads to from state s.
func utf8Run(s uint64, p []byte) uint64 { return utf8Words(s, p) }
