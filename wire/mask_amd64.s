//go:build !purego

// This file masks with AVX2; see mask_amd64.go.

#include "textflag.h"

// MASK128 masks 128 bytes with the key in Y0, and advances to the next.
#define MASK128(store) \
	VPXOR (SI), Y0, Y1   \
	VPXOR 32(SI), Y0, Y2 \
	VPXOR 64(SI), Y0, Y3 \
	VPXOR 96(SI), Y0, Y4 \
	store Y1, (DI)       \
	store Y2, 32(DI)     \
	store Y3, 64(DI)     \
	store Y4, 96(DI)     \
	ADDQ  $128, SI       \
	ADDQ  $128, DI

// func maskAVX2(dst, src *byte, n int, k uint64)
TEXT ·maskAVX2(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         n+16(FP), CX
	VPBROADCASTQ k+24(FP), Y0
	SUBQ         $128, CX
	JB           rest

	// While there are 128 bytes or more.
four:
	MASK128(VMOVDQU)
	SUBQ $128, CX
	JAE  four

rest:
	// CX is 128 less than the bytes that are left: up to three blocks.
	ADDQ $128, CX
	JZ   done

one:
	VPXOR   (SI), Y0, Y1
	VMOVDQU Y1, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $32, CX
	JNZ     one

done:
	VZEROUPPER
	RET

// func maskStreamAVX2(dst, src *byte, n int, k uint64)
TEXT ·maskStreamAVX2(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         n+16(FP), CX
	VPBROADCASTQ k+24(FP), Y0

stream:
	MASK128(VMOVNTDQ)
	SUBQ $128, CX
	JNZ  stream
	SFENCE
	VZEROUPPER
	RET
