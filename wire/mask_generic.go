//go:build !amd64 || purego

package wire

// This file replaces mask_amd64.go on other machines, which have no vectors here.

import "math"

const (
	maskVectorMin = math.MaxInt // there are no vectors
	maskStreamMin = math.MaxInt
)

func unaligned(dst []byte) int { return 0 }

func maskVectors(dst, src []byte, k uint64) int { return 0 }
