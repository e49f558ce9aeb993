package monitor

import "vz.internal/vzcontract"

func (m *monitor) event(string, map[string]string)    {}
func (m *monitor) disconnect()                        {}
func (m *monitor) openLog(vzcontract.LogConfig) error { return nil }
func (m *monitor) remove() error                      { return m.store.Remove(m.id) }
