package vhostuser

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// ringIn returns a ring of 16 at the start of a guest's memory.
func ringIn(t testing.TB, bytes []byte) (memory, *ring) {
	t.Helper()
	m := memory{{guest: guestBase, user: userBase, bytes: bytes}}
	r, err := newRing(m, ringSize, userBase, userBase+0x200, userBase+0x300, 0)
	require.NoError(t, err)
	return m, r
}

func TestChains(t *testing.T) {
	type desc struct {
		address     uint64
		length      uint32
		flags, next uint16
	}
	at := func(offset uint64) uint64 { return guestBase + offset }
	tests := []struct {
		name  string
		descs []desc
		table []desc // an indirect one, at 0x800
		want  []int  // lengths of the buffers to read
		err   bool
	}{
		{name: "one", descs: []desc{{at(0x1000), 44, 0, 0}}, want: []int{44}},
		{name: "two", descs: []desc{{at(0x1000), 44, descNext, 1}, {at(0x1100), 5, 0, 0}}, want: []int{44, 5}},
		{name: "empty ones are skipped", descs: []desc{{0, 0, descNext, 1}, {at(0x1100), 5, 0, 0}}, want: []int{5}},
		{name: "the other direction is skipped", descs: []desc{{at(0x1000), 44, descWrite | descNext, 1}, {at(0x1100), 5, 0, 0}}, want: []int{5}},
		{name: "a circle", descs: []desc{{at(0x1000), 1, descNext, 1}, {at(0x1000), 1, descNext, 0}}, err: true},
		{name: "itself", descs: []desc{{at(0x1000), 1, descNext, 0}}, err: true},
		{name: "beyond the table", descs: []desc{{at(0x1000), 1, descNext, 16}}, err: true},
		{name: "outside of memory", descs: []desc{{at(0x10000), 1, 0, 0}}, err: true},
		{name: "half outside", descs: []desc{{at(0xfff0), 17, 0, 0}}, err: true},
		{name: "wraps", descs: []desc{{1<<64 - 1, 1<<32 - 1, 0, 0}}, err: true},
		{name: "below", descs: []desc{{guestBase - 1, 10, 0, 0}}, err: true},
		{
			name: "indirect", descs: []desc{{at(0x800), 32, descIndirect, 0}},
			table: []desc{{at(0x1000), 44, descNext, 1}, {at(0x1100), 6, 0, 0}}, want: []int{44, 6},
		},
		{
			name: "indirect circle", descs: []desc{{at(0x800), 32, descIndirect, 0}},
			table: []desc{{at(0x1000), 44, descNext, 1}, {at(0x1100), 6, descNext, 0}}, err: true,
		},
		{name: "indirect in indirect", descs: []desc{{at(0x800), 16, descIndirect, 0}}, table: []desc{{at(0x800), 16, descIndirect, 0}}, err: true},
		{name: "indirect and next", descs: []desc{{at(0x800), 16, descIndirect | descNext, 1}}, table: []desc{{at(0x1000), 1, 0, 0}}, err: true},
		{name: "half an indirect entry", descs: []desc{{at(0x800), 17, descIndirect, 0}}, err: true},
		{name: "an empty indirect table", descs: []desc{{at(0x800), 0, descIndirect, 0}}, err: true},
		{name: "a huge indirect table", descs: []desc{{at(0x800), 1 << 30, descIndirect, 0}}, err: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bytes := make([]byte, 0x10000)
			m, r := ringIn(t, bytes)
			put := func(offset int, list []desc) {
				for i, d := range list {
					e := bytes[offset+i*descSize:]
					le.PutUint64(e, d.address)
					le.PutUint32(e[8:], d.length)
					le.PutUint16(e[12:], d.flags)
					le.PutUint16(e[14:], d.next)
				}
			}
			put(0, tt.descs)
			put(0x800, tt.table)
			_, _, ok, err := r.pop(m, false, nil)
			require.NoError(t, err)
			require.False(t, ok)
			le.PutUint16(bytes[0x202:], 1)
			head, got, _, err := r.pop(m, false, nil)
			require.Zero(t, head)
			if tt.err {
				require.ErrorIs(t, err, errChain)
				return
			}
			require.NoError(t, err)
			var lengths []int
			for _, b := range got {
				lengths = append(lengths, len(b))
			}
			require.Equal(t, tt.want, lengths)
			r.push(head, 7)
			require.EqualValues(t, 1, le.Uint16(bytes[0x302:]))
			require.EqualValues(t, 7, le.Uint32(bytes[0x308:]))
		})
	}
}

// FuzzRing has a guest's memory of any content: pop ends, and gives only what lies
// in that memory.
func FuzzRing(f *testing.F) {
	f.Add(make([]byte, 64), uint16(1))
	f.Add([]byte("\x00\x10\x00\x40\x00\x00\x00\x00\x2c\x00\x00\x00\x01\x00\x01\x00"), uint16(9))
	f.Fuzz(func(t *testing.T, content []byte, index uint16) {
		bytes := make([]byte, 0x4000)
		copy(bytes, content)
		m, r := ringIn(t, bytes)
		le.PutUint16(bytes[0x202:], index)
		for range maxRing {
			head, got, ok, err := r.pop(m, true, nil)
			if err == nil && !ok {
				break
			}
			if len(got) > maxRing {
				t.Fatalf("a chain of %d buffers", len(got))
			}
			for _, b := range got {
				b[0], b[len(b)-1] = 0, 0
			}
			r.push(head, uint32(size(got)))
		}
	})
}
