//go:build !purego

// This file is utf8Vector, the check of UTF-8 with AVX2; see utf8_amd64.go.

#include "go_asm.h"
#include "textflag.h"

DATA utf8Nibble<>+0(SB)/4, $0x0F0F0F0F
GLOBL utf8Nibble<>(SB), RODATA|NOPTR, $4
DATA utf8Lead3<>+0(SB)/4, $0x60606060 // 0xE0 - 0x80
GLOBL utf8Lead3<>(SB), RODATA|NOPTR, $4
DATA utf8Lead4<>+0(SB)/4, $0x70707070 // 0xF0 - 0x80
GLOBL utf8Lead4<>(SB), RODATA|NOPTR, $4
DATA utf8Top<>+0(SB)/4, $0x80808080
GLOBL utf8Top<>(SB), RODATA|NOPTR, $4

// The constants of CHECK, the same for all blocks, and the faults found so far.
#define NIBBLE Y8
#define HIGH   Y9
#define LOW    Y10
#define NEXT   Y11
#define LEAD3  Y12
#define LEAD4  Y13
#define TOP    Y14
#define FAULTS Y15

// CHECK adds the faults of 32 bytes to FAULTS. cur has the bytes; ago1 to ago3 have,
// for each of them, the byte that is 1 to 3 before it. It overwrites tmp and ago1 to
// ago3.
//
// The faults that two bytes in a row show are those on which the three tables agree.
// The other rule is about the third and fourth byte of a character: they must be tails
// that follow a tail, and no other byte may be one. utf8TailTail is the top bit, so
// there is no fault if both rules set it or neither does.
#define CHECK(cur, ago1, ago2, ago3, tmp) \
	VPSRLW   $4, ago1, tmp        \
	VPAND    NIBBLE, tmp, tmp     \
	VPAND    NIBBLE, ago1, ago1   \
	VPSHUFB  tmp, HIGH, tmp       \
	VPSHUFB  ago1, LOW, ago1      \
	VPAND    tmp, ago1, ago1      \
	VPSRLW   $4, cur, tmp         \
	VPAND    NIBBLE, tmp, tmp     \
	VPSHUFB  tmp, NEXT, tmp       \
	VPAND    tmp, ago1, ago1      \
	VPSUBUSB LEAD3, ago2, ago2    \
	VPSUBUSB LEAD4, ago3, ago3    \
	VPOR     ago2, ago3, ago3     \
	VPAND    TOP, ago3, ago3      \
	VPXOR    ago1, ago3, ago3     \
	VPOR     ago3, FAULTS, FAULTS

// func utf8Vector(p []byte, pairs *utf8PairFaults) bool
TEXT ·utf8Vector(SB), NOSPLIT, $0-33
	MOVQ p_base+0(FP), SI // the current block
	MOVQ p_len+8(FP), DI
	MOVQ pairs+24(FP), AX
	ADDQ SI, DI           // the end of p
	LEAQ -32(DI), R8      // the last places where 32, 64 and 128 bytes are left
	LEAQ -64(DI), R9
	LEAQ -128(DI), R10

	VPBROADCASTD   utf8Nibble<>(SB), NIBBLE
	VBROADCASTI128 utf8PairFaults_high(AX), HIGH
	VBROADCASTI128 utf8PairFaults_low(AX), LOW
	VBROADCASTI128 utf8PairFaults_next(AX), NEXT
	VPBROADCASTD   utf8Lead3<>(SB), LEAD3
	VPBROADCASTD   utf8Lead4<>(SB), LEAD4
	VPBROADCASTD   utf8Top<>(SB), TOP
	VPXOR          FAULTS, FAULTS, FAULTS

	// There is nothing to load before the first block: zeros replace it.
	VMOVDQU    (SI), Y0
	VPTEST     TOP, Y0
	JZ         first
	VPERM2I128 $0x08, Y0, Y0, Y4 // zeros, lower half of Y0
	VPALIGNR   $15, Y4, Y0, Y1
	VPALIGNR   $14, Y4, Y0, Y2
	VPALIGNR   $13, Y4, Y0, Y3
	CHECK(Y0, Y1, Y2, Y3, Y4)
	ADDQ       $32, SI
	JMP        mixed

first:
	ADDQ $32, SI

ascii:
	// The byte before SI is ASCII. Blocks of ASCII need no further check.
	CMPQ    SI, R10
	JA      ascii32
	VMOVDQU (SI), Y0
	VPOR    32(SI), Y0, Y0
	VMOVDQU 64(SI), Y1
	VPOR    96(SI), Y1, Y1
	VPOR    Y0, Y1, Y1
	VPTEST  TOP, Y1
	JNZ     mixed
	ADDQ    $128, SI
	JMP     ascii

ascii32:
	CMPQ    SI, R8
	JA      asciiLast
	VMOVDQU (SI), Y0
	VPTEST  TOP, Y0
	JNZ     mixed
	ADDQ    $32, SI
	JMP     ascii32

asciiLast:
	VMOVDQU (R8), Y0
	VPTEST  TOP, Y0
	JZ      done
	JMP     last

mixed:
	// Check block by block, until 64 bytes in a row are ASCII.
	CMPQ    SI, R9
	JA      mixed32
	VMOVDQU (SI), Y0
	VMOVDQU -1(SI), Y1
	VMOVDQU -2(SI), Y2
	VMOVDQU -3(SI), Y3
	CHECK(Y0, Y1, Y2, Y3, Y4)
	VMOVDQU 32(SI), Y5
	VMOVDQU 31(SI), Y1
	VMOVDQU 30(SI), Y2
	VMOVDQU 29(SI), Y3
	CHECK(Y5, Y1, Y2, Y3, Y4)
	ADDQ    $64, SI
	VPOR    Y0, Y5, Y5
	VPTEST  TOP, Y5
	JNZ     mixed
	JMP     ascii

mixed32:
	CMPQ    SI, R8
	JA      last
	VMOVDQU (SI), Y0
	VMOVDQU -1(SI), Y1
	VMOVDQU -2(SI), Y2
	VMOVDQU -3(SI), Y3
	CHECK(Y0, Y1, Y2, Y3, Y4)

last:
	// Less than a block is left. Check the last 32 bytes, some of them again: that is
	// cheaper than code for a shorter block.
	VMOVDQU (R8), Y0
	VMOVDQU -1(R8), Y1
	VMOVDQU -2(R8), Y2
	VMOVDQU -3(R8), Y3
	CHECK(Y0, Y1, Y2, Y3, Y4)

done:
	VPTEST FAULTS, FAULTS
	SETEQ  ret+32(FP)
	VZEROUPPER
	RET
