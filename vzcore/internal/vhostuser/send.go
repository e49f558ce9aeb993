package vhostuser

// next fills p with the next packet for the guest, taking turns among the
// connections, and returns its length, or 0 if there is none.
func (m *mux) next(p []byte) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.resets) > 0 {
		m.resets[0].put(p)
		m.resets = m.resets[1:]
		return headerSize
	}
	for len(m.ready) > 0 {
		c := m.ready[0]
		m.ready = m.ready[1:]
		c.queued = false
		n := c.next(p)
		if n == 0 {
			continue
		}
		if c.more() {
			m.enqueue(c)
		}
		return n
	}
	return 0
}

// pending tells whether next may have something.
func (m *mux) pending() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.resets) > 0 || len(m.ready) > 0
}
