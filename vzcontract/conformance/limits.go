package conformance

import (
	"strings"

	"vz.internal/vzcontract"
)

var limitChecks = []check{
	{name: "limit-memory-oom", run: limitMemory},
	{name: "limit-pids", run: limitPids},
}

// limitMemory lets a workload take more than it may.
func limitMemory(e *env) {
	cfg := e.config("sh", "-c", "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done")
	cfg.Resources.Memory, cfg.Resources.MemorySwap = 32<<20, 32<<20
	info := e.start(cfg)
	exit := e.wait(info.ID)
	if exit.Code != 137 || !exit.OOMKilled {
		e.Errorf("exit of a workload out of memory = %+v, want 137 and OOMKilled", exit)
	}
	after := e.wantState(info.ID, vzcontract.StateStopped)
	if after.Exit == nil || !after.Exit.OOMKilled {
		e.Errorf("inspect says %+v, want OOMKilled", after.Exit)
	}
}

// limitPids keeps a workload from making many processes.
func limitPids(e *env) {
	line := "for i in " + strings.Repeat("x ", 40) + "; do sleep 1000 & done; echo all"
	unlimited := e.start(e.config("sh", "-c", line+"; wait"))
	e.awaitLine(unlimited.ID, "all")
	cfg := e.config("sh", "-c", line)
	cfg.Resources.PidsLimit = 10
	if r := e.run(cfg, nil); !strings.Contains(r.stderr, "fork") {
		e.Errorf("40 processes under a limit of 10 gave %q and on stderr %q, want a failed fork", r.stdout, r.stderr)
	}
}
