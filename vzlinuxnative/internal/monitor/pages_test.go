//go:build linux

package monitor

import (
	"slices"
	"strings"
	"testing"
)

func TestUntouched(t *testing.T) {
	const smaps = `00400000-00401000 r--p 00000000 fe:00 1                          /bin/vz-monitor
Size:                  4 kB
Anonymous:             0 kB
00401000-00a00000 r-xp 00001000 fe:00 1                          /bin/vz-monitor
Rss:                   8 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
00a00000-00a10000 r--p 00600000 fe:00 1                          /bin/vz-monitor
Anonymous:             4 kB
00a10000-00b00000 rw-p 00610000 fe:00 1                          /bin/vz-monitor
Anonymous:             0 kB
7f0000000000-7f0000001000 r-xp 00000000 fe:00 2                  /lib/libc.so
Anonymous:             0 kB
7ffc00000000-7ffc00021000 r--p 00000000 00:00 0
Anonymous:             0 kB
`
	got, err := untouched(strings.NewReader(smaps), "/bin/vz-monitor")
	want := []extent{{0x400000, 0x401000}, {0x401000, 0xa00000}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("untouched = %x, %v, want %x", got, err, want)
	}
}

func TestStripes(t *testing.T) {
	for _, tt := range []struct {
		in   extent
		want []extent
	}{
		{extent{0x401000, 0x401000}, nil},
		{extent{0x401000, 0x402000}, []extent{{0x401000, 0x402000}}},
		{extent{0x401000, 0x421000}, []extent{{0x401000, 0x410000}, {0x410000, 0x420000}, {0x420000, 0x421000}}},
		{extent{0x410000, 0x420000}, []extent{{0x410000, 0x420000}}},
	} {
		if got := tt.in.stripes(); !slices.Equal(got, tt.want) {
			t.Errorf("stripes of %x = %x, want %x", tt.in, got, tt.want)
		}
	}
}

func TestDropPages(t *testing.T) {
	if err := dropPages(); err != nil {
		t.Error(err)
	}
}
