package main

import (
	"testing"
	"time"
)

func TestSummarize(t *testing.T) {
	for _, tt := range []struct {
		took           []time.Duration
		median, lo, hi float64
	}{
		{[]time.Duration{3e6, 1e6, 2e6}, 2, 1, 3},
		{[]time.Duration{4e6, 1e6, 2e6, 3e6}, 2.5, 1, 4},
		{[]time.Duration{1500 * time.Microsecond}, 1.5, 1.5, 1.5},
	} {
		r := result{took: tt.took}
		r.summarize("case", "tool")
		if r.Median != tt.median || r.Min != tt.lo || r.Max != tt.hi || r.Runs != len(tt.took) {
			t.Errorf("summary of %v = %+v", tt.took, r)
		}
	}
}

func TestEditSpec(t *testing.T) {
	data, err := editSpec([]byte(`{"process":{"terminal":true,"args":["sh"],"cwd":"/","rlimits":[{}]},"root":{"path":"rootfs","readonly":true},
		"mounts":[{"type":"proc"},{"type":"bind"}],"hooks":{},
		"linux":{"cgroupsPath":"/x","seccomp":{},"namespaces":[{"type":"network","path":"/n"}]}}`), "/r", []string{"/bin/true"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"linux":{"namespaces":[{"type":"network"}],"seccomp":{}},"mounts":[{"type":"proc"}],` +
		`"process":{"args":["/bin/true"],"cwd":"/","terminal":false},"root":{"path":"/r","readonly":true}}`
	if string(data) != want {
		t.Errorf("edited specification = %s, want %s", data, want)
	}
	if _, err := editSpec([]byte(`{}`), "/r", nil); err == nil {
		t.Error("a specification without a process was edited")
	}
}

// TestCasesFitTools builds every command, so that none is empty by mistake.
func TestCasesFitTools(t *testing.T) {
	b := &bench{dir: "/d", root: "/d/root"}
	for _, c := range cases {
		able := 0
		for _, tool := range allTools(b, "/bin/vz") {
			args := c.command(tool, "x")
			if args != nil {
				able++
			}
			if tool.name() == "vz" && (len(args) < 4 || args[0] != "env") {
				t.Errorf("case %s: vz runs %q", c.name, args)
			}
		}
		if able < 2 {
			t.Errorf("case %s compares %d tools", c.name, able)
		}
	}
}
