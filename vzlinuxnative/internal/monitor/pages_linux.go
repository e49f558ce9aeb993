package monitor

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// dropPages unmaps the pages of the program's own file that are only read: a
// start touches most of them, waiting only a few, which come back from the page
// cache when they are needed. See madvise(2), MADV_DONTNEED.
func dropPages() error {
	ranges, err := programPages()
	for _, r := range ranges {
		err = errors.Join(err, r.advise(unix.MADV_DONTNEED))
	}
	return err
}

// An extent is a range of addresses.
type extent struct{ from, to uintptr }

func (e extent) advise(advice int) error {
	if _, _, errno := unix.Syscall(unix.SYS_MADVISE, e.from, e.to-e.from, uintptr(advice)); errno != 0 {
		return fmt.Errorf("madvise %x-%x: %w", e.from, e.to, errno)
	}
	return nil
}

// programPages finds the pages that dropPages drops, and prepares them for it:
// every other stripe is advised to be read at random, so that each one is a
// mapping of its own. Of a file that the page cache keeps in large folios, the
// kernel since 6.18 maps at every page fault the whole folio, up to 2 MiB, but
// never across the end of a mapping.
var programPages = sync.OnceValues(func() ([]extent, error) {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil, err
	}
	ranges, err := untouched(smaps, exe)
	err = errors.Join(err, smaps.Close())
	for _, r := range ranges {
		for i, s := range r.stripes() {
			if i%2 == 0 {
				err = errors.Join(err, s.advise(unix.MADV_RANDOM))
			}
		}
	}
	return ranges, err
})

// stripe is how much one page fault may map: what it does anyway around a small
// folio.
const stripe = 64 << 10

// stripes cuts e at the multiples of stripe.
func (e extent) stripes() []extent {
	var cut []extent
	for at := e.from; at < e.to; {
		end := min((at/stripe+1)*stripe, e.to)
		cut = append(cut, extent{at, end})
		at = end
	}
	return cut
}

// untouched reads a /proc/PID/smaps and returns the ranges that map exe, cannot
// be written to, and have not been before they were protected: the loader
// writes to some.
func untouched(smaps io.Reader, exe string) ([]extent, error) {
	var found []extent
	var at extent
	candidate := false
	for lines := bufio.NewScanner(smaps); ; {
		if !lines.Scan() {
			return found, lines.Err()
		}
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"):
			candidate = len(fields) == 6 && fields[5] == exe && (fields[1] == "r--p" || fields[1] == "r-xp")
			if _, err := fmt.Sscanf(fields[0], "%x-%x", &at.from, &at.to); err != nil {
				return nil, fmt.Errorf("line %q of smaps: %w", lines.Text(), err)
			}
		case candidate && len(fields) == 3 && fields[0] == "Anonymous:" && fields[1] == "0":
			found = append(found, at)
		}
	}
}
