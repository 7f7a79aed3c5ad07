package retry

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEndpointOrder(t *testing.T) {
	boom := errors.New("boom")
	for _, test := range []struct {
		name string
		cfg  Endpoints
		// each step waits a second; "x" fails, "o" opens and is lost later, "-" is
		// excluded; the letters are what happens to the endpoint that is picked
		steps, want string
	}{
		{"first stays first", Endpoints{}, "ooo", "aaa"},
		{"failed ones last", Endpoints{}, "xxxxxx", "abcabc"},
		{"back to the first after its failure is forgotten", Endpoints{Memory: 3 * time.Second}, "xooooo", "abbaaa"},
		{"sticky stays", Endpoints{Order: Sticky, Memory: 3 * time.Second}, "xooooo", "abbbbb"},
		{"shuffled once", Endpoints{Order: Shuffled, IntN: func(n int) int { return 0 }}, "xxxx", "bcab"},
		{"shuffled although IntN panics", Endpoints{Order: Shuffled, IntN: func(n int) int { panic("no dice") }}, "", ""},
		{"excluded for good", Endpoints{Memory: time.Millisecond}, "-oo-oo", "abbbcc"},
		{"the last is not excluded", Endpoints{}, "----", "abcc"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.cfg.URLs = []string{"b", "c", "b"}
			l := newEndpointList("a", test.cfg)
			now, got := time.Now(), ""
			for _, step := range test.steps {
				e := l.pick(now)
				got += e.url
				switch step {
				case 'x':
					l.failed(e, boom, now)
				case 'o':
					l.opened(e)
				case '-':
					l.failed(e, boom, now)
					l.exclude(e)
				}
				now = now.Add(time.Second)
			}
			require.Equal(t, test.want, got)
		})
	}
}
