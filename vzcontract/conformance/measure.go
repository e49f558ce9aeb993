package conformance

import (
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

var measureChecks = []check{
	{name: "stats", feature: vzcontract.FeatureStats, run: stats},
	{name: "top", feature: vzcontract.FeatureTop, run: top},
}

func stats(e *env) {
	s := e.b.(vzcontract.Statser)
	cfg := e.config(untilKilled...)
	cfg.Resources.Memory, cfg.Resources.PidsLimit = 64<<20, 30
	info := e.start(cfg)
	e.awaitLine(info.ID, "ready")
	first, err := s.Stats(e.ctx, info.ID)
	if err != nil {
		e.Fatal(err)
	}
	if first.Memory == 0 || first.MemoryLimit != 64<<20 || first.PIDs == 0 || first.PIDsLimit != 30 || first.CPU <= 0 || first.OnlineCPUs <= 0 {
		e.Errorf("stats = %+v", first)
	}
	second, err := s.Stats(e.ctx, info.ID)
	if err != nil || second.Time.Before(first.Time) || second.CPU < first.CPU && second.PIDs >= first.PIDs {
		e.Errorf("second stats = %+v, %v, after %+v", second, err, first)
	}
	e.kill(info.ID)
	_, err = s.Stats(e.ctx, info.ID)
	e.wantClass("stats of a stopped container", err, vzcontract.ErrConflict)
}

func top(e *env) {
	t := e.b.(vzcontract.Topper)
	cfg := e.config("sh", "-c", "sleep 1000 & echo ready; wait")
	cfg.User = "app"
	info := e.start(cfg)
	e.awaitLine(info.ID, "ready")
	list, err := t.Top(e.ctx, info.ID)
	if err != nil {
		e.Fatal(err)
	}
	if len(list) < 1 || list[0].PID != info.PID || list[0].UID != 1000 || list[0].Args[0] != "sh" {
		e.Fatalf("top = %+v, want the shell with pid %d first", list, info.PID)
	}
	sleeps := slices.ContainsFunc(list, func(p vzcontract.Process) bool {
		return strings.HasSuffix(strings.Join(p.Args, " "), "sleep 1000") && p.PPID == info.PID
	})
	// The child may not have replaced its image yet.
	if !sleeps && len(list) < 2 {
		e.Errorf("top lacks the shell's child: %+v", list)
	}
	e.kill(info.ID)
	_, err = t.Top(e.ctx, info.ID)
	e.wantClass("top of a stopped container", err, vzcontract.ErrConflict)
}
