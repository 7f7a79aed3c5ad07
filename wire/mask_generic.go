//go:build !amd64 || purego

package wire

import "math"

const maskVectorMin = math.MaxInt // there are no vectors

func maskVectors(dst, src []byte, k uint64) int { return 0 }
