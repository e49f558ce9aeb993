package conformance

import (
	"strings"

	"vz.internal/vzcontract"
)

var limitChecks = []check{
	{name: "limit-memory-oom", run: limitMemory},
	{name: "limit-pids", run: limitPids},
	{name: "limit-disk", feature: vzcontract.FeatureDiskLimit, run: limitDisk},
	{name: "limit-disk-refused", run: limitDiskRefused},
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

// limitDisk lets a workload write more than it may. It goes on, and has room again once
// it has removed something.
func limitDisk(e *env) {
	const size = vzcontract.MinDisk
	cfg := e.config("sh", "-c", "while :; do sleep 0.05; done")
	cfg.Resources.Disk = size
	info := e.start(cfg)
	if got := e.inspect(info.ID).Config.Resources.Disk; got != size {
		e.Errorf("the info has a disk of %d bytes, want %d", got, size)
	}
	e.sees(info.ID, "yes | head -c 80000000 2> /dev/null > /big && echo all || echo full", "full\n")
	if st, err := e.copier().StatPath(e.ctx, info.ID, "/big"); err != nil || st.Size > size || st.Size < size/4 {
		e.Errorf("%d bytes were written, %v", st.Size, err)
	}
	e.sees(info.ID, "rm /big; echo room > /small; cat /small", "room\n")
	if up, ok := e.b.(vzcontract.Updater); ok {
		_, err := up.Update(e.ctx, info.ID, vzcontract.UpdateConfig{Resources: &vzcontract.Resources{Disk: 2 * size}})
		e.wantClass("change the size of the disk", err, vzcontract.ErrUnsupported)
	}
}

// limitDiskRefused: a bound that is wrong, or that nobody would enforce, makes nothing.
func limitDiskRefused(e *env) {
	cfg := e.config("true")
	cfg.Resources.Disk = vzcontract.MinDisk - 1
	_, err := e.b.Create(e.ctx, cfg)
	e.wantClass("create with too small a disk", err, vzcontract.ErrValidation)
	if e.lacks(vzcontract.FeatureDiskLimit) == "" {
		return
	}
	cfg.Resources.Disk = 1 << 30
	_, err = e.b.Create(e.ctx, cfg)
	e.wantClass("create with a bound of the disk", err, vzcontract.ErrUnsupported)
	if up, ok := e.b.(vzcontract.Updater); ok {
		_, err = up.Update(e.ctx, e.create(e.config("true")).ID, vzcontract.UpdateConfig{Resources: &cfg.Resources})
		e.wantClass("update with a bound of the disk", err, vzcontract.ErrUnsupported)
	}
}
