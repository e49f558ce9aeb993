package agentproto

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func TestName(t *testing.T) {
	for in, want := range map[Name]string{"": `""`, "a\n/é": `"a\n/é"`, "\xff": `{"bytes":"/w=="}`} {
		b, err := json.Marshal(in)
		require.NoError(t, err)
		require.Equal(t, want, string(b))
		var back Name
		require.NoError(t, json.Unmarshal(b, &back))
		require.Equal(t, in, back)
	}
	for _, bad := range []string{`1`, `{"bytes":"?"}`} {
		require.Error(t, json.Unmarshal([]byte(bad), new(Name)), bad)
	}
}

// TestPathStatAsBefore: names that are UTF-8 cross as vzcontract has them, for agents
// and hosts of other versions.
func TestPathStatAsBefore(t *testing.T) {
	for _, stat := range []vzcontract.PathStat{{Name: "f", Size: 5}, {Name: "l", LinkTarget: "f"}} {
		b, err := json.Marshal(WirePathStat(stat))
		require.NoError(t, err)
		before, err := json.Marshal(stat)
		require.NoError(t, err)
		require.JSONEq(t, string(before), string(b))
		var back PathStat
		require.NoError(t, json.Unmarshal(before, &back))
		require.Equal(t, stat, back.Stat())
	}
}
