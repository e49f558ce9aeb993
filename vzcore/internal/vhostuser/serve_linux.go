package vhostuser

// transmit takes packets from the guest until stop.
func (d *Device) transmit(q *queue, m memory, stop <-chan struct{}, kicks <-chan struct{}) {
	packet := make([]byte, headerSize+maxPayload)
	var buffers [][]byte
	for {
		q.ring.listen(false)
		did := false
		for turns := 0; turns < maxRing; turns++ {
			head, got, ok, err := q.ring.pop(m, false, buffers)
			if err == nil && !ok {
				break
			}
			if err == nil {
				buffers = got
				d.mux.receive(packet[:gather(packet, got)])
			}
			q.ring.push(head, 0)
			did = true
		}
		if did {
			q.interrupt()
		}
		q.ring.listen(true)
		if q.ring.available() {
			select {
			case <-stop:
				return
			default:
				continue
			}
		}
		select {
		case <-stop:
			return
		case <-kicks:
		}
	}
}

// minReceive is the shortest buffer of the guest that is of use.
const minReceive = headerSize + 1

// deliver hands packets to the guest until stop.
func (d *Device) deliver(q *queue, m memory, stop <-chan struct{}, kicks <-chan struct{}) {
	packet := make([]byte, headerSize+maxPayload)
	var buffers [][]byte
	for {
		// Kicks say that there are buffers again, which only matters without.
		q.ring.listen(false)
		did, starved := false, false
		for turns := 0; turns < maxRing && d.mux.pending(); turns++ {
			head, got, ok, err := q.ring.pop(m, true, buffers)
			if err == nil && !ok {
				starved = true
				break
			}
			n := 0
			if err == nil {
				buffers = got
				if room := size(got); room >= minReceive {
					n = scatter(got, packet[:d.mux.next(packet[:min(room, len(packet))])])
				}
			}
			q.ring.push(head, uint32(n))
			did = true
		}
		if did {
			q.interrupt()
		}
		wait := kicks
		if starved {
			q.ring.listen(true)
			if q.ring.available() {
				continue
			}
		} else if d.mux.pending() {
			select {
			case <-stop:
				return
			default:
				continue
			}
		} else {
			wait = nil
		}
		select {
		case <-stop:
			return
		case <-wait:
		case <-d.mux.work:
		}
	}
}
