package wire

// This file tests that vectors touch no byte outside their input.

import (
	"bytes"
	"syscall"
	"testing"
)

// guardedPage returns a page of memory; touching a byte before or after it crashes
// the program.
func guardedPage(t *testing.T) []byte {
	t.Helper()
	page := syscall.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	for _, around := range [][]byte{mem[:page], mem[2*page:]} {
		if err := syscall.Mprotect(around, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return mem[page : 2*page]
}

// Checking a text that begins or ends with a page of memory does not read the pages
// around it.
func TestUTF8StaysInside(t *testing.T) {
	inside := guardedPage(t)
	for _, filler := range utf8Fillers {
		for size := range 301 {
			text := sample(filler, size)
			atStart := inside[:copy(inside, text)]
			checkWaysFromAll(t, atStart)
			atEnd := inside[len(inside)-len(text):]
			copy(atEnd, text)
			checkWaysFromAll(t, atEnd)
		}
	}
}

// Masking touches nothing around the payload and the frame.
func TestMaskStaysInside(t *testing.T) {
	from, to := guardedPage(t), guardedPage(t)
	key := [4]byte{0x37, 0xFA, 0x21, 0x3D}
	for size := range 601 {
		want := make([]byte, size)
		for i := range want {
			want[i] = key[i%4]
		}
		MaskCopy(to[:size], from[:size], key, 0)
		if !bytes.Equal(to[:size], want) {
			t.Fatalf("%d bytes at the start of a page: % X", size, to[:size])
		}
		MaskCopy(to[len(to)-size:], from[len(from)-size:], key, 0)
		if !bytes.Equal(to[len(to)-size:], want) {
			t.Fatalf("%d bytes at the end of a page: % X", size, to[len(to)-size:])
		}
	}
}
