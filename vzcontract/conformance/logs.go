package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"vz.internal/vzcontract"
)

var logChecks = []check{
	{name: "logs-streams", run: logsStreams},
	{name: "logs-tail", run: logsTail},
	{name: "logs-since-until", run: logsSinceUntil},
	{name: "logs-follow", run: logsFollow},
	{name: "logs-follow-many", run: logsFollowMany},
	{name: "logs-emit-error", run: logsEmitError},
	{name: "logs-long-line", run: logsLongLine},
	{name: "logs-none", run: logsNone},
	{name: "logs-rotate", run: logsRotate},
}

func logsStreams(e *env) {
	info := e.start(e.config("sh", "-c", "echo out; echo err >&2; printf tail"))
	e.wait(info.ID)
	for want, opts := range map[string]vzcontract.LogOptions{
		"out\ntail": {Tail: -1, Stdout: true},
		"err\n":     {Tail: -1, Stderr: true},
	} {
		if got := e.logs(info.ID, opts); got != want {
			e.Errorf("logs %+v = %q, want %q", opts, got, want)
		}
	}
	streams := map[string]int{}
	err := e.b.Logs(e.ctx, info.ID, vzcontract.LogOptions{Tail: -1}, func(l vzcontract.LogEntry) error {
		streams[l.Stream]++
		if l.Time.Before(info.CreatedAt) || time.Since(l.Time) < 0 {
			e.Errorf("line at %v, container created at %v", l.Time, info.CreatedAt)
		}
		return nil
	})
	if err != nil || streams["stdout"] != 2 || streams["stderr"] != 1 {
		e.Errorf("streams of the log = %v, %v", streams, err)
	}
}

func logsTail(e *env) {
	info := e.start(e.config("seq", "1000"))
	e.wait(info.ID)
	for tail, want := range map[int]string{0: "", 1: "1000\n", 3: "998\n999\n1000\n"} {
		if got := e.logs(info.ID, vzcontract.LogOptions{Tail: tail}); got != want {
			e.Errorf("tail %d = %q, want %q", tail, got, want)
		}
	}
	for _, tail := range []int{-1, 1000, 5000} {
		if got := strings.Count(e.logs(info.ID, vzcontract.LogOptions{Tail: tail}), "\n"); got != 1000 {
			e.Errorf("tail %d has %d lines, want 1000", tail, got)
		}
	}
}

func logsSinceUntil(e *env) {
	cfg := e.config("sh", "-c", "echo first; read a; echo second")
	cfg.OpenStdin, cfg.StdinOnce = true, true
	info := e.start(cfg)
	e.awaitLine(info.ID, "first")
	between := time.Now()
	<-time.After(2 * time.Millisecond) // clocks of lines may be coarse
	a, err := e.b.Attach(e.ctx, info.ID, vzcontract.AttachOptions{Stdio: vzcontract.Stdio{In: strings.NewReader("\n")}})
	if err != nil {
		e.Fatal(err)
	}
	if _, err := a.Wait(e.ctx); err != nil {
		e.Fatal(err)
	}
	e.wait(info.ID)
	if got := e.logs(info.ID, vzcontract.LogOptions{Tail: -1, Since: between}); got != "second\n" {
		e.Errorf("logs since the middle = %q, want second", got)
	}
	if got := e.logs(info.ID, vzcontract.LogOptions{Tail: -1, Until: between}); got != "first\n" {
		e.Errorf("logs until the middle = %q, want first", got)
	}
}

// logsFollow follows from before the start to the end.
func logsFollow(e *env) {
	info := e.start(e.config("sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.05; done"))
	if got := e.logs(info.ID, vzcontract.LogOptions{Tail: -1, Follow: true}); got != "1\n2\n3\n" {
		e.Errorf("followed log = %q, want 1 2 3", got)
	}
	e.wait(info.ID)
	if got := e.logs(info.ID, vzcontract.LogOptions{Tail: 1, Follow: true}); got != "3\n" {
		e.Errorf("follow of a stopped container = %q, want 3", got)
	}
	running := e.running()
	ctx, cancel := context.WithCancel(e.ctx)
	err := e.b.Logs(ctx, running.ID, vzcontract.LogOptions{Tail: -1, Follow: true}, func(vzcontract.LogEntry) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		e.Errorf("cancelled follow = %v, want context.Canceled", err)
	}
}

// logsFollowMany loses no line of a fast writer.
func logsFollowMany(e *env) {
	const lines = 20000
	info := e.start(e.config("seq", fmt.Sprint(lines)))
	next := 1
	err := e.b.Logs(e.ctx, info.ID, vzcontract.LogOptions{Tail: -1, Follow: true}, func(l vzcontract.LogEntry) error {
		if string(l.Line) != fmt.Sprintf("%d\n", next) {
			return fmt.Errorf("line %q, want %d", l.Line, next)
		}
		next++
		return nil
	})
	if err != nil || next != lines+1 {
		e.Errorf("followed %d of %d lines: %v", next-1, lines, err)
	}
}

func logsEmitError(e *env) {
	info := e.start(e.config("seq", "10"))
	e.wait(info.ID)
	calls := 0
	err := e.b.Logs(e.ctx, info.ID, vzcontract.LogOptions{Tail: -1}, func(vzcontract.LogEntry) error {
		calls++
		return errFound
	})
	if !errors.Is(err, errFound) || calls != 1 {
		e.Errorf("logs after emit's error = %v, %d calls", err, calls)
	}
}

func logsLongLine(e *env) {
	info := e.start(e.config("sh", "-c", "x=0123456789; x=$x$x$x$x$x$x$x$x$x$x; x=$x$x$x$x$x$x$x$x$x$x; x=$x$x$x$x$x$x$x$x$x$x; x=$x$x$x$x$x$x$x$x$x$x; echo $x; echo last"))
	e.wait(info.ID)
	want := strings.Repeat("0123456789", 10000) + "\nlast\n"
	if got := e.logs(info.ID, vzcontract.LogOptions{Tail: -1}); got != want {
		e.Errorf("log of a long line has %d bytes, want %d", len(got), len(want))
	}
}

func logsNone(e *env) {
	cfg := e.config("echo", "x")
	cfg.Log.Driver = "none"
	info := e.start(cfg)
	e.wait(info.ID)
	err := e.b.Logs(e.ctx, info.ID, vzcontract.LogOptions{Tail: -1}, func(vzcontract.LogEntry) error { return nil })
	e.wantClass("logs without a log", err, vzcontract.ErrUnsupported)
	if e.inspect(info.ID).LogPath != "" {
		e.Error("a container without a log has a log path")
	}
}

// logsRotate keeps the newest lines within the bound.
func logsRotate(e *env) {
	const lines = 5000
	cfg := e.config("seq", fmt.Sprint(lines))
	cfg.Log.MaxSize, cfg.Log.MaxFiles = 8<<10, 2
	info := e.start(cfg)
	e.wait(info.ID)
	got := e.logs(info.ID, vzcontract.LogOptions{Tail: -1})
	if len(got) == 0 || len(got) > 3*8<<10 {
		e.Errorf("the rotated log has %d bytes, want some and at most about 16 KiB", len(got))
	}
	first := 0
	if _, err := fmt.Sscan(got, &first); err != nil || first <= 1 {
		e.Fatalf("the rotated log begins with %d, %v", first, err)
	}
	var want strings.Builder
	for i := first; i <= lines; i++ {
		fmt.Fprintln(&want, i)
	}
	if got != want.String() {
		e.Errorf("the rotated log from %d on has gaps", first)
	}
}
