package agentproto

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNegotiate(t *testing.T) {
	tests := []struct {
		name                       string
		hostMin, hostMax, min, max int
		want                       int
		message                    string
	}{
		{name: "same", hostMin: 1, hostMax: 1, min: 1, max: 1, want: 1},
		{name: "host newer", hostMin: 1, hostMax: 4, min: 1, max: 2, want: 2},
		{name: "agent newer", hostMin: 1, hostMax: 2, min: 2, max: 4, want: 2},
		{name: "agent too old", hostMin: 3, hostMax: 4, min: 1, max: 2, message: "update the agent"},
		{name: "host too old", hostMin: 1, hostMax: 2, min: 3, max: 4, message: "update vz on the host"},
		{name: "nonsense", hostMin: 1, hostMax: 2, min: 9, max: 1, message: "no protocol revision"},
		{name: "nothing", hostMin: 1, hostMax: 2, message: "no protocol revision"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Negotiate(Hello{MinRevision: tt.hostMin, MaxRevision: tt.hostMax}, Hello{MinRevision: tt.min, MaxRevision: tt.max})
			require.Equal(t, tt.want, got)
			if tt.message == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrRevision)
			require.ErrorContains(t, err, tt.message)
		})
	}
}
