package monitor

func (m *monitor) event(string, map[string]string) {}
func (m *monitor) remove() error                   { return m.store.Remove(m.id) }
