package chaos_test

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"

	"github.com/dandelionws/dandelion/messages"
)

// This file makes messages that tell who sent them, as which one, and whether
// they are whole: sender, number and checksum in hexadecimal, then letters.

const payloadHead = 4 + 12 + 8

// kindOf is the kind that a message with this number has.
func kindOf(number uint64) messages.Kind {
	if number%2 == 0 {
		return messages.KindText
	}
	return messages.KindBinary
}

func checksum(head, letters string) uint32 {
	return crc32.Update(crc32.ChecksumIEEE([]byte(head)), crc32.IEEETable, []byte(letters))
}

// payload makes a message of size letters and a head.
func payload(sender int, number uint64, size int) string {
	head := fmt.Sprintf("%04x%012x", sender, number)
	letters := strings.Repeat("€uro ", size/7+1)[:size/7*7]
	return head + fmt.Sprintf("%08x", checksum(head, letters)) + letters
}

// parse takes a message apart; ok is false if it is not whole.
func parse(data string) (sender int, number uint64, ok bool) {
	if len(data) < payloadHead {
		return 0, 0, false
	}
	var sum uint32
	head, letters := data[:payloadHead], data[payloadHead:]
	if _, err := fmt.Sscanf(head, "%04x%012x%08x", &sender, &number, &sum); err != nil {
		return 0, 0, false
	}
	return sender, number, sum == checksum(head[:16], letters)
}

// size draws the size of a message: most are small, some are larger than any buffer.
func size(rng *rand.Rand) int {
	if rng.IntN(60) == 0 {
		return rng.IntN(80 << 10)
	}
	return int(rng.ExpFloat64() * 150)
}
