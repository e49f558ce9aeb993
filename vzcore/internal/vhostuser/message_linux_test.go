package vhostuser

import "testing"

// FuzzMessages has a frontend send any messages without descriptors. Each is its
// request, the length of its payload and that.
func FuzzMessages(f *testing.F) {
	add := func(request byte, payload []byte) []byte {
		return append([]byte{request, byte(len(payload))}, payload...)
	}
	f.Add(add(setVringNum, pairOf(0, 16)))
	f.Add(append(add(setVringAddr, append(pairOf(1, 0), words(0, 0, 0, 0)...)), add(setVringKick, words(1))...))
	f.Add(add(setMemTable, memoryTable()))
	f.Add(add(getConfig, make([]byte, 20)))
	f.Add(add(getVringBase, pairOf(2, 0)))
	f.Fuzz(func(t *testing.T, wire []byte) {
		d, err := New(3)
		if err != nil {
			t.Fatal(err)
		}
		s := &session{device: d}
		for len(wire) >= 2 {
			n := min(int(wire[1]), len(wire)-2)
			if answer, _ := s.handle(uint32(wire[0]), wire[2:2+n], nil); len(answer) > maxMessage {
				t.Errorf("an answer of %d bytes", len(answer))
			}
			wire = wire[2+n:]
		}
		s.end()
		_ = d.Close()
	})
}
