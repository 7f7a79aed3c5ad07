//go:build !amd64 || purego

package wire

// This file is for machines without the vectors of mask_amd64.go.

import "math"

const (
	maskVectorMin = math.MaxInt // there are no vectors
	maskStreamMin = math.MaxInt
)

func unaligned(dst []byte) int { return 0 }

func maskVectors(dst, src []byte, k uint64) int { return 0 }
