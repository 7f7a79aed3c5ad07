package chaos_test

// This file makes messages that show their sender, their number and whether they are
// whole: sender, number and checksum in hexadecimal, then letters.

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"

	"github.com/dandelionws/dandelion/messages"
)

const payloadHead = 4 + 12 + 8

// kindOf returns the kind of the message with this number.
func kindOf(number uint64) messages.Kind {
	if number%2 == 0 {
		return messages.KindText
	}
	return messages.KindBinary
}

func checksum(head, letters string) uint32 {
	return crc32.Update(crc32.ChecksumIEEE([]byte(head)), crc32.IEEETable, []byte(letters))
}

// payload returns a message of a head and size letters.
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
