package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSigned(t *testing.T) {
	const head = `<?xml version="1.0"?><plist version="1.0"><dict>`
	const key = "<key>" + entitlement + "</key>"
	tests := []struct {
		name, list string
		err        error
		want       string
	}{
		{"granted", head + "<key>other</key><string>x</string>" + key + "<true/></dict></plist>", nil, "ok"},
		{"denied", head + key + "<false/></dict></plist>", nil, "failed"},
		{"another", head + key + "<false/><key>other</key><true/></dict></plist>", nil, "failed"},
		{"cut off", head + key, nil, "failed"},
		{"none", "", nil, "failed"},
		{"codesign fails", head + key + "<true/></dict></plist>", errors.New("exit status 1"), "failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := signed("/bin/vz-vmm", []byte(tt.list), tt.err)
			require.Equal(t, tt.want, r.Status)
			require.Equal(t, tt.want == "failed", r.Remedy != "")
		})
	}
}
