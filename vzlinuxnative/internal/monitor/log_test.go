//go:build linux

package monitor

import (
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/logfile"
)

func TestLogOptions(t *testing.T) {
	for _, tt := range []struct {
		cfg  vzcontract.LogConfig
		want logfile.Options
	}{
		{vzcontract.LogConfig{}, logfile.Options{Path: "p", MaxSize: 256 << 20, MaxFiles: 4}},
		{vzcontract.LogConfig{MaxSize: 10}, logfile.Options{Path: "p", MaxSize: 10}},
		{vzcontract.LogConfig{Driver: "json-file"}, logfile.Options{Path: "p"}},
		{vzcontract.LogConfig{Driver: "json-file", MaxSize: 10, MaxFiles: 3}, logfile.Options{Path: "p", MaxSize: 10, MaxFiles: 3}},
	} {
		if got := logOptions("p", tt.cfg); got != tt.want {
			t.Errorf("logOptions(%+v) = %+v, want %+v", tt.cfg, got, tt.want)
		}
	}
}
